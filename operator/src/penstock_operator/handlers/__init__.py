"""The doors: what wakes the operator in a cluster. `app.py` starts it, `deployment.py` holds the decorators."""
