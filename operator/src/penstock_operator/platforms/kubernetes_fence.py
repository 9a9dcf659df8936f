"""A job's objects are put over what was there a moment ago, and over nothing newer. Called by the Kubernetes platform.

A write that is on its way while its sender is held up may arrive after another leader has gone on: what decides which
program runs (the Deployments and the configuration that they read) is then left alone, and the sender is told so.
"""

from penstock_operator.clients.kube import KubeClient, Manifest


def put(client: KubeClient, manifest: Manifest) -> None:
    """Apply; raises `Conflict` where a Deployment or ConfigMap was made or changed since it was looked at."""
    kind, meta = manifest["kind"], manifest["metadata"]
    if kind not in ("ConfigMap", "Deployment"):
        client.apply(manifest)
        return
    found = client.get(kind, meta["name"], meta["namespace"])
    if found is None and kind == "Deployment":
        found = client.create(manifest)  # `apply` would not mind one that somebody else made meanwhile
    if found is None:
        client.apply(manifest)
        return
    version = found["metadata"]["resourceVersion"]
    client.apply({**manifest, "metadata": {**meta, "resourceVersion": version}})
