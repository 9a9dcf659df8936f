"""A simulated platform and job for golden rollouts: the plan is stepped, and every step is written as a line of text.

One turn of the world: observe, decide, write, act. The job needs one turn to start, a savepoint one turn to complete,
processes one turn to end. `World.crash_before` loses the turn at a chosen point, as an operator that is killed would.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import RestorePolicy
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.decide.planner import decide, failed_plan
from penstock_operator.decide.restore import named_path, restore_policy, wants_state
from penstock_operator.decide.scaling import wants_vertices
from penstock_operator.decide.warm import wants_room
from penstock_operator.errors import ExternalError
from penstock_operator.model.facts import (
    ApplicationFacts,
    BesideFacts,
    ClusterFacts,
    DeployedJob,
    Facts,
    JobFacts,
    Problem,
    RoomFacts,
    SavepointProgress,
    Snapshot,
    StateFacts,
    Thrown,
    VertexFacts,
)
from penstock_operator.model.launch import Launch
from penstock_operator.model.lifecycle import is_legal
from penstock_operator.model.plan import (
    CancelJob,
    DeleteResource,
    Deploy,
    Hold,
    KeepRevision,
    Plan,
    Prepare,
    Release,
    Remove,
    Rescale,
    Retire,
    SetTaskManagers,
    Stop,
    TakeSnapshot,
    TriggerSavepoint,
)
from penstock_operator.model.warm import beside, spared

BASE = {
    "metadata": {"namespace": "default", "name": "clicks", "uid": "u-1", "generation": 1},
    "spec": {
        "job": {
            "jarURI": "local:///opt/job.py",
            "parallelism": 2,
            "upgradeMode": "savepoint",
        },
        "flinkConfiguration": {
            "taskmanager.numberOfTaskSlots": "1",
            "state.checkpoints.dir": "s3://state/chk",
            "state.savepoints.dir": "s3://state/sp",
        },
    },
}


@dataclass
class Waiting:
    """Pods beside those of the job: of a version that waits for the word, or of one that was replaced."""

    name: str
    launch: Launch | None = None
    exists: bool = True
    processes: int = 3
    turns: int = 2
    """Until they are ready."""


@dataclass
class World:
    """The world outside of the decision."""

    resource: FlinkDeployment
    clock: int = 1_800_000_000_000
    turns: int = 0
    ids: int = 0
    lines: list[str] = field(default_factory=list)
    jm: bool = False
    tm: bool = False
    processes: int = 0
    ending: bool = False
    held: bool = False
    gone: bool = False
    job_id: str | None = None
    job: FlinkJobState | None = None
    checkpoint: int = 0
    snapshots: list[Snapshot] = field(default_factory=list)
    triggers: dict[str, TriggerSavepoint] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    application: ApplicationFacts | None = None
    problems: tuple[Problem, ...] = ()
    cluster_problem: Problem | None = None
    unreachable: bool = False
    silent_about_job: bool = False
    """The JobManager answers, and knows no job."""
    savepoints_fail: str | None = None
    savepoints_wait: bool = False
    newest_is_broken: bool = False
    upgrades_ahead: int = 0
    never_ends: bool = False
    starts_as: FlinkJobState = FlinkJobState.RUNNING
    crash_before: str | None = None
    defaults: dict[str, str] = field(
        default_factory=lambda: {
            "kubernetes.operator.deployment.stability.window": "0 s",
            "kubernetes.operator.snapshot.resource.enabled": "false",
        }
    )
    restarts: int = 0
    thrown: list[Thrown] = field(default_factory=list)
    """Failures that the JobManager remembers, the newest first."""
    revisions: dict[int, str] = field(default_factory=dict)
    cancelling_turns: int = 2
    launched: Launch | None = None
    ran: list[str] = field(default_factory=list)
    """Job ids that were started, oldest first."""
    snapshots_asked: list[TakeSnapshot] = field(default_factory=list)
    """FlinkStateSnapshots that the operator made."""
    task_managers: int = 0
    width: int = 0
    asked_width: int = 0
    limit: int = 32768
    scaling_is: str = "possible"
    """Or `unknown` to the JobManager, `refused`, or `stuck`: accepted and never done."""
    checkpoint_begun: int | None = None
    checkpoint_age: int = 0
    """Of the newest checkpoint, in milliseconds, as the JobManager tells it; 0 for a fixed moment."""
    name: str = "clicks"
    """Of the pods that run the job."""
    other: Waiting | None = None
    """Pods beside them."""
    waiting_problem: Problem | None = None
    waiting_failure: Problem | None = None
    room: Problem | None = None
    """Why there is no room for a warm upgrade."""

    # What the owner does.

    def say(self, text: str) -> None:
        """A heading in the golden file."""
        self.lines.append(f"## {text}")

    def edit(self, change: Callable[[dict], None]) -> None:
        """Change the spec as `kubectl apply` would."""
        body = self.resource.to_wire()
        change(body["spec"])
        body["metadata"]["generation"] += 1
        self.resource = FlinkDeployment.from_wire(body)

    def delete(self) -> None:
        """Ask for the end of the resource."""
        body = self.resource.to_wire()
        body["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
        self.resource = FlinkDeployment.from_wire(body)

    # Turns.

    def settle(self, limit: int = 25) -> None:
        """Turn until nothing changes any more."""
        for _ in range(limit):
            before = self._seen()
            self.turn()
            if self.gone or before == self._seen():
                return
        raise AssertionError("the world does not settle:\n" + "\n".join(self.lines))

    def _seen(self) -> tuple[object, ...]:
        width = (self.width, self.asked_width, self.task_managers)
        return (self.resource.status, self.processes, self.job, self.gone, width, str(self.other))

    def turn(self) -> Plan:
        """Observe, decide, write, act."""
        self.turns += 1
        self.clock += 1000
        old = self.resource.status
        plan = decide(self.facts())
        before, after = old.lifecycle_state, plan.status.lifecycle_state
        assert after is not None
        assert is_legal(before, after), f"{before} to {after} is not a legal move"
        self._log(plan)
        crash, self.crash_before = self.crash_before, None
        if crash != "status":
            self._write(plan.status)
            if crash != "act":
                failed = self._act_all(plan)
                if crash != "after" and plan.after is not None and not failed:
                    self._write(plan.after)
        if crash:
            self.lines.append(f"   (the operator dies before: {crash})")
        self._world_moves()
        return plan

    def pass_time(self, seconds: float, every: float = 10.0) -> None:
        """Let time go by, with a turn now and then as the loop takes it at rest."""
        end = self.clock + seconds * 1000
        while self.clock < end:
            self.clock += int(min(every * 1000, end - self.clock)) - 1000
            self.turn()

    def _act_all(self, plan: Plan) -> bool:
        """As the loop: the first failure ends the turn, and its reason goes to the status."""
        for action in plan.actions:
            try:
                self._act(action)
            except ExternalError as error:
                self.lines.append(f"      fails {error.message}")
                why = Problem(error.reason, error.message)
                self._write(failed_plan(self.facts(), self.resource.status, why))
                return True
        return False

    def facts(self) -> Facts:
        """What can be seen now."""
        self.ids += 1
        if self._is_told():
            return self._facts_of_the_prepared()
        cluster = ClusterFacts(
            job_manager_exists=self.jm,
            task_managers_exist=self.tm,
            job_manager_ready=self.jm and self.job is not None,
            processes_left=self.processes,
            leftovers=self.held and not self.gone and self.job_id is not None,
            task_managers=self.task_managers if self.tm else 0,
            problem=self.cluster_problem,
            beside=self._beside(),
            deployed=self._deployed(),
        )
        found, job = StateFacts(), self._job()
        if wants_state(self.resource, cluster, job):
            found = self._state()
        facts = Facts(
            resource=self.resource,
            now=self.clock,
            cluster=cluster,
            job=job,
            state=found,
            problems=self.problems,
            defaults=self.defaults,
            upgrades_ahead=self.upgrades_ahead,
            new_id=f"{self.ids:032x}",
        )
        is_asked = wants_room(facts, self.resource.spec)
        return replace(facts, room=RoomFacts(self.room) if is_asked else None)

    def _deployed(self) -> DeployedJob | None:
        """What is written on the Deployments."""
        if not self.jm or self.launched is None or self.job_id is None:
            return None
        return DeployedJob(self.job_id, self.launched.generation, self.launched.from_savepoint or "")

    def _is_told(self) -> bool:
        """Whether the status says that the job is what waited, and the word has not reached it."""
        return self.is_waited_for(self._named())

    def is_waited_for(self, name: str) -> bool:
        """Whether pods of this name wait for the word."""
        return self.other is not None and self.other.launch is not None and self.other.name == name

    def _named(self) -> str:
        return self.resource.status.cluster_name or "clicks"

    def _facts_of_the_prepared(self) -> Facts:
        assert self.other
        cluster = ClusterFacts(
            job_manager_exists=self.other.exists,
            task_managers_exist=self.other.exists,
            processes_left=self.other.processes,
            beside=BesideFacts(self.jm, self.jm, self.processes),
        )
        job = JobFacts(reachable=self.other.exists, application=ApplicationFacts("WAITING"))
        wants = wants_state(self.resource, cluster, job)
        return Facts(
            resource=self.resource,
            now=self.clock,
            cluster=cluster,
            job=job,
            state=self._state() if wants else StateFacts(),
            problems=self.problems,
            upgrades_ahead=self.upgrades_ahead,
            defaults=self.defaults,
            new_id=f"{self.ids:032x}",
        )

    def _beside(self) -> BesideFacts | None:
        name, other = beside(self.resource.status), self.other
        if other is not None and not (other.exists or other.processes or other.name == name):
            self.other = None
        if name is None:
            assert self.other is None, "pods that no status names"
            return None
        if self.other is None:
            return BesideFacts()
        assert self.other.name == name
        is_up = self.other.turns <= 0 and self.waiting_problem is None and self.waiting_failure is None
        return BesideFacts(
            self.other.exists,
            self.other.exists,
            self.other.processes,
            self.waiting_problem,
            is_ready=self.other.exists and is_up,
            failure=self.waiting_failure,
        )

    def _state(self) -> StateFacts:
        named = named_path(self.resource)
        ids = self.resource.status.job_status.job_ids
        mine = [s for s in self.snapshots if (s.path == named if named else s.job_id in ids)]
        origin = self.resource.status.job_status.upgrade_savepoint_path
        mine += [s for s in self.snapshots if s.path == origin and s not in mine and not named]
        if restore_policy(self.resource) is RestorePolicy.SAVEPOINT:
            mine = [s for s in mine if s.is_savepoint]
        mine.sort(key=lambda s: (s.checkpoint_id, s.timestamp), reverse=True)
        status = self.resource.status
        is_lost = not status.job_status.job_ids and status.reconciliation_status.last_reconciled_spec is None
        own = [s for s in self.snapshots if is_lost and s.job_id in self.ran]
        newest = max(own, key=lambda s: (s.timestamp, s.checkpoint_id)).path if own and not mine else None
        return StateFacts(looked_up=True, snapshots=tuple(mine), unrecorded=newest)

    def _job(self) -> JobFacts:
        if self.silent_about_job:
            return JobFacts(reachable=True, version="2.3.0")
        if self.unreachable or not self.jm or self.job is None:
            return JobFacts()
        pending = self.resource.status.pending_savepoint
        progress = None
        if pending is not None:
            trigger = pending.trigger_id or ""
            known = trigger in self.triggers
            location = self.locations.get(trigger)
            failure = self.failures.get(trigger) if known else None
            progress = SavepointProgress(known, bool(location or failure), location, failure)
        newest = None
        if self.checkpoint and self.job_id:
            newest = Snapshot(self._chk(), self.checkpoint, self._newest_at(), self.job_id)
            newest = replace(newest, is_complete=not self.newest_is_broken)
        return JobFacts(
            reachable=True,
            state=self.job if self.application is None else None,
            job_id=self.job_id,
            name="clicks",
            start_time=1_800_000_000_000,
            last_checkpoint=newest,
            savepoint=progress,
            application=self.application,
            restarts=self.restarts,
            checkpoint_begun=self.checkpoint_begun,
            version="2.3.0",
            revision="abc",
            state_size=1000 * self.checkpoint if self.checkpoint else None,
            thrown=tuple(self.thrown),
            vertices=self._vertices(),
            idle_task_managers=tuple(f"idle-{n}" for n in range(max(0, self.task_managers - self.width))),
        )

    def _vertices(self) -> tuple[VertexFacts, ...]:
        if self.scaling_is == "unknown" or not wants_vertices(self.resource):
            return ()
        follows = VertexFacts(
            "clicks", min(2, self.asked_width), self.asked_width, self.width, False, self.limit
        )
        return (follows, VertexFacts("report", 1, 1, 1, True))

    def _newest_at(self) -> int:
        if self.checkpoint_age:
            return self.clock - self.checkpoint_age
        return max((s.timestamp for s in self.snapshots if s.path == self._chk()), default=0)

    def _chk(self) -> str:
        return f"s3://state/chk/{self.job_id}/chk-{self.checkpoint}"

    def complete_checkpoint(self) -> None:
        """The running job completes a checkpoint."""
        assert self.job_id
        self.checkpoint += 1
        self.snapshots.append(Snapshot(self._chk(), self.checkpoint, self.clock, self.job_id))

    def lose_processes(self) -> None:
        """JobManager and TaskManagers are deleted behind the operator's back."""
        self.jm = self.tm = False
        self.processes = 0
        self.job = None

    def _write(self, status) -> None:
        self.resource = FlinkDeployment.from_wire(
            self.resource.model_copy(update={"status": status}).to_wire()
        )

    def _act(self, action) -> None:
        if isinstance(action, Hold):
            self.held = True
        elif isinstance(action, Release):
            self.gone = True
        elif isinstance(action, Prepare | Retire):
            self._stand_beside(action)
        elif isinstance(action, Deploy):
            if self.is_waited_for(action.launch.name):
                self._give_word(action.launch)
            elif self.other is not None and self.other.name == action.launch.name:
                assert not self.other.processes, "pods of one name from two launches"
                self.other = None
            assert self.name == action.launch.name or not self.jm, "under two names"
            self.name = action.launch.name
            if not self.jm:
                assert self.processes == 0, "two attempts at one job side by side"
                self.job_id, self.job = action.launch.job_id, FlinkJobState.INITIALIZING
                self.ran.append(self.job_id)
                named = [s for s in self.snapshots if s.path == action.launch.from_savepoint]
                own = [s for s in self.snapshots if s.job_id == self.job_id and not s.is_savepoint]
                self.checkpoint = max((s.checkpoint_id for s in own or named), default=0)
                self.application, self.restarts = None, 0
                self.width = self.asked_width = action.launch.parallelism
                self.task_managers = action.launch.task_managers
            self.jm = self.tm = True
            self.launched = action.launch
            self.processes = 3
        elif isinstance(action, Stop | Remove):
            self._end(action)
        elif isinstance(action, KeepRevision):
            self.revisions.setdefault(action.number, action.spec)
            self.revisions = {n: spec for n, spec in self.revisions.items() if n in action.kept}
        elif isinstance(action, TakeSnapshot):
            self.snapshots_asked.append(action)
        elif isinstance(action, TriggerSavepoint):
            self.triggers.setdefault(action.trigger_id, action)
        else:
            self._tell(action)

    def _end(self, action: Stop | Remove) -> None:
        if self.other is not None and spared(self.resource) != self.other.name:
            self.other.exists = False
        self.jm = self.tm = False
        self.ending = not self.never_ends
        if isinstance(action, Remove) and not self.processes:
            self.held = False

    def _stand_beside(self, action: Prepare | Retire) -> None:
        """Pods beside those of the job come and go."""
        if isinstance(action, Prepare):
            if self.other is None:
                self.other = Waiting(action.launch.name, action.launch)
            assert self.other.launch == action.launch
        elif self.other is not None:
            assert self.other.name == action.cluster
            self.other.exists = False
            self.other = None if action.rest else self.other

    def _give_word(self, launch: Launch) -> None:
        """The old pods stand beside from now on; those that waited run the job."""
        is_over = self.job is None or self.job.is_terminal
        assert is_over or not self.processes, "two attempts at one job side by side"
        assert self.other
        assert self.other.launch
        made = replace(launch, from_savepoint=None, waits=True, generation=self.other.launch.generation)
        assert made == self.other.launch
        old = Waiting(self.name, None, exists=self.jm, processes=self.processes)
        self.lose_processes()
        self.name, self.other = launch.name, old

    def _tell(self, action) -> None:
        """What the JobManager, or the number of its TaskManagers, is asked for."""
        if isinstance(action, DeleteResource):
            self.delete()
        elif isinstance(action, CancelJob):
            if self.jm and self.job and not self.job.is_terminal:
                self.job = FlinkJobState.CANCELLING
        elif isinstance(action, SetTaskManagers):
            self.task_managers = action.count
        elif isinstance(action, Rescale):
            if self.scaling_is == "refused":
                raise ExternalError(Reason.SCALING_FAILED, "the upper bound is above the maximum parallelism")
            self.asked_width = next(each.upper for each in action.bounds if each.vertex == "clicks")

    def _world_moves(self) -> None:
        if self.other is not None:
            self.other.turns -= 1
            self.other.processes = 3 if self.other.exists else 0
        if self.ending and not self.jm:
            self.processes, self.ending, self.job = 0, False, None
        if self.jm and self.job is FlinkJobState.INITIALIZING and self.cluster_problem is None:
            self.job = self.starts_as
        if self.job is FlinkJobState.CANCELLING:
            self.cancelling_turns -= 1
            if self.cancelling_turns <= 0:
                self.job, self.cancelling_turns = FlinkJobState.CANCELED, 2
        if self.asked_width != self.width and self.scaling_is == "possible":
            self.width = min(self.asked_width, self.task_managers)  # of one slot each
        if not self.jm:  # a JobManager forgets its triggers when it ends
            self.triggers = {}
        for trigger, action in self.triggers.items():
            if trigger not in self.locations and trigger not in self.failures and not self.savepoints_wait:
                self._take(trigger, action)

    def _take(self, trigger: str, action: TriggerSavepoint) -> None:
        if self.savepoints_fail or self.job is not FlinkJobState.RUNNING or not self.job_id:
            self.failures[trigger] = self.savepoints_fail or "the job does not run"
            return
        self.checkpoint += 1
        path = f"{action.directory}/savepoint-{self.checkpoint}"
        self.locations[trigger] = path
        self.snapshots.append(Snapshot(path, self.checkpoint, self.clock, self.job_id, True))
        if action.stop:
            self.job = FlinkJobState.FINISHED

    def _log(self, plan: Plan) -> None:
        status = plan.status
        job, held = status.job_status, status.reconciliation_status
        self.lines.append(
            f"{self.turns:3} {plan.rule:16} {status.lifecycle_state} job={job.state} jm="
            f"{status.job_manager_deployment_status} rec={held.state}"
        )
        for action in plan.actions:
            if isinstance(action, KeepRevision):  # goes with every deployment: see the tests of the history
                continue
            self.lines.append(f"      do {_action(action)}")
        for event in plan.events:
            self.lines.append(f"      {event.type} {event.reason}: {event.message}")
        if status.error:
            self.lines.append(f"      error {status.error}")


def _action(action) -> str:
    if isinstance(action, Deploy):
        launch = action.launch
        source = launch.from_savepoint or "nothing"
        name = f" as {launch.cluster}" if launch.cluster else ""
        return f"Deploy job {launch.job_id[-4:]} p={launch.parallelism} {launch.program} from {source}{name}"
    if isinstance(action, Prepare):
        return f"Prepare job {action.launch.job_id[-4:]} as {action.launch.cluster}"
    if isinstance(action, Retire):
        return f"Retire {action.cluster}" + (" and what it needed" if action.rest else "")
    if isinstance(action, TriggerSavepoint):
        word = "Stop with savepoint" if action.stop else "Savepoint"
        drain = ", draining" if action.drain else ""
        return f"{word} {action.trigger_id[-4:]} to {action.directory}{drain}"
    if isinstance(action, SetTaskManagers):
        idle = f", idle {', '.join(action.idle)}" if action.idle else ""
        return f"Have {action.count} TaskManagers{idle}"
    if isinstance(action, Rescale):
        return "Rescale " + ", ".join(f"{each.vertex} {each.lower}-{each.upper}" for each in action.bounds)
    return type(action).__name__


def problem(reason: Reason, message: str = "", component: str = "Operator") -> Problem:
    """A problem with its own sentence unless another is given."""
    return Problem(reason, message or reason.sentence, component)
