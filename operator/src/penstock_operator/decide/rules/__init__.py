"""The rules, one a file, in the order in which they are asked: the first that answers decides."""

from penstock_operator.decide.rules.adopt import adopt
from penstock_operator.decide.rules.await_savepoint import await_savepoint
from penstock_operator.decide.rules.change import change
from penstock_operator.decide.rules.checkpoint import await_checkpoint
from penstock_operator.decide.rules.delete import delete
from penstock_operator.decide.rules.deploy import deploy
from penstock_operator.decide.rules.expire import expire
from penstock_operator.decide.rules.finish_stop import finish_stop
from penstock_operator.decide.rules.first import first
from penstock_operator.decide.rules.manual_savepoint import manual_savepoint
from penstock_operator.decide.rules.periodic_snapshot import periodic_snapshot
from penstock_operator.decide.rules.prepare import prepare
from penstock_operator.decide.rules.record import record
from penstock_operator.decide.rules.recover import recover
from penstock_operator.decide.rules.redeploy import redeploy
from penstock_operator.decide.rules.refuse import refuse
from penstock_operator.decide.rules.restart_failed import restart_failed
from penstock_operator.decide.rules.resume import resume
from penstock_operator.decide.rules.rollback import rollback
from penstock_operator.decide.rules.scale import scale
from penstock_operator.decide.rules.steady import steady
from penstock_operator.decide.rules.unhealthy import unhealthy
from penstock_operator.decide.rules.warm import warm
from penstock_operator.decide.situation import Rule

RULES: tuple[Rule, ...] = (
    adopt,
    delete,
    refuse,
    first,
    warm,
    await_savepoint,
    redeploy,
    finish_stop,
    resume,
    scale,
    prepare,
    change,
    rollback,
    deploy,
    unhealthy,
    restart_failed,
    recover,
    expire,
    await_checkpoint,
    manual_savepoint,
    periodic_snapshot,
    record,
    steady,
)
