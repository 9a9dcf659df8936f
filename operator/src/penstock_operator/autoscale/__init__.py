"""Autoscaling from lag: samples in, a parallelism for each vertex and the reason for it out.

collect (`observe/`) → `evaluate` → `recommend` → `guards` → apply (`act/`). Everything in this package is pure: the
time is an argument, what must be remembered is a value, so that a decision can be explained and replayed.
"""
