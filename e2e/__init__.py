"""End-to-end tests on a real Kubernetes node: `python -m e2e.run` runs all of them."""
