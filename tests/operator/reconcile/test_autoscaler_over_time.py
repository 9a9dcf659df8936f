"""The autoscaler of one job from sample to sample: clocks that are set back, Events that are said again, a state that is reset."""

from typing import Any

import pytest

from penstock_api.v1beta1.autoscaler import AutoscalerStatus, MemoryTuning
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.autoscale import codec
from penstock_operator.autoscale.signals import Graph, Sample
from penstock_operator.decide.specs import encode_spec
from penstock_operator.model.facts import ClusterFacts, Ref
from penstock_operator.observe import signals
from penstock_operator.platforms.port import Spare
from penstock_operator.reconcile.autoscaling import Autoscaling
from tests.operator.autoscale.series import steady, two_vertices

REF = Ref("default", "clicks")
EVERY = 15.0


class Place:
    """A platform that remembers for the autoscaler."""

    def __init__(self) -> None:
        self.memory: bytes | None = None

    def defaults(self, namespace: str) -> dict[str, str]:
        return {}

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        return ClusterFacts(rest_url="http://nowhere")

    def spare_task_managers(self, resource: FlinkDeployment) -> Spare:
        return Spare(None)

    def recall_autoscaler(self, resource: FlinkDeployment) -> bytes | None:
        return self.memory

    def keep_autoscaler(self, resource: FlinkDeployment, memory: bytes | None) -> None:
        self.memory = memory

    def recall_recording(self, resource: FlinkDeployment) -> None:
        return None

    def keep_recording(self, resource: FlinkDeployment, memory: bytes | None) -> None:
        """Nowhere."""


class Watched:
    """A job of steady load that could do with less, looked at whenever a sample is due."""

    def __init__(self, **options: str) -> None:
        self.place, self.clock, self.passed = Place(), 1_000_000.0, 0.0
        self.taken = 0
        keys = {"mode": "advise", "stabilization.interval": "1 s", "scale-down.interval": "0 s"}
        body: dict[str, Any] = {
            "metadata": {"name": REF.name, "namespace": REF.namespace},
            "spec": {
                "engine": "Penstock",
                "job": {"jarURI": "local:///a.py", "parallelism": 2},
                "flinkConfiguration": {
                    f"job.autoscaler.{key.replace('_', '.')}": text for key, text in (keys | options).items()
                },
            },
            "status": {"jobStatus": {"state": "RUNNING", "jobId": "a"}},
        }
        self.resource = FlinkDeployment.from_wire(body)
        self.start()

    def start(self) -> None:
        """An operator that knows what is stored."""
        self.autoscaling = Autoscaling(self.place, lambda: self.clock)  # type: ignore[arg-type]

    def collect(self, *about: object, **more: object) -> tuple[Graph, Sample]:
        self.taken += 1
        *_, newest = steady(1000.0, 0.1, round(self.passed / EVERY) + 1)
        return two_vertices(8), newest

    def look(self, count: int = 1) -> list[str]:
        """So many turns, a sample's interval apart; what is said in them."""
        said = []
        for _ in range(count):
            self.clock, self.passed = self.clock + EVERY, self.passed + EVERY
            found = self.autoscaling.look(self.resource)
            self.status = self.resource.status.model_copy(update={"autoscaler": found})
            self.resource = self.resource.model_copy(update={"status": self.status})
            said += [one.message for one in self.autoscaling.events(REF)]
        return said

    @property
    def autoscaler(self) -> AutoscalerStatus:
        assert self.status.autoscaler is not None
        return self.status.autoscaler

    def reconciled(self, spec: FlinkDeploymentSpec) -> None:
        """The loop has carried this spec out."""
        held = self.resource.status.reconciliation_status
        held = held.model_copy(update={"last_reconciled_spec": encode_spec(spec)})
        status: FlinkDeploymentStatus = self.resource.status.model_copy(
            update={"reconciliation_status": held}
        )
        self.resource = self.resource.model_copy(update={"status": status})

    def with_nonce(self, nonce: int) -> FlinkDeploymentSpec:
        """The owner writes it."""
        assert self.resource.spec.job is not None
        job = self.resource.spec.job.model_copy(update={"autoscaler_reset_nonce": nonce})
        spec = self.resource.spec.model_copy(update={"job": job})
        self.resource = self.resource.model_copy(update={"spec": spec})
        return spec


def watched(monkeypatch: pytest.MonkeyPatch, **options: str) -> Watched:
    made = Watched(**options)
    monkeypatch.setattr(signals, "collect", made.collect)
    return made


def test_samples_go_on_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    job = watched(monkeypatch)
    job.look(10)
    assert job.taken == 10
    kept, job.place.memory = job.place.memory, None
    assert kept is not None
    job.clock -= 24 * 3600.0
    job.look(10)
    assert job.taken == 20
    assert job.place.memory is not None, "what is learnt is kept too"


def test_advice_is_said_once_and_again_after_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    job = watched(monkeypatch, **{"scaling.event.interval": "10 min"})
    assert len([one for one in job.look(80) if "recommended scaling" in one]) == 1
    assert len([one for one in job.look(39) if "recommended scaling" in one]) == 1
    assert len([one for one in job.look(80) if "recommended scaling" in one]) == 2
    quiet = watched(monkeypatch, **{"scaling.event.interval": "1 d"})
    assert len([one for one in quiet.look(400) if "recommended scaling" in one]) == 1


def test_new_reset_nonce_forgets_what_was_learnt_and_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    job = watched(monkeypatch, mode="active")
    job.look(80)
    assert job.autoscaler.overrides
    memory = MemoryTuning(observed="500Mi", of="2048m", applied="640Mi")
    held = job.autoscaler.model_copy(update={"memory": memory})
    job.resource = job.resource.model_copy(
        update={"status": job.status.model_copy(update={"autoscaler": held})}
    )
    job.start()
    job.reconciled(job.resource.spec)
    job.look()
    assert job.autoscaler.overrides
    spec = job.with_nonce(1)
    job.look()
    assert not job.autoscaler.overrides
    assert job.autoscaler.scaled_at is None
    assert job.autoscaler.memory is not None
    assert job.autoscaler.memory.applied == "640Mi", "no start for its sake"
    assert len(codec.decode(job.place.memory).samples) <= 1
    job.look(3)
    assert len(codec.decode(job.place.memory).records) == 0
    job.reconciled(spec)
    job.start()
    job.look(70)
    assert job.autoscaler.overrides, "it learns and decides anew, and the nonce is obeyed once"


def test_nonce_of_the_first_start_resets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job = watched(monkeypatch, mode="active")
    spec = job.with_nonce(7)
    job.look(80)
    assert job.autoscaler.overrides
    job.reconciled(spec)
    job.look()
    assert job.autoscaler.overrides
