"""Chaos: a job that counts every record once while its processes, its broker and its S3 server are killed, stopped and cut off.

`python -m tests.chaos` runs it (`make chaos`); tests/integration/test_chaos_sample.py runs a short fixed sample. The plan of
faults is drawn from a seed that is printed, so that a failing run can be run again.
"""
