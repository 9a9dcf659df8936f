"""The engagement example stopped with a savepoint in the middle of its windows, then on at another parallelism."""

import json
import subprocess
import sys
from pathlib import Path

from tests.examples.test_engagement_on_files import (
    PROGRAM,
    clicks,
    counted,
    expected,
    write_segment,
)

DRIVER = """
import sys, time
from pathlib import Path

EXAMPLE, SOURCE, TARGET, STATE = sys.argv[1:]
sys.path.insert(0, EXAMPLE)

from penstock.compat import install_alias

install_alias()

import engagement as program
from penstock.datastream import StreamExecutionEnvironment
from penstock.launch.minicluster import MiniCluster


def graph(parallelism):
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(parallelism).enable_checkpointing(300)
    env.add_python_file(EXAMPLE)
    clicks = env.from_source(program.file_source(SOURCE), program.watermarks(), "clicks").uid("clicks")
    metrics, late = program.engagement(clicks)
    metrics.sink_to(program.file_sink(TARGET)).uid("metrics")
    late.print("late")
    return env.job_graph("engagement")


def wait(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


def parts():
    return [path for path in Path(TARGET).rglob("part-*") if path.is_file()]


def main():
    with MiniCluster(2) as cluster:
        job = cluster.submit(graph(1))
        wait(parts)
        path = job.stop(STATE)
        before = len(parts())
        Path(SOURCE, ".2").rename(Path(SOURCE, "2.jsonl"))
        job = cluster.submit(graph(2), savepoint=path)
        wait(lambda: len(parts()) > before)
        # What the savepoint held open closes with the end of event time.
        job.stop(STATE, drain=True)


if __name__ == "__main__":
    main()
"""


def test_windows_that_were_open_in_the_savepoint_are_completed_at_another_parallelism(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("clicks", "out", "state")]
    for folder in folders:
        folder.mkdir()
    all_clicks = clicks(11, 2000)
    write_segment(folders[0], "1.jsonl", all_clicks[:1000])
    second = folders[0] / ".2"
    second.write_text("".join(json.dumps(click) + "\n" for click in all_clicks[1000:]))
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER)

    done = subprocess.run(
        [sys.executable, str(driver), str(PROGRAM.parent), *map(str, folders)],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert counted(folders[1]) == expected(all_clicks), done.stdout[-500:]
