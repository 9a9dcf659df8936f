"""Messages between JobManager, TaskManager and slot: pydantic models, nothing else."""
