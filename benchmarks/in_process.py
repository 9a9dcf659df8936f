"""A job of one slot in this very process, so that CPU time is exact and a profiler sees everything: where a record's time goes.

`python -m benchmarks.in_process PROGRAM INPUT [--profile]`. Prints CPU microseconds a record; with `--profile` the
functions that take most. The slot is a real one; only the JobManager is played here, and splits are given by hand.
"""

import argparse
import cProfile
import importlib.util
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from penstock.compat import install_alias
from penstock.connectors.registry import enumerator_factory
from penstock.control.messages import (
    AddSplits,
    DeployTasks,
    Event,
    SlotAddress,
    SubtaskDeployment,
    SubtaskId,
    TaskState,
    TaskStateChanged,
)
from penstock.exchange.network import Network
from penstock.exchange.reactor import Reactor
from penstock.graph.jobgraph import JobGraph
from penstock.taskmanager.json_loads import install_fast_json
from penstock.taskmanager.mailbox import Mailbox
from penstock.taskmanager.slot import Slot

JOB = "b" * 32


def run_in_slot(graph: JobGraph, configuration: dict[str, str], on_running: Callable[[], None]) -> None:
    """Run a bounded job to its end in a slot of this process; `on_running` is called when all tasks run."""
    reactor = Reactor()
    mailbox = Mailbox(reactor)
    network = Network(reactor, "s", None)
    states: dict[str, TaskState] = {}
    with ThreadPoolExecutor(1) as uploads, tempfile.TemporaryDirectory() as folder:

        def on_event(event: Event) -> None:
            if not isinstance(event, TaskStateChanged):
                return
            states[event.subtask.vertex_id] = event.state
            if event.failure is not None:
                mailbox.stop()
                raise RuntimeError(event.failure.stacktrace)
            if len(states) < len(graph.vertices):
                return
            if set(states.values()) == {TaskState.RUNNING}:
                on_running()
            if set(states.values()) == {TaskState.FINISHED}:
                mailbox.stop()

        slot = Slot("s", mailbox, network, uploads, on_event, configuration)
        address = SlotAddress(slot_id="s", host_id="h", unix_path=f"{folder}/s")
        tasks = [SubtaskDeployment(vertex_id=vertex.id, index=0) for vertex in graph.vertices]
        slot.handle(
            DeployTasks(
                job_id=JOB,
                job_name=graph.name,
                attempt=1,
                vertices=graph.vertices,
                edges=graph.edges,
                tasks=tasks,
                slots={"s": address},
                placement={vertex.id: ["s"] for vertex in graph.vertices},
                configuration=configuration,
            )
        )
        give_splits(graph, slot, configuration)
        mailbox.run(slot)
        slot.cancel()
    network.close()
    reactor.close()


def give_splits(graph: JobGraph, slot: Slot, configuration: dict[str, str]) -> None:
    """All splits of all sources to their only subtask."""
    for vertex in graph.vertices:
        if vertex.source is None:
            continue
        factory = enumerator_factory(vertex.source.connector)
        enumerator = factory.create_enumerator(vertex.source.options, 1, None, configuration)
        enumerator.discover()
        splits = []
        while not enumerator.has_no_more_splits():
            for given in enumerator.take_assignments([0]).values():
                splits += given
        enumerator.close()
        subtask = SubtaskId(job_id=JOB, attempt=1, vertex_id=vertex.id, index=0)
        slot.handle(AddSplits(subtask=subtask, splits=splits, no_more=True))


def load_programs() -> ModuleType:
    """The record programs, as a module."""
    install_alias()
    path = Path(__file__).parent / "programs" / "record_functions.py"
    spec = importlib.util.spec_from_file_location("record_functions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["record_functions"] = module
    spec.loader.exec_module(module)
    return module


def graph_of(program: str, folder: str) -> JobGraph:
    """The program's graph at parallelism 1."""
    from penstock.common import WatermarkStrategy
    from penstock.datastream import StreamExecutionEnvironment
    from penstock.datastream.connectors.file_system import FileSource, StreamFormat

    programs = load_programs()
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), folder).build()
    lines = env.from_source(source, WatermarkStrategy.no_watermarks(), "clicks")
    programs.discard(programs.PROGRAMS[program](lines))
    return env.job_graph(program)


def main() -> None:
    """Measure one program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("input")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    install_fast_json({})
    graph = graph_of(arguments.program, arguments.input)
    profile = cProfile.Profile(time.process_time)
    started: list[float] = []

    def on_running() -> None:
        started.append(time.process_time())
        if arguments.profile:
            profile.enable()

    run_in_slot(graph, {}, on_running)
    profile.disable()
    records = sum(file.read_text().count("\n") for file in Path(arguments.input).iterdir())
    print(f"{arguments.program}: {(time.process_time() - started[0]) * 1e6 / records:.2f} us of CPU a record")
    if arguments.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
