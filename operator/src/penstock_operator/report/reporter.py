"""Writes status and Events. Called by `reconcile/loop.py`. A status that did not change is not written."""

import structlog

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.model.plan import Event
from penstock_operator.platforms.port import Platform

log = structlog.get_logger(__name__)


class Reporter:
    """Reports to one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def status(self, resource: FlinkDeployment, status: FlinkDeploymentStatus) -> FlinkDeployment:
        """Write the status if it differs; returns the resource as it is then."""
        if status == resource.status:
            return resource
        return self._platform.write_status(resource, status)

    def events(self, resource: FlinkDeployment, events: tuple[Event, ...]) -> None:
        """Record Events on the resource, and say the same in the log."""
        for event in events:
            log.info(
                ">>> Event",
                resource=f"{resource.metadata.namespace}/{resource.metadata.name}",
                component=event.component,
                reason=event.reason.value,
                message=event.message,
            )
            self._platform.emit(resource, event)
