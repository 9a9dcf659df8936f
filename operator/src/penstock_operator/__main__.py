"""`penstock-operator`: the operator's command line. `run` in a cluster, `local` on this machine, `crds` for both.

Settings are made here, once. Commands import what they need when they run, so that `local` needs no cluster client.
"""

import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer
from pydantic import ValidationError

from penstock_api.reasons import Reason
from penstock_operator.errors import OperatorError, UserError
from penstock_operator.local.commands import app as local_app
from penstock_operator.logs import set_up_logs
from penstock_operator.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Penstock's operator: streaming jobs as Kubernetes objects.")
crds_app = typer.Typer(no_args_is_help=True, help="The custom resource definitions.")
app.add_typer(local_app, name="local")
app.add_typer(crds_app, name="crds")


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"penstock-operator {installed_version('penstock-operator')}")
        raise typer.Exit


@app.callback()
def _prepare(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Penstock's operator: streaming jobs as Kubernetes objects."""
    try:
        settings = Settings.from_environment()
    except ValidationError as error:
        first = error.errors()[0]
        where = "_".join(str(part) for part in first["loc"]).upper()
        said = f"the environment's PENSTOCK_{where}: {first['msg']}" if where else str(first["msg"])
        raise UserError(Reason.VALIDATION_ERROR, said) from error
    except ValueError as error:
        raise UserError(Reason.VALIDATION_ERROR, f"the environment's settings: {error}") from error
    set_up_logs(settings)


@app.command()
def run() -> None:
    """Run the operator in a cluster, until it is told to stop or loses its Lease."""
    from penstock_operator.handlers.app import run as run_operator

    run_operator(Settings.from_environment())


@app.command()
def webhook() -> None:
    """Serve the admission webhook, until it is told to stop."""
    from penstock_operator.webhook.process import run as serve

    serve(Settings.from_environment())


@crds_app.command("apply")
def apply_crds() -> None:
    """Apply the definitions of this version server-side."""
    from penstock_operator.crds import apply

    apply()


@app.command()
def uninstall(
    force: Annotated[bool, typer.Option(help="Release resources that are still there.")] = False,
    delete_crds: Annotated[bool, typer.Option(help="Delete every resource and the definitions.")] = False,
) -> None:
    """Before a Helm uninstall: leave nothing that would stay Terminating."""
    from penstock_operator.clients.kube import KubeClient
    from penstock_operator.crds import uninstall as leave

    client = KubeClient.from_environment()
    client.within = Settings.from_environment().within
    leave(force=force, delete_crds=delete_crds, client=client)


def main() -> None:
    """Entry point: a failure with a name is said in a sentence, without a traceback."""
    try:
        app()
    except OperatorError as error:
        sys.stderr.write(f"{error.reason.value}: {error.message}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
