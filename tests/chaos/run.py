"""One run: start, bring the faults of the plan one by one, let the job finish, and hold its output against the batch answer."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.faults import Fault, FaultKind
from tests.chaos.load import Answer, Load
from tests.chaos.verdict import local_lines, position_faults, s3_lines, window_faults
from tests.chaos.world import PARTITIONS, SOURCE, TARGET, NoProgress, World, world
from tests.integration.conftest import read_partitions

END_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. `wrong` is empty when every record was counted once."""

    records: int
    faults: Counter[FaultKind]
    seconds: float
    wrong: list[str]

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.faults.most_common())
        lines = [f"{self.records} records, {self.faults.total()} faults in {self.seconds:.0f} s: {kinds}"]
        return "\n".join(lines + (self.wrong or ["every record was counted once, at every sink"]))


def run(
    folder: Path,
    seed: int,
    faults: Sequence[Fault],
    rate: int,
    seconds: float,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Bring the faults in turn, for at most `seconds`. Raises NoProgress when the job does not come back."""
    begin = time.monotonic()
    brought: Counter[FaultKind] = Counter()
    with world(folder, seed) as made:
        made.start()
        with Load(made.bootstrap, SOURCE, PARTITIONS, rate, seed) as load:
            made.await_progress()
            for number, fault in enumerate(faults, 1):
                if time.monotonic() - begin > seconds:
                    say(f"time is up after {number - 1} faults")
                    break
                say(f"{time.monotonic() - begin:6.1f} s  fault {number}/{len(faults)}: {fault}")
                _bring(made, fault, say)
                brought[fault.kind] += 1
            made.make_well()
            made.await_progress()
            answer = load.finish()
            records = load.sent
            wrong = _verdict(made, answer, say)
    return Outcome(records, brought, time.monotonic() - begin, wrong)


def _bring(made: World, fault: Fault, say: Callable[[str], None]) -> None:
    try:
        made.bring(fault)
    finally:
        made.make_well()
    if fault.settles:
        made.await_progress()
        say(f"          {made.written()}")
    else:
        time.sleep(fault.gap)


def _verdict(made: World, answer: Answer, say: Callable[[str], None]) -> list[str]:
    """Wait until all windows are out, stop the job and compare."""
    wanted = answer.windows.total()
    deadline = time.monotonic() + END_SECONDS
    written = 0
    while written < wanted and time.monotonic() < deadline:
        made.await_progress()
        written = sum(map(len, read_partitions(made.bootstrap, TARGET).values()))
        say(f"{written} of {wanted} windows are out")
    try:
        made.stop()
    except NoProgress as error:
        return [str(error)]
    lines = Counter(line for part in read_partitions(made.bootstrap, TARGET).values() for line in part)
    return [
        *window_faults(lines, answer.windows),
        *position_faults("local files", local_lines(made.local_files), answer),
        *position_faults("files on S3", s3_lines(made.s3, made.bucket, "files/"), answer),
    ]
