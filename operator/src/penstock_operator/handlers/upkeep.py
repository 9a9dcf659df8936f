"""What keeps the process itself in order: its mounted configuration, the webhook's certificates, its metrics.

Made and driven by `handlers/app.py`. The configuration is followed by every replica, certificates are kept by the leader.
"""

from collections.abc import Callable, Mapping

import structlog

from penstock_operator.clients.kube import KubeClient
from penstock_operator.configuration.source import Source, Watcher
from penstock_operator.configuration.values import Values
from penstock_operator.settings import Settings
from penstock_operator.webhook.keeper import Keeper, Place

log = structlog.get_logger(__name__)

Reconfigure = Callable[[Mapping[str, str]], None]


class Upkeep:
    """Started with the process; `lead` once it leads; `close` at its end, more than once does no harm."""

    def __init__(self, settings: Settings, client: KubeClient, source: Source) -> None:
        self._settings = settings
        self._client = client
        self._source = source
        self._watcher = Watcher(source)
        self._keeper: Keeper | None = None

    @property
    def values(self) -> Values:
        """The operator's options as they are now."""
        return self._source.values

    def follow(self, reconfigure: Reconfigure) -> None:
        """Call back with the keys at each change from now on."""
        self._source.listen(reconfigure)
        self._watcher.start()

    def lead(self) -> None:
        """Keep the webhook's certificates, where there is a webhook."""
        settings = self._settings
        if not settings.webhook_configurations:
            return
        place = Place(
            settings.operator_namespace,
            settings.webhook_service,
            settings.webhook_secret,
            settings.webhook_configurations,
        )
        self._keeper = Keeper(self._client, place)
        self._keeper.start()

    def close(self) -> None:
        """Stop what runs."""
        self._watcher.stop()
        if self._keeper is not None:
            self._keeper.stop()


def watched_namespaces(settings: Settings, values: Values) -> tuple[str, ...]:
    """Namespaces whose resources are served, none meaning all: WATCH_NAMESPACES, else `watched.namespaces`."""
    if settings.watch_namespaces and not values.boolean("dynamic.namespaces.enabled"):
        return settings.watch_namespaces
    return values.names("watched.namespaces") or settings.watch_namespaces
