"""Carries out the actions of a blue/green plan, in order. Called by `reconcile/blue_green.py`; each may be repeated."""

from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment
from penstock_operator.act import failpoints
from penstock_operator.model.blue_green import (
    ApplyChild,
    BlueGreenAction,
    DeleteChild,
    Route,
    SetJob,
    TakeSavepoint,
)
from penstock_operator.platforms.kubernetes_blue_green import BlueGreenPlatform


def act(platform: BlueGreenPlatform, resource: FlinkBlueGreenDeployment, action: BlueGreenAction) -> None:
    """Do it; a failure raises `OperatorError`."""
    match action:
        case ApplyChild():
            platform.apply(resource, action)
        case SetJob():
            platform.set_job(resource, action)
        case TakeSavepoint():
            platform.take_savepoint(resource, action)
        case DeleteChild(color=color):
            platform.delete(resource, color)
        case Route(color=color):
            platform.route(resource, color)
    failpoints.reached(type(action).__name__)
