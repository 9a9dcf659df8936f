"""The loop: read `loop.py` first; `workqueue.py` says when it runs."""
