"""The local platform's commands and its operator process: jobs on this machine, without a cluster."""
