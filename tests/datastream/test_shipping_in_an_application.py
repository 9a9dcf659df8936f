"""What a program ships is there in an application cluster too, beside what its deployment ships."""

import zipfile
from pathlib import Path

import pytest

from tests.launch.cluster_processes import cluster

PROGRAM = """
import sys
from pathlib import Path

from pyflink.datastream import StreamExecutionEnvironment

FOLDER = Path(sys.argv[1])


def look(value):
    import brought
    found = [brought.NAME, Path("own/text").read_text(), Path("deployed/text").read_text()]
    (FOLDER / "seen").write_text(",".join(found))
    return value


env = StreamExecutionEnvironment.get_execution_environment()
env.add_python_file(str(FOLDER / "lib" / "brought.py"))
env.add_python_archive(str(FOLDER / "own.zip"), "own")
env.from_collection([1]).map(look).print()
env.execute("shipping")
"""


@pytest.mark.timeout(180)
def test_archives_of_program_and_deployment_lie_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "brought.py").write_text("NAME = 'brought'\n")
    for name in ("own", "deployed"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as out:
            out.writestr("text", name)
    (tmp_path / "job.py").write_text(PROGRAM)
    with cluster(tmp_path, slots=1) as running:
        running.settings["python.archives"] = f"{tmp_path / 'deployed.zip'}#deployed"
        running.start_jobmanager(tmp_path / "job.py", "--", str(tmp_path))
        running.start("taskmanager")
        running.wait_status("FINISHED")
    assert (tmp_path / "seen").read_text() == "brought,own,deployed"
