"""What the loop says of a resource that needs nothing more, and of one that goes: once, however many turns it takes."""

from collections.abc import Iterator, Mapping, Sequence

from structlog.testing import capture_logs

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.model.facts import ClusterFacts, Problem, Ref
from penstock_operator.model.launch import Launch
from penstock_operator.model.plan import Event
from penstock_operator.platforms.port import StorageAccess
from penstock_operator.reconcile.loop import Loop

REF = Ref("default", "clicks")
BODY = {
    "metadata": {"namespace": "default", "name": "clicks", "uid": "u-1", "generation": 1},
    "spec": {
        "job": {
            "jarURI": "local:///opt/job.py",
            "parallelism": 1,
            "upgradeMode": "stateless",
            "state": "suspended",
        }
    },
}


class Still:
    """A platform on which nothing moves by itself."""

    def __init__(self) -> None:
        self.resource: FlinkDeployment | None = FlinkDeployment.from_wire(BODY)
        self.events: list[Event] = []
        self.left = ClusterFacts()

    def read(self, ref: Ref) -> FlinkDeployment | None:
        return self.resource

    def write_status(self, resource: FlinkDeployment, status: FlinkDeploymentStatus) -> FlinkDeployment:
        self.resource = resource.model_copy(update={"status": status})
        return self.resource

    def hold(self, resource: FlinkDeployment) -> FlinkDeployment:
        return resource

    def release(self, resource: FlinkDeployment) -> None:
        self.resource = None

    def emit(self, resource: FlinkDeployment, event: Event) -> None:
        self.events.append(event)

    def refusals(self, resource: FlinkDeployment) -> tuple[Problem, ...]:
        return ()

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        return self.left

    def deploy(self, resource: FlinkDeployment, launch: Launch) -> None:
        raise AssertionError("nothing is to be started")

    def stop(self, resource: FlinkDeployment) -> None:
        pass

    def remove(self, resource: FlinkDeployment) -> None:
        pass

    def refresh_copies(self, resource: FlinkDeployment) -> None:
        pass

    def storage(self, resource: FlinkDeployment) -> StorageAccess:
        return StorageAccess({})

    def defaults(self, namespace: str) -> Mapping[str, str]:
        return {}

    def job_namespace(self, resource: FlinkDeployment) -> str:
        return "default-clicks"

    def logs(self, resource: FlinkDeployment, *, follow: bool) -> Iterator[str]:
        return iter(())


def _said(logs: Sequence[Mapping[str, object]]) -> int:
    return sum(1 for line in logs if str(line["event"]).startswith("Resource fully reconciled"))


def test_a_resource_that_needs_nothing_is_said_to_once_for_each_generation() -> None:
    platform = Still()
    loop = Loop(platform)
    with capture_logs() as logs:
        for _ in range(5):
            loop.reconcile(REF)
    assert _said(logs) == 1
    assert platform.resource is not None
    body = platform.resource.to_wire()
    body["metadata"]["generation"] = 2
    body["spec"]["job"]["args"] = ["more"]
    platform.resource = FlinkDeployment.from_wire(body)
    with capture_logs() as logs:
        for _ in range(5):
            loop.reconcile(REF)
    assert _said(logs) == 1


def test_a_deletion_that_takes_many_turns_posts_one_event() -> None:
    platform = Still()
    loop = Loop(platform)
    loop.reconcile(REF)
    assert platform.resource is not None
    body = platform.resource.to_wire()
    body["metadata"]["deletionTimestamp"] = "2999-01-01T00:00:00Z"
    platform.resource = FlinkDeployment.from_wire(body)
    platform.left = ClusterFacts(
        job_manager_exists=True, task_managers_exist=True, processes_left=2, leftovers=True
    )
    platform.events.clear()
    for _ in range(6):
        loop.reconcile(REF)
    assert [event.reason.value for event in platform.events] == ["Cleanup"]
    platform.left = ClusterFacts()
    assert loop.reconcile(REF) is None
    assert platform.resource is None
