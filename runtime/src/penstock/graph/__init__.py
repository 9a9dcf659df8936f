"""Pure: the stream graph that a program builds, and the chained job graph that runs."""
