"""An operator whose view of the API server is perturbed at one of its writes. Used by `views.py`.

A perturbation happens once, at the write of the wanted number; after it, and before it, everything is as it is.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import urllib3

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.autoscale import codec
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import ExternalError, OperatorError
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from penstock_operator.reconcile.autoscaling import Autoscaling
from penstock_operator.reconcile.loop import Loop
from tests.campaign.driver import Turner, World, is_trial
from tests.servers.stub_jobmanager import VERTEX

Manifest = dict[str, Any]

STALE_READS = 40
"""So many reads after the write are answered from before it."""
MISSED_TURNS = 6
"""So many turns are told of no event."""
_UNCOUNTED = ("events",)


class Perturbation(StrEnum):
    """What is done to the operator at one of its writes."""

    NONE = "none"
    CRASH_BEFORE = "crash before the write"
    CRASH_AFTER = "crash after the write"
    LOST_ANSWER = "answer lost"
    REFUSED = "write refused once"
    TOUCHED = "the resource changed before the write"
    STALE_READS = "stale reads after the write"
    MISSED_EVENTS = "no events after the write"
    OTHER_LEADER = "another leader ends the rollout while the write is on its way"


class Killed(BaseException):
    """The operator's process ends here; nothing of it may catch this."""


class PerturbedClient(KubeClient):
    """Counts writes, and perturbs at one of them. Remembers what every read said, to say it again."""

    def __init__(self, api: Any, what: Perturbation, at: int, touch: Callable[[], None]) -> None:
        """`touch` is what somebody else does just before the write, where the perturbation is of that kind."""
        super().__init__(api)
        self.writes: list[str] = []
        self.is_hit = False
        self._what, self._at, self._touch = what, at, touch
        self._said: dict[str, Manifest | None] = {}
        self._stale_left = 0
        self._deaf_left = 0

    @property
    def misses_events(self) -> bool:
        """Whether this turn's events are kept from the operator."""
        self._deaf_left -= self._deaf_left > 0
        return self._deaf_left > 0

    def _json(self, method: str, path: str, *arguments: Any, **options: Any) -> Manifest | None:
        if method != "GET":
            return super()._json(method, path, *arguments, **options)
        question = f"{path} {arguments}"
        if self._stale_left > 0 and question in self._said:
            self._stale_left -= 1
            return json.loads(json.dumps(self._said[question]))  # type: ignore[no-any-return]
        found = super()._json(method, path, *arguments, **options)
        self._said[question] = found
        return found

    def _send(self, method: str, path: str, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        is_event = path.split("/")[-2] in _UNCOUNTED or path.endswith(_UNCOUNTED)
        if method == "GET" or is_event or is_trial(arguments):
            return super()._send(method, path, *arguments, **options)
        self.writes.append(f"{method} {path}")
        if self.is_hit or len(self.writes) != self._at:
            return super()._send(method, path, *arguments, **options)
        self.is_hit = True
        return self._perturb(method, path, *arguments, **options)

    def _perturb(self, method: str, path: str, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        match self._what:
            case Perturbation.CRASH_BEFORE:
                raise Killed
            case Perturbation.REFUSED:
                raise ExternalError(Reason.ERROR, f"{method} {path}: refused by the campaign (HTTP 500)")
            case Perturbation.TOUCHED | Perturbation.OTHER_LEADER:
                self._touch()
        try:
            response = super()._send(method, path, *arguments, **options)
        except OperatorError:
            if self._what is Perturbation.OTHER_LEADER:
                raise Killed from None
            raise
        match self._what:
            case Perturbation.CRASH_AFTER | Perturbation.OTHER_LEADER:
                # One that leads no more sends no other write: the client's guard sees to that.
                response.read()
                raise Killed
            case Perturbation.LOST_ANSWER:
                response.read()
                raise ExternalError(Reason.ERROR, f"{method} {path}: the answer was lost by the campaign")
            case Perturbation.STALE_READS:
                self._stale_left = STALE_READS
            case Perturbation.MISSED_EVENTS:
                self._deaf_left = MISSED_TURNS
        return response


class Decided(Autoscaling):
    """The autoscaler where its first look at a running job decides, by the same steps: kept, then in the status."""

    def look(self, resource: FlinkDeployment) -> AutoscalerStatus | None:
        held, meta = resource.status.autoscaler, resource.metadata
        is_on = resource.spec.flink_configuration.get("kubernetes.operator.job.autoscaler.enabled") == "true"
        if not is_on or meta.deletion_timestamp is not None:
            return None
        if held is not None or resource.status.job_status.state is not FlinkJobState.RUNNING:
            return held
        self._platform.keep_autoscaler(resource, codec.encode(codec.decode(None)))
        return AutoscalerStatus(mode="active", overrides={VERTEX: 2}, scaled_at="2026-01-01T00:00:00Z")


class Operator(Turner):
    """A turner whose operator may die, which then begins anew with nothing in memory."""

    def __init__(self, world: World, ref: Ref, what: Perturbation = Perturbation.NONE, at: int = 0) -> None:
        super().__init__(world, ref)
        self._what = what
        self.perturbed = PerturbedClient(world.client._api, what, at, self._touch)
        self._begin()

    def turn(self) -> bool:
        if not self.perturbed.misses_events:  # else what is remembered counts, whatever changed since
            self.perturbed.memory = type(self.perturbed.memory)()
        before = len(self.perturbed.writes)
        try:
            self._loop.reconcile(self.ref)
        except Killed:
            self._begin()
            return True
        return len(self.perturbed.writes) != before

    def _begin(self) -> None:
        platform = KubernetesPlatform(self.perturbed, Defaults(), rest_address=self.world.stubs.address)
        self.perturbed.memory = type(self.perturbed.memory)()
        self._loop = Loop(platform, lambda: self.perturbed.memory.recalling())
        self._loop._autoscaling = Decided(platform)

    def _touch(self) -> None:
        """Somebody else is quicker: another leader to the rollout's end, or a tool that notes something down."""
        if self._what is Perturbation.OTHER_LEADER:
            Operator(self.world, self.ref).settle()
        elif self.read() is not None:
            noted = {"metadata": {"annotations": {"campaign": "was here"}}}
            self.world.client.patch("FlinkDeployment", self.ref.name, self.ref.namespace, noted)
