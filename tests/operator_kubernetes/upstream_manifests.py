"""Manifests with the fields that the examples of Apache Flink's operator use, one entry for each of its examples."""

from typing import Any

_JAR = "local:///opt/flink/examples/streaming/StateMachineExample.jar"
_SIZES: dict[str, Any] = {
    "jobManager": {"resource": {"memory": "2048m", "cpu": 1}},
    "taskManager": {"resource": {"memory": "2048m", "cpu": 1}},
}
_HA = {
    "taskmanager.numberOfTaskSlots": "2",
    "state.savepoints.dir": "file:///flink-data/savepoints",
    "state.checkpoints.dir": "file:///flink-data/checkpoints",
    "high-availability.type": "kubernetes",
    "high-availability.storageDir": "file:///flink-data/ha",
}
_MOUNT: dict[str, Any] = {
    "spec": {
        "containers": [
            {
                "name": "flink-main-container",
                "volumeMounts": [{"mountPath": "/flink-data", "name": "flink-volume"}],
            }
        ],
        "volumes": [{"name": "flink-volume", "hostPath": {"path": "/tmp/flink", "type": "Directory"}}],
    }
}


def _object(kind: str, name: str, spec: dict[str, Any] | None, **metadata: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": kind,
        "metadata": {"name": name, **metadata},
    }
    return made if spec is None else {**made, "spec": spec}


def _deployment(name: str, **spec: Any) -> dict[str, Any]:
    common = {"image": "flink:2.2", "flinkVersion": "v2_2", "serviceAccount": "flink"}
    return _object("FlinkDeployment", name, {**common, **_SIZES, **spec})


def _session_job(name: str, **job: Any) -> dict[str, Any]:
    wanted = {"jarURI": "https://repo.example/a.jar", "parallelism": 4, "upgradeMode": "stateless", **job}
    return _object(
        "FlinkSessionJob", name, {"deploymentName": "basic-session-deployment-example", "job": wanted}
    )


def _job(**fields: Any) -> dict[str, Any]:
    return {"jarURI": _JAR, "parallelism": 2, **fields}


_SESSION = _deployment(
    "basic-session-deployment-example",
    flinkConfiguration={"taskmanager": {"numberOfTaskSlots": 1}, "scheduler": {"a": ["x", True]}},
)
_REFERENCE = {"kind": "FlinkDeployment", "name": "example-deployment"}
_INGRESS = {
    "template": "flink.k8s.io/{{namespace}}/{{name}}(/|$)(.*)",
    "className": "nginx",
    "annotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/$2"},
    "labels": {"a": "b"},
    "tls": [{"hosts": ["flink.k8s.io"], "secretName": "tls"}],
}

MANIFESTS: dict[str, list[dict[str, Any]]] = {
    "basic": [_deployment("basic-example", job=_job(upgradeMode="stateless"))],
    "basic-ingress": [
        _deployment("basic-ingress", ingress={"template": "{{name}}.{{namespace}}.flink.k8s.io"}, job=_job())
    ],
    "advanced-ingress": [_deployment("advanced-ingress", ingress=_INGRESS, job=_job())],
    "basic-checkpoint-ha": [
        _deployment(
            "basic-checkpoint-ha-example",
            flinkConfiguration={
                "taskmanager.numberOfTaskSlots": "2",
                "state": {"savepoints.dir": "file:///s", "checkpoints": {"dir": "file:///c"}},
                "high-availability": {"type": "kubernetes", "storageDir": "file:///h"},
            },
            podTemplate=_MOUNT,
            job=_job(upgradeMode="savepoint", state="running", savepointTriggerNonce=0),
        )
    ],
    "basic-reactive": [
        _deployment(
            "basic-reactive-example",
            mode="standalone",
            flinkConfiguration={**_HA, "scheduler-mode": "REACTIVE"},
            podTemplate=_MOUNT,
            job=_job(upgradeMode="savepoint"),
        )
    ],
    "basic-session-deployment-only": [_SESSION],
    "basic-session-deployment-and-job": [
        _SESSION,
        _session_job("basic-session-job-example"),
        _session_job("basic-session-job-example2", parallelism=2, entryClass="org.example.Main"),
    ],
    "basic-session-job-only": [_session_job("basic-session-job-only-example", args=["--a", "1"])],
    "custom-logging": [
        _deployment(
            "custom-logging-example",
            logConfiguration={"log4j-console.properties": "rootLogger.level = DEBUG\n"},
            job=_job(upgradeMode="stateless"),
        )
    ],
    "pod-template": [
        _deployment(
            "pod-template-example",
            podTemplate={
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "pod-template"},
                "spec": {
                    "containers": [
                        {
                            "name": "flink-main-container",
                            "volumeMounts": [{"mountPath": "/opt/flink/log", "name": "flink-logs"}],
                        },
                        {"name": "fluentbit", "image": "fluent/fluent-bit", "command": ["sh", "-c", "/a"]},
                    ],
                    "volumes": [{"name": "flink-logs", "emptyDir": {}}],
                },
            },
            jobManager={
                "resource": {"memory": "2048m", "cpu": 1},
                "podTemplate": {
                    "spec": {"initContainers": [{"name": "busybox", "image": "busybox", "args": ["a"]}]}
                },
            },
            job=_job(),
        )
    ],
    "canary": [_object("FlinkDeployment", "canary", None, labels={"flink.apache.org/canary": "true"})],
    "autoscaling": [
        _deployment(
            "autoscaling-example",
            flinkConfiguration={
                **_HA,
                "job.autoscaler.enabled": True,
                "job.autoscaler.target.utilization": 0.6,
                "job.autoscaler.target.utilization.boundary": "0.2",
                "pipeline.max-parallelism": 720,
            },
            job=_job(upgradeMode="last-state"),
        )
    ],
    "hpa": [
        _deployment(
            "basic-example-hpa",
            mode="standalone",
            taskManager={"replicas": 2, "resources": {"requests": {"cpu": 1, "memory": "2Gi"}}},
            job=_job(parallelism=2),
        )
    ],
    "snapshot": [
        _deployment("example-deployment", flinkConfiguration=_HA, job=_job(upgradeMode="savepoint")),
        _object(
            "FlinkStateSnapshot",
            "example-savepoint",
            {
                "backoffLimit": 0,
                "jobReference": _REFERENCE,
                "savepoint": {"disposeOnDelete": True, "formatType": "CANONICAL"},
            },
        ),
        _object("FlinkStateSnapshot", "example-checkpoint", {"jobReference": _REFERENCE, "checkpoint": {}}),
        _object(
            "FlinkStateSnapshot",
            "example-migrated-savepoint",
            {
                "savepoint": {
                    "alreadyExists": True,
                    "path": "file:///flink-data/s/1",
                    "disposeOnDelete": False,
                }
            },
        ),
        _deployment("job-from-savepoint", job=_job(initialSavepointPath="file:///flink-data/s/1")),
    ],
    "flink-tls": [
        _deployment(
            "basic-secure",
            flinkConfiguration={"security.ssl.rest.enabled": "true", "security.ssl.internal.enabled": "true"},
            podTemplate={
                "spec": {
                    "containers": [
                        {
                            "name": "flink-main-container",
                            "env": [
                                {
                                    "name": "PW",
                                    "valueFrom": {
                                        "secretKeyRef": {"name": "jks-password", "key": "password"}
                                    },
                                }
                            ],
                        }
                    ]
                }
            },
            job=_job(),
        )
    ],
    "python": [
        _deployment(
            "python-example",
            image="flink-python-example:latest",
            job={
                "jarURI": "local:///opt/flink/opt/flink-python.jar",
                "entryClass": "org.apache.flink.client.python.PythonDriver",
                "args": ["-pyclientexec", "/usr/local/bin/python3", "-py", "/opt/flink/usrlib/demo.py"],
                "parallelism": 1,
                "upgradeMode": "stateless",
            },
        )
    ],
    "blue-green": [
        _object(
            "FlinkBlueGreenDeployment",
            "basic-bg-example",
            {
                "configuration": {
                    "kubernetes.operator.bluegreen.deployment-deletion.delay": "1s",
                    "kubernetes.operator.bluegreen.abort.grace-period": "10 min",
                },
                "ingress": _INGRESS,
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": _deployment("x", flinkConfiguration=_HA, job=_job(upgradeMode="last-state"))[
                        "spec"
                    ],
                },
            },
        )
    ],
    "everything": [
        _deployment(
            "everything",
            imagePullPolicy="Always",
            mode="native",
            restartNonce=1,
            jobManager={
                "replicas": 1,
                "resources": {
                    "requests": {"cpu": "500m", "memory": "1Gi"},
                    "limits": {"cpu": 2, "memory": "2Gi"},
                    "claims": [{"name": "gpu", "request": "one"}],
                },
            },
            taskManager={
                "replicas": 1,
                "resource": {"memory": "1g", "cpu": 0.5, "ephemeralStorage": "2Gi"},
                "podTemplate": _MOUNT,
            },
            job=_job(
                allowNonRestoredState=True,
                savepointTriggerNonce=1,
                checkpointTriggerNonce=1,
                savepointRedeployNonce=1,
                autoscalerResetNonce=1,
            ),
        )
    ],
}
