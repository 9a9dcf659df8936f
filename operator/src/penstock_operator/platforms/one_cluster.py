"""Part of a platform on which no second set of pods can stand beside a job's: its upgrades are by Recreate.

The local platform and session clusters have it. `room` says so, and nothing else is ever asked then.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.errors import UserError
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import Launch

_WHY = "spec.upgradeStrategy Warm needs a Kubernetes cluster: here the job is stopped first, as by Recreate"


class OneCluster:
    """The warm part of the port, for a platform that has none."""

    def prepare(self, resource: FlinkDeployment, launch: Launch) -> None:
        """Refused: `room` says that there is none."""
        raise UserError(Reason.WARM_UPGRADE_NOT_POSSIBLE, _WHY)

    def retire(self, resource: FlinkDeployment, cluster: str, rest: Launch | None) -> None:
        """Nothing ever stands beside a job."""

    def room(self, resource: FlinkDeployment, launch: Launch) -> Problem | None:
        """None, and why."""
        return Problem(Reason.WARM_UPGRADE_NOT_POSSIBLE, _WHY)

    def word_url(self, resource: FlinkDeployment) -> str | None:
        """Nobody waits for a word."""
        return None
