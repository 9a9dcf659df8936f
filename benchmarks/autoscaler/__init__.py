"""Autoscalers against load traces: `python -m benchmarks.autoscaler`. A model of the job, three policies, one score."""
