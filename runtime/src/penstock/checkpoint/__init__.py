"""Checkpoints: the coordinator and the store in the JobManager; alignment and state objects in the slots."""
