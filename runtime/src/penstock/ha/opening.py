"""The configured high availability, opened. Called by the JobManager's and the TaskManager's launchers."""

from collections.abc import Mapping

from penstock.ha.contract import HighAvailability
from penstock.ha.settings import ZOOKEEPER, HaSettings, read_ha


def open_ha(configuration: Mapping[str, str]) -> HighAvailability | None:
    """A connection of its own, None without high availability; HighAvailabilityDown if it cannot be made."""
    settings = read_ha(configuration)
    return None if settings is None else connect_ha(settings, configuration)


def connect_ha(settings: HaSettings, configuration: Mapping[str, str]) -> HighAvailability:
    """As `open_ha`. The clients are imported here: a process without high availability does without them."""
    if settings.kind == ZOOKEEPER:
        from penstock.ha.zookeeper import ZooKeeperHa

        return ZooKeeperHa(settings)
    from penstock.ha.kubernetes import KubernetesHa
    from penstock.ha.kubernetes_api import in_cluster

    return KubernetesHa(settings, in_cluster(settings.namespace, configuration))
