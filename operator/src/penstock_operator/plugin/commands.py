"""`kubectl penstock status|history|diff|rollback|autoscale NAME`. The entry point `kubectl-penstock` calls `main`.

A rollback by hand writes the earlier spec as a change like any other: the operator upgrades to it, with its state.
"""

from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_operator.decide.session.view import as_deployment
from penstock_operator.plugin import autoscale
from penstock_operator.plugin.cluster import Cluster, PluginError
from penstock_operator.plugin.revisions import Kept, difference, earlier, spec_of, to_write
from penstock_operator.plugin.show import history_table, now, show_status
from penstock_operator.terminal import terminal

app = typer.Typer(
    no_args_is_help=True,
    help="Revisions of FlinkDeployments and FlinkSessionJobs: who ran what, from which state, and back.",
)
app.add_typer(autoscale.app, name="autoscale")
console = terminal(soft_wrap=True)

Name = Annotated[
    str, typer.Argument(help="Name of a FlinkDeployment, or sessionjob/NAME of a FlinkSessionJob.")
]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Its namespace; else the context's.")
]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", help="The kubeconfig; else as kubectl finds it.")
]


@app.command()
def status(
    name: Name, namespace: Namespace = None, context: Context = None, kubeconfig: Kubeconfig = None
) -> None:
    """Where the resource is and what is wrong."""
    with Cluster(kubeconfig, context, namespace) as cluster:
        resource = cluster.find(name).resource
    show_status(console, as_deployment(resource) if isinstance(resource, FlinkSessionJob) else resource)


@app.command()
def history(
    name: Name, namespace: Namespace = None, context: Context = None, kubeconfig: Kubeconfig = None
) -> None:
    """Every spec that ran: who wanted it, from which state it started, for how long, what became of it."""
    with Cluster(kubeconfig, context, namespace) as cluster:
        resource = cluster.find(name).resource
    if not resource.status.history:
        console.print(f"nothing of {name} was deployed yet", markup=False)
        return
    console.print(history_table(resource.status.history, now()))


@app.command()
def diff(
    name: Name,
    old: Annotated[int | None, typer.Option("--from", help="A revision; else the last that worked.")] = None,
    new: Annotated[int | None, typer.Option("--to", help="A revision; else the spec as it is now.")] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """The difference between two revisions, or between one and the spec as it is now."""
    with Cluster(kubeconfig, context, namespace) as cluster:
        found = cluster.find(name)
        kept = cluster.revisions(found.resource)
        number = _chosen(found.resource, kept, old)
        before = _spec(kept, number)
        after = found.spec if new is None else _spec(kept, new)
    lines = difference(before, after, f"revision {number}", f"revision {new}" if new else "now")
    console.print("\n".join(lines) or "no difference", markup=False, highlight=False)


@app.command()
def rollback(
    name: Name,
    to: Annotated[int | None, typer.Option("--to", help="A revision; else the last that worked.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; write nothing.")
    ] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Write an earlier spec back. Nonces, and whether the job shall run, stay as they are."""
    with Cluster(kubeconfig, context, namespace) as cluster:
        found = cluster.find(name)
        kept = cluster.revisions(found.resource)
        number = _chosen(found.resource, kept, to)
        spec = to_write(found.spec, _spec(kept, number))
        lines = difference(found.spec, spec, "now", f"revision {number}")
        if not lines:
            console.print(f"{name} is as revision {number} already", markup=False)
            return
        console.print("\n".join(lines), markup=False, highlight=False)
        cluster.write_spec(found.body, spec, dry_run=dry_run)
    word = "would be" if dry_run else "is"
    console.print(f"{name} {word} rolled back to revision {number}; what git says may undo it", markup=False)


def _chosen(resource: FlinkDeployment | FlinkSessionJob, kept: list[Kept], number: int | None) -> int:
    if number is not None:
        return number
    found = earlier(resource, kept)
    if found is None:
        raise PluginError("no earlier revision worked: name one of `kubectl penstock history`")
    return found


def _spec(kept: list[Kept], number: int) -> dict[str, object]:
    found = spec_of(kept, number)
    if found is None:
        there = ", ".join(str(each.number) for each in kept) or "none"
        raise PluginError(f"the spec of revision {number} is not kept (kept: {there})")
    return found


def main() -> None:
    """The process's entry: what went wrong is one line on stderr, and a code of 1."""
    try:
        app()
    except PluginError as error:
        _fail(str(error))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        _fail(f"the resource is none that this version reads: {where}: {first['msg']}")


def _fail(message: str) -> NoReturn:
    terminal(stderr=True, soft_wrap=True).print(f"error: {message}", markup=False, highlight=False)
    raise SystemExit(1) from None


if __name__ == "__main__":
    main()
