"""A job's code loaded into a slot before its tasks come: what a rescale would otherwise pause for.

Called by `taskmanager.slot` in its thread. Never fails: what cannot be loaded is reported when it is deployed.
"""

import logging
from collections.abc import Mapping

from penstock.control.messages import WarmUp
from penstock.graph.program_module import install_program
from penstock.taskmanager.dependencies import install_dependencies
from penstock.taskmanager.program import load_function
from penstock.taskmanager.shipped import install_shipped

_log = logging.getLogger(__name__)


def warm_up(command: WarmUp, configuration: Mapping[str, str]) -> None:
    """Import the program and everything that its functions and connectors name."""
    try:
        install_dependencies(command.configuration, configuration)
        install_shipped(command.program_module)
        install_program(command.program_module)
        for factory in command.factories:
            load_function(factory, "an operator")
    except Exception:  # noqa: BLE001 - user code runs while it is loaded, and the deployment will say what is wrong
        _log.debug("the job's code could not be loaded ahead", exc_info=True)
