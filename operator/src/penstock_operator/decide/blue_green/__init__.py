"""Blue/green, decided purely: one phase a file, `planner.py` chooses. Facts in, plan out; no clock, no client."""
