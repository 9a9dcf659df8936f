"""A throw-away Kubernetes cluster for the end-to-end tests.

Called by `python -m e2e.cluster` and by the test session. It uses kind where Docker answers, and where not it builds
a control plane and a kubelet from Go modules and runs them as processes. It never touches a cluster of anyone else,
never listens on an address that is not loopback or its own bridge, and removes everything it made.
"""
