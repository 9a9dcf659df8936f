"""`kubectl penstock autoscale explain|history|replay NAME`: why the autoscaler does what it does, and what else it might.

Called by `commands.py`. Everything is read from the resource's status and from the ConfigMaps that the operator keeps
beside it; nothing is written to the cluster.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.autoscale import codec, decision
from penstock_operator.autoscale.evaluators import EvaluatorFailed
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.autoscale.periods import bounds_at, is_excluded
from penstock_operator.autoscale.recording import Recording
from penstock_operator.autoscale.recording_codec import pack, unpack
from penstock_operator.autoscale.replay import Plugins
from penstock_operator.autoscale.replay import replay as played
from penstock_operator.observe.evaluators import evaluator_of, executors_of
from penstock_operator.plugin import autoscale_view as view
from penstock_operator.plugin.autoscale_settings import keys_with, normal
from penstock_operator.plugin.chart import page, show
from penstock_operator.plugin.cluster import Cluster, PluginError
from penstock_operator.terminal import terminal

app = typer.Typer(
    no_args_is_help=True, help="What the autoscaler sees, decides and did; and what it would do."
)


class Output(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"


Name = Annotated[str, typer.Argument(help="Name of the FlinkDeployment.")]
OptionalName = Annotated[str | None, typer.Argument(help="Name of the FlinkDeployment; none with --file.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Its namespace; else the context's.")
]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", help="The kubeconfig; else as kubectl finds it.")
]
Form = Annotated[Output, typer.Option("--output", "-o", help="text or json.")]


@app.command()
def explain(
    name: Name,
    output: Form = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """What it sees of each vertex, what it would do, and what holds it back."""
    with Cluster(kubeconfig, context, namespace) as cluster:
        resource = FlinkDeployment.from_wire(cluster.resource(name))
        memory, packed = cluster.autoscaler(name)
    made, options = _decision(resource, memory, packed)
    if output is Output.JSON:
        _print(view.explained_json(resource, made, options))
        return
    view.explained(_console(), resource, made, options)


@app.command()
def history(
    name: Name,
    output: Form = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Past decisions and scalings: why, what held them back, what became of them."""
    with Cluster(kubeconfig, context, namespace) as cluster:
        resource = FlinkDeployment.from_wire(cluster.resource(name))
        _, packed = cluster.autoscaler(name)
    acts = unpacked(packed, resource.metadata.name).acts if packed else ()
    if output is Output.JSON:
        _print(view.acts_json(acts))
        return
    view.history(_console(), acts, name)


@app.command()
def replay(  # noqa: PLR0913 - one parameter for each flag
    name: OptionalName = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value, once for each; job.autoscaler. may be left out."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A saved recording, in place of a job's.")
    ] = None,
    save: Annotated[Path | None, typer.Option("--save", help="Save the recording here.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Draw it here too, as a page.")] = None,
    output: Form = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """The recorded load again, under other settings: what would have been scaled, and the lag then."""
    if (name is None) == (file is None):
        raise PluginError("replay: name a FlinkDeployment, or a saved recording with --file")
    recording = _saved(file) if file is not None else _recorded(name or "", kubeconfig, context, namespace)
    if save is not None:
        _write(save, pack(recording))
    wanted = normal(settings or [])
    options = AutoscalerOptions.from_keys(keys_with(recording.keys, wanted))
    try:
        result = played(recording, options, Plugins(evaluator_of(options), executors_of(options)))
    except (ValueError, EvaluatorFailed) as error:
        raise PluginError(f"this cannot be replayed: {error}") from error
    if html is not None:
        _write(html, page(name or str(file), result, wanted).encode())
    if output is Output.JSON:
        _print(view.replayed_json(result, wanted))
        return
    show(_console(), result, wanted, view.doubts(recording))


def _decision(
    resource: FlinkDeployment, memory: bytes | None, packed: bytes | None
) -> tuple[decision.Decision | None, AutoscalerOptions]:
    """The decision on what is remembered now; None where not enough is kept to make it again."""
    recording = unpacked(packed, resource.metadata.name) if packed else Recording()
    own = {
        key: text
        for key, text in flatten_configuration(resource.spec.flink_configuration).items()
        if "job.autoscaler." in key
    }
    options = AutoscalerOptions.from_keys({**keys_with(recording.keys, {}), **own})
    held = resource.status.autoscaler
    if options.effective_mode is Mode.OFF and (held is None or held.mode == Mode.OFF.value):
        raise PluginError(
            f"the autoscaler of {resource.metadata.name} is off: set job.autoscaler.mode to advise or active"
        )
    memento = codec.decode(memory)
    graph = recording.spans[-1].graph if recording.spans else None
    if graph is None or not memento.samples or set(memento.vertices) != set(graph.parallelism):
        return None, options
    now = memento.samples[-1].at
    around = decision.Circumstances(
        now,
        recording.room,
        bounds=bounds_at(options.schedule, now),
        is_excluded=is_excluded(options.excluded_periods, now),
        in_place=recording.in_place,
    )
    try:
        around = replace(around, custom=evaluator_of(options), executors=executors_of(options))
        return decision.decide(memento, graph, options, around), options
    except EvaluatorFailed as error:
        raise PluginError(f"{error}; here it is needed too, to make the decision again") from error


def unpacked(packed: bytes, what: str) -> Recording:
    """The recording; what is wrong with it in a sentence."""
    try:
        return unpack(packed)
    except ValueError as error:
        raise PluginError(f"{what}: {error}") from error


def _recorded(name: str, kubeconfig: str | None, context: str | None, namespace: str | None) -> Recording:
    with Cluster(kubeconfig, context, namespace) as cluster:
        resource = FlinkDeployment.from_wire(cluster.resource(name))
        _, packed = cluster.autoscaler(name)
    if packed is None:
        why = "it is kept some minutes after the job runs with job.autoscaler.mode advise or active"
        raise PluginError(f"nothing is recorded of {resource.metadata.name} yet: {why}")
    return unpacked(packed, name)


def _saved(file: Path) -> Recording:
    try:
        return unpacked(file.read_bytes(), str(file))
    except OSError as error:
        raise PluginError(f"{file} cannot be read: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise PluginError(f"{path} cannot be written: {error.strerror}") from error


def _console() -> Console:
    return terminal(soft_wrap=True)


def _print(value: Mapping[str, object] | list[Mapping[str, object]]) -> None:
    typer.echo(json.dumps(value, indent=2))
