"""Where jobs run: Kubernetes, or processes of this machine, behind the one port of `platforms/port.py`."""
