"""The JobManager's control: the job's pure machine, its scheduler, and the shell that does their I/O."""
