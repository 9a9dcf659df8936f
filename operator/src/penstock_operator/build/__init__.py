"""Pure: a launch in, Kubernetes objects out, one kind a file. No client, no clock, no randomness."""
