"""Records a second of click analytics (filter, map, key_by, sum) from files, on one slot and on two, and idle memory.

Reported as a ratio of two slots to one, with the absolute figures beside it: a machine's load moves those.
"""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

RECORDS = 2_000_000
PROGRAM = """
    import sys
    from pyflink.common import WatermarkStrategy
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.datastream.connectors.file_system import FileSource, StreamFormat

    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(int(sys.argv[2]))
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), sys.argv[1]).build()
    (
        env.from_source(source, WatermarkStrategy.no_watermarks(), "clicks")
        .filter(lambda e: "about_us" not in e)
        .map(lambda e: (e.split(",")[0], 1))
        .key_by(lambda x: x[0])
        .sum(1)
        .filter(lambda counted: False)
        .print()
    )
    env.execute("clicks")
"""


def run(program: Path, folder: Path, parallelism: int) -> float:
    """Seconds of one run, start to end."""
    started = time.perf_counter()
    command = [sys.executable, str(program), str(folder), str(parallelism)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    return time.perf_counter() - started


def main() -> None:
    """Write the input, run it at both parallelisms and with an empty input, print the figures."""
    with tempfile.TemporaryDirectory() as name:
        program, folder, empty = Path(name, "clicks.py"), Path(name, "clicks"), Path(name, "empty")
        program.write_text(textwrap.dedent(PROGRAM))
        folder.mkdir()
        empty.mkdir()
        (empty / "one.csv").write_text("user,/page\n")
        for part in range(8):
            lines = (f"user{number % 997},/page{number % 31},x\n" for number in range(RECORDS // 8))
            (folder / f"{part}.csv").write_text("".join(lines))
        idle = {slots: min(run(program, empty, slots) for _ in range(2)) for slots in (1, 2)}
        busy = {slots: min(run(program, folder, slots) for _ in range(2)) for slots in (1, 2)}
    rates = {slots: RECORDS / max(busy[slots] - idle[slots], 1e-9) for slots in (1, 2)}
    print(f"cold run of a one-record job: {idle[1]:.1f} s on one slot, {idle[2]:.1f} s on two")
    print(f"click analytics from files: {rates[1]:,.0f} records/s on one slot, {rates[2]:,.0f} on two")
    print(
        f"two slots / one slot: {rates[2] / rates[1]:.2f} (load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)"
    )


if __name__ == "__main__":
    main()
