"""What goes wrong, and when: a plan of faults drawn from a seed. Pure; the world (world.py) makes them happen."""

import enum
import random
from collections.abc import Sequence
from dataclasses import dataclass


class FaultKind(enum.StrEnum):
    """Everything that a run may do to the job. Pauses are by SIGSTOP; the proxies slow, cut and refuse calls."""

    KILL_SLOT = "kill-slot"
    KILL_TASKMANAGER = "kill-taskmanager"
    KILL_LEADER = "kill-leader"
    KILL_STANDBY = "kill-standby"
    KILL_JOBMANAGERS = "kill-jobmanagers"
    KILL_KAFKA = "kill-kafka"
    KILL_S3 = "kill-s3"
    KILL_ZOOKEEPER = "kill-zookeeper"
    PAUSE_SLOT = "pause-slot"
    PAUSE_TASKMANAGER = "pause-taskmanager"
    PAUSE_LEADER = "pause-leader"
    PAUSE_KAFKA = "pause-kafka"
    PAUSE_S3 = "pause-s3"
    PAUSE_ZOOKEEPER = "pause-zookeeper"
    SLOW_KAFKA = "slow-kafka"
    CUT_KAFKA = "cut-kafka"
    SLOW_S3 = "slow-s3"
    CUT_S3 = "cut-s3"
    REFUSE_S3 = "refuse-s3"
    SAVEPOINT = "savepoint"
    RESCALE = "rescale"
    STOP_AND_RESUME = "stop-and-resume"


WEIGHTS = {
    FaultKind.KILL_SLOT: 5,
    FaultKind.KILL_TASKMANAGER: 4,
    FaultKind.KILL_LEADER: 4,
    FaultKind.KILL_KAFKA: 2,
    FaultKind.KILL_S3: 2,
    FaultKind.RESCALE: 3,
    FaultKind.STOP_AND_RESUME: 2,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `seconds`: how long it lasts, where it lasts. `gap`: seconds from its end to the next one. `settles`: the job
    must complete a checkpoint after it before the next fault comes; else faults overlap. `choice`: which victim or parallelism."""

    kind: FaultKind
    seconds: float
    gap: float
    settles: bool
    choice: int

    def __str__(self) -> str:
        then = "then progress is awaited" if self.settles else f"then {self.gap:.1f} s"
        return f"{self.kind} for {self.seconds:.1f} s, {then}"


def plan(seed: int, count: int, kinds: Sequence[FaultKind] = tuple(FaultKind)) -> list[Fault]:
    """`count` faults of these kinds. The same seed gives the same plan."""
    choose = random.Random(seed)
    weights = [WEIGHTS.get(kind, 1) for kind in kinds]
    return [_fault(choose, kind) for kind in choose.choices(kinds, weights, k=count)]


def _fault(choose: random.Random, kind: FaultKind) -> Fault:
    is_long = kind in (FaultKind.PAUSE_TASKMANAGER, FaultKind.PAUSE_LEADER) and choose.random() < 0.3
    return Fault(
        kind=kind,
        seconds=choose.uniform(7, 10) if is_long else choose.uniform(0.2, 3),
        gap=choose.uniform(0, 2),
        settles=choose.random() < 0.6,
        choice=choose.randrange(1 << 16),
    )
