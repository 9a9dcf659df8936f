"""The operator: streaming jobs as Kubernetes objects, reconciled by one level-triggered loop."""
