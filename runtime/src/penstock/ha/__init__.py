"""Several JobManagers of one cluster, of which one leads: election, its address, pointers to jobs and checkpoints."""
