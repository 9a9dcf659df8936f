"""Container images of the operator and the runtime: `python images/build.py` builds both as OCI archives."""
