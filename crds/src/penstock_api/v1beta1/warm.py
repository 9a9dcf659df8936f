"""How an upgrade replaces the old pods, and what is recorded of one that brings the new ones up first.

Part of a FlinkDeployment's spec and status. A phase is written before the act that belongs to it.
"""

from enum import StrEnum

from penstock_api.v1beta1.model import ApiModel


class UpgradeStrategy(StrEnum):
    """What happens first in an upgrade."""

    RECREATE = "Recreate"
    """The old pods end, then the new ones start."""
    WARM = "Warm"
    """The new pods come up, and wait; then the old job is stopped and the new one started from what it left."""


class WarmPhase(StrEnum):
    """Where a warm upgrade is."""

    PREPARING = "Preparing"
    """The new version's pods are being brought up; the old job runs."""
    READY = "Ready"
    """They are up, and the old job is being stopped."""
    RETIRING = "Retiring"
    """The new job was started; the other pods are being removed."""
    DISCARDING = "Discarding"
    """The new version's pods are being removed; the old job is as it was."""
    FAILED = "Failed"
    """The new version's pods did not come up: the old job runs on until the spec changes."""
    NO_ROOM = "NoRoom"
    """There was no room for both: the old pods are replaced as by Recreate."""


class WarmUpgrade(ApiModel):
    """One warm upgrade, from its first pod to the removal of the last old one."""

    phase: WarmPhase = WarmPhase.PREPARING
    """Where it is."""
    cluster: str = ""
    """Name of the pods beside those of the job: the new version's until it is started, then the old one's."""
    spec: str = ""
    """JSON of the spec that the new version's pods were made for."""
    job_id: str = ""
    """Id of the new version's job."""
    began: int | None = None
    """When the phase began, in milliseconds since the epoch."""
    reason: str = ""
    """Why the new version's pods are removed, one word."""
    message: str = ""
    """Why they are removed, in a sentence."""
