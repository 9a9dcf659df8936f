"""Validation names the field and the fix; a valid spec passes. The numbers are those of upstream's checks."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_operator.decide.specs import encode_spec
from penstock_operator.decide.validate import validate
from tests.operator.simulation import BASE

Change = Callable[[dict[str, Any]], Any]
OPERATOR = "kubernetes.operator."


def problems(change: Change, before: Change | None = None) -> list[tuple[Reason, str]]:
    """What is wrong with the changed base; `before` is how the deployed spec differs from the base."""
    body: dict[str, Any] = copy.deepcopy(BASE)
    if before is not None:
        deployed = copy.deepcopy(body)
        before(deployed)
        recorded = encode_spec(FlinkDeploymentSpec.from_wire(deployed["spec"]))
        body["status"] = {"reconciliationStatus": {"lastReconciledSpec": recorded}}
    change(body)
    return [(problem.reason, problem.message) for problem in validate(FlinkDeployment.from_wire(body))]


def conf(**keys: str) -> Change:
    """Keys of flinkConfiguration, `__` for a dot and `_` for a dash; empty removes."""

    def change(body: dict[str, Any]) -> None:
        held = body["spec"]["flinkConfiguration"]
        for key, text in keys.items():
            name = key.replace("__", ".").replace("_", "-")
            held.pop(name, None) if not text else held.update({name: text})

    return change


def spec(**fields: Any) -> Change:
    return lambda body: body["spec"].update(fields)


def job(**fields: Any) -> Change:
    return lambda body: body["spec"]["job"].update(fields)


def both(*changes: Change) -> Change:
    def change(body: dict[str, Any]) -> None:
        for one in changes:
            one(body)

    return change


def nothing(_: dict[str, Any]) -> None:
    """As the base is."""


NO_SAVEPOINTS = conf(state__savepoints__dir="")
FLINK = spec(
    flinkVersion="v2_2",
    serviceAccount="flink",
    jobManager={"resource": {"memory": "2048m", "cpu": 1}},
    taskManager={"resource": {"memory": "2048m", "cpu": 1}},
)


@pytest.mark.parametrize(
    "change",
    [
        nothing,
        spec(serviceAccount=None, jobManager=None),
        conf(kubernetes__operator__deployment__rollback__enabled="true"),
        spec(ingress={"template": "{{name}}.{{namespace}}.example.com"}),
        spec(ingress={"template": "/{{namespace}}/{{name}}(/|$)(.*)"}),
        spec(ingress={"template": "flink.k8s.io/{{namespace}}/{{name}}(/|$)(.*)"}),
        spec(ingress={"template": "https://{{name}}.example.com:8443/page"}),
        spec(taskManager={"replicas": 2}),
        both(job(parallelism=0), spec(taskManager={"replicas": 2})),
        spec(taskManager={"resources": {"requests": {"cpu": "500m", "memory": "1g"}, "limits": {"cpu": 1}}}),
        spec(taskManager={"resource": {"memory": "1024m", "cpu": 0.5, "ephemeralStorage": "2Gi"}}),
        conf(job__autoscaler__enabled="true", job__autoscaler__utilization__target="0.6"),
        conf(job__autoscaler__excluded__periods="9:30:30-10:50:20 && * * * ? * 2-6;* * 9-11,14-16 * * ?"),
        conf(kubernetes__operator__reconcile__interval="soon"),
        both(NO_SAVEPOINTS, job(upgradeMode="savepoint")),
        both(NO_SAVEPOINTS, conf(execution__checkpointing__savepoint_dir="s3://b/sp"), job(savepointTriggerNonce=1)),
        both(NO_SAVEPOINTS, job(upgradeMode="last-state", savepointTriggerNonce=1)),
        both(conf(state__checkpoints__dir=""), job(upgradeMode="stateless")),
        conf(kubernetes__operator__periodic__savepoint__interval=""),
        spec(jobManager={"replicas": 1}),
    ],
)  # fmt: skip
def test_what_is_allowed_passes(change: Change) -> None:
    assert problems(change) == []


@pytest.mark.parametrize(
    ("change", "reason", "word"),
    [
        pytest.param(lambda b: b["metadata"].update(name="Big"), Reason.VALIDATION_ERROR, "metadata.name", id="1"),
        pytest.param(lambda b: b["metadata"].update(name="x" * 46), Reason.VALIDATION_ERROR, "45", id="1-long"),
        pytest.param(conf(kubernetes__namespace="x"), Reason.VALIDATION_ERROR, "kubernetes.namespace", id="4a"),
        pytest.param(conf(kubernetes__cluster_id="x"), Reason.VALIDATION_ERROR, "kubernetes.cluster-id", id="4b"),
        pytest.param(
            conf(high_availability__cluster_id="x"), Reason.VALIDATION_ERROR, "high-availability.cluster-id", id="4c"
        ),
        pytest.param(
            conf(
                kubernetes__operator__cluster__health_check__enabled="true",
                kubernetes__operator__jm_deployment_recovery__enabled="false",
            ),
            Reason.VALIDATION_ERROR,
            "enable it",
            id="6",
        ),
        pytest.param(spec(ingress={}), Reason.VALIDATION_ERROR, "spec.ingress.template is missing", id="7a"),
        pytest.param(
            spec(ingress={"template": "{{ name }} x"}), Reason.VALIDATION_ERROR, "spec.ingress.template", id="7b"
        ),
        pytest.param(spec(logConfiguration={"a": "b"}), Reason.VALIDATION_ERROR, "logConfiguration", id="8"),
        pytest.param(conf(state__checkpoints__dir=""), Reason.VALIDATION_ERROR, "state.checkpoints.dir", id="9"),
        pytest.param(
            both(NO_SAVEPOINTS, conf(kubernetes__operator__periodic__savepoint__interval="1 h")),
            Reason.VALIDATION_ERROR,
            "state.savepoints.dir",
            id="12",
        ),
        pytest.param(
            both(
                NO_SAVEPOINTS,
                conf(kubernetes__operator__job__upgrade__last_state__max__allowed__checkpoint__age="5 min"),
            ),
            Reason.VALIDATION_ERROR,
            "state.savepoints.dir",
            id="13",
        ),
        pytest.param(job(parallelism=0), Reason.VALIDATION_ERROR, "parallelism", id="14"),
        pytest.param(job(parallelism=32769), Reason.VALIDATION_ERROR, "at most 32768", id="14b"),
        pytest.param(
            spec(jobManager={"resource": {"memory": "lots"}}), Reason.VALIDATION_ERROR, "resource.memory", id="16a"
        ),
        pytest.param(spec(jobManager={"resource": {"cpu": 0}}), Reason.VALIDATION_ERROR, "more than 0", id="16b"),
        pytest.param(
            spec(taskManager={"resources": {"requests": {"memory": "0"}}}),
            Reason.VALIDATION_ERROR,
            "spec.taskManager.resources.requests[memory]",
            id="16c",
        ),
        pytest.param(
            spec(taskManager={"resources": {"limits": {"nvidia.com/gpu": "-1"}}}),
            Reason.VALIDATION_ERROR,
            "negative",
            id="16d",
        ),
        pytest.param(
            spec(taskManager={"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}}),
            Reason.VALIDATION_ERROR,
            "raise the limit",
            id="16e",
        ),
        pytest.param(spec(jobManager={"replicas": 0}), Reason.VALIDATION_ERROR, "replicas is 0", id="17a"),
        pytest.param(spec(taskManager={"replicas": 0}), Reason.VALIDATION_ERROR, "replicas", id="18"),
        pytest.param(
            conf(job__autoscaler__utilization__target="1.5"), Reason.VALIDATION_ERROR, "0 to 1", id="22-target"
        ),
        pytest.param(
            conf(kubernetes__operator__job__autoscaler__target__utilization__boundary="-1"),
            Reason.VALIDATION_ERROR,
            "0 or more",
            id="22-boundary",
        ),
        pytest.param(conf(job__autoscaler__utilization__max="0.5"), Reason.VALIDATION_ERROR, "raise it", id="22-max"),
        pytest.param(conf(job__autoscaler__utilization__min="0.9"), Reason.VALIDATION_ERROR, "lower it", id="22-min"),
        pytest.param(
            conf(job__autoscaler__memory__gc_pressure__threshold="2"), Reason.VALIDATION_ERROR, "0 to 1", id="22-gc"
        ),
        pytest.param(
            conf(job__autoscaler__scale_down__max_factor="-0.1"), Reason.VALIDATION_ERROR, "0 or more", id="22-factor"
        ),
        pytest.param(
            conf(job__autoscaler__observed_scalability__coefficient_min="0"),
            Reason.VALIDATION_ERROR,
            "0.01 to 1",
            id="22-coefficient",
        ),
        pytest.param(
            conf(job__autoscaler__scaling__effectiveness__threshold="x"),
            Reason.VALIDATION_ERROR,
            "a number",
            id="22-effectiveness",
        ),
        pytest.param(
            conf(job__autoscaler__excluded__periods="lunch"), Reason.VALIDATION_ERROR, "is no period", id="22-periods"
        ),
        pytest.param(
            conf(job__autoscaler__metrics__window="3 s"), Reason.VALIDATION_ERROR, "several samples", id="23"
        ),
        pytest.param(
            conf(job__autoscaler__metrics__window="wide"), Reason.VALIDATION_ERROR, "not a duration", id="23-text"
        ),
        pytest.param(lambda b: b["spec"]["job"].pop("jarURI"), Reason.VALIDATION_ERROR, "jarURI", id="program"),
        pytest.param(job(jarURI="gs://x/y.py"), Reason.VALIDATION_ERROR, "s3://", id="program-scheme"),
        pytest.param(
            conf(kubernetes__operator__job__restart__failed="perhaps"),
            Reason.VALIDATION_ERROR,
            "neither true nor false",
            id="option",
        ),
        pytest.param(
            conf(kubernetes__operator__jm_deployment__shutdown_ttl="later"),
            Reason.VALIDATION_ERROR,
            "not a duration",
            id="option-duration",
        ),
        pytest.param(
            conf(taskmanager__numberOfTaskSlots="0"), Reason.VALIDATION_ERROR, "numberOfTaskSlots", id="slots"
        ),
        pytest.param(spec(deletion={"deadline": "soon"}), Reason.VALIDATION_ERROR, "deadline", id="deadline"),
        pytest.param(
            spec(podTemplate={"spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}}),
            Reason.VOLUME_NEEDS_SHARED_NAMESPACE,
            "data",
            id="claim",
        ),
    ],
)  # fmt: skip
def test_refused_spec_names_the_field(change: Change, reason: Reason, word: str) -> None:
    [(found, message)] = problems(change)
    assert found is reason
    assert word in message


@pytest.mark.parametrize(
    ("before", "change", "word"),
    [
        pytest.param(nothing, NO_SAVEPOINTS, "upgradeMode savepoint needs it", id="10"),
        pytest.param(
            job(upgradeMode="last-state"),
            both(NO_SAVEPOINTS, job(upgradeMode="last-state", savepointTriggerNonce=5)),
            "savepointTriggerNonce changed",
            id="11",
        ),
        pytest.param(nothing, job(savepointRedeployNonce=5), "set spec.job.initialSavepointPath", id="20"),
        pytest.param(nothing, spec(engine="Flink"), "", id="engine"),
        pytest.param(nothing, spec(jobNamespaces={"mode": "Shared"}), "jobNamespaces.mode", id="namespace"),
    ],
)
def test_change_of_a_job_that_runs_is_refused(before: Change, change: Change, word: str) -> None:
    found = problems(change, before)
    assert found
    assert any(word in message for _, message in found)


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (job(state="suspended"), NO_SAVEPOINTS),
        (job(savepointTriggerNonce=5), both(NO_SAVEPOINTS, job(upgradeMode="stateless", savepointTriggerNonce=5))),
        (nothing, job(savepointRedeployNonce=5, initialSavepointPath="s3://b/sp/1")),
        (job(savepointRedeployNonce=5), nothing),
        (spec(mode="native"), spec(mode="standalone")),
    ],
)  # fmt: skip
def test_change_that_needs_nothing_more_passes(before: Change, change: Change) -> None:
    assert problems(change, before) == []


def flink_problems(change: Change, before: Change | None = None) -> list[str]:
    """Of a resource that runs on Flink, without the one that says the engine is not there."""
    found = problems(both(FLINK, change), both(FLINK, before) if before else None)
    return [message for reason, message in found if reason is not Reason.ENGINE_NOT_AVAILABLE]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        pytest.param(spec(flinkVersion=None, engine="Flink"), "spec.flinkVersion is missing", id="2a"),
        pytest.param(spec(flinkVersion="v1_14"), "use v1_15 or newer", id="2b"),
        pytest.param(spec(jobManager={"resource": {"cpu": 1}}), "spec.jobManager.resource.memory", id="15a"),
        pytest.param(spec(taskManager=None), "spec.taskManager.resource.memory", id="15b"),
        pytest.param(spec(serviceAccount=None), "spec.serviceAccount", id="21"),
    ],
)
def test_flink_cluster_needs_more(change: Change, word: str) -> None:
    [found] = flink_problems(change)
    assert word in found


@pytest.mark.parametrize(
    ("before", "change", "word"),
    [
        pytest.param(
            job(state="suspended", upgradeMode="last-state"),
            both(spec(flinkVersion="v2_3"), job(upgradeMode="savepoint")),
            "suspended with its last state",
            id="3",
        ),
        pytest.param(nothing, spec(mode="standalone"), "native and standalone", id="19"),
    ],
)
def test_flink_cluster_cannot_change_everything(before: Change, change: Change, word: str) -> None:
    [found] = flink_problems(change, before)
    assert word in found


def test_flink_cluster_may_take_its_memory_from_the_configuration() -> None:
    sizes = conf(jobmanager__memory__process__size="1g", taskmanager__memory__flink__size="1g")
    assert flink_problems(both(spec(jobManager=None, taskManager=None), sizes)) == []
    new_style = {"resources": {"requests": {"memory": "1Gi"}}}
    assert flink_problems(spec(jobManager=new_style, taskManager=new_style)) == []
    assert (
        flink_problems(both(spec(flinkVersion="v2_3"), job(upgradeMode="stateless")), job(state="suspended"))
        == []
    )


def test_the_engine_that_is_not_there_is_said_first() -> None:
    assert problems(spec(flinkVersion="v1_20"))[0][0] is Reason.ENGINE_NOT_AVAILABLE
