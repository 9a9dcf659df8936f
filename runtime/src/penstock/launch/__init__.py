"""Entry points: the command line, and what starts JobManagers, TaskManagers, programs and mini clusters."""
