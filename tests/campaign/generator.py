"""Changes of a FlinkDeployment over every field of its schema: valid ones, invalid ones, removals. Seeded.

Fields come from the definition that the API server has, so a new field is changed as soon as it exists. Values come from
the field's name where that says more than its type. Used by `changes.py`.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from penstock_operator.configuration.option import Option, OptionType, Scope
from penstock_operator.configuration.options import OPTIONS

Manifest = dict[str, Any]

_SIDECAR = {"name": "sidecar", "image": "busybox", "command": ["sleep", "1d"]}
_MAIN = "flink-main-container"
_TEMPLATES: list[Any] = [
    {"metadata": {"labels": {"team": "clicks"}, "annotations": {"note": "x"}}},
    {"spec": {"nodeSelector": {"disk": "fast"}}},
    {"spec": {"containers": [{"name": _MAIN, "env": [{"name": "A", "value": "b"}]}]}},
    {"spec": {"containers": [{"name": _MAIN, "envFrom": [{"secretRef": {"name": "extra"}}]}]}},
    {"spec": {"containers": [{"name": _MAIN, "envFrom": [{"configMapRef": {"name": "missing"}}]}]}},
    {"spec": {"containers": [{"name": _MAIN}, _SIDECAR]}},
    {"spec": {"volumes": [{"name": "v", "configMap": {"name": "extra"}}], "containers": [{"name": _MAIN}]}},
    {"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}},
    {"spec": {"containers": [{"name": _MAIN, "ports": [{"containerPort": 99999999}]}]}},
    {"spec": {"containers": "not a list"}},
    {"spec": {"tolerations": [{"operator": "Sometimes"}]}},
    {"spec": "not an object"},
    {},
]
_BY_NAME: dict[str, list[Any]] = {
    "image": ["penstock/runtime:other", "", "not an image !"],
    "imagePullPolicy": ["Always", "Never", "Sometimes"],
    "serviceAccount": ["runner", "no-such-account", "NOT A NAME"],
    "jarURI": ["local:///opt/other.py", "s3://bucket/job.py", "ftp://nowhere/job.py", ""],
    "entryClass": ["main", "", "not a module !"],
    "args": [[], ["--topic", "x"], [""], ["--", "--job-id", "x"]],
    "parallelism": [2, 3, 0, -1, 2147483647],
    "initialSavepointPath": ["file:///nowhere/savepoint-1", "", "ftp://x"],
    "requirements": ["local:///opt/requirements.txt", "ftp://x", ""],
    "archives": [[], ["local:///opt/a.zip"], ["local:///opt/a.zip#b"], ["ftp://x"]],
    "memory": ["2048m", "1Gi", "0", "-1g", "much"],
    "ephemeralStorage": ["1Gi", "much"],
    "cpu": [0.5, 2.0, 0.0, -1.0],
    "replicas": [1, 2, 0, -1],
    "podTemplate": _TEMPLATES,
    "logConfiguration": [{"log4j-console.properties": "rootLogger.level = DEBUG"}, {"other.txt": "x"}],
    "nameTemplate": ["{{ namespace }}-{{ name }}", "{{ nothing }}", "kube-system", "{{ name", "UPPER"],
    "deadline": ["1 min", "soon", "0 s"],
    "delay": ["1 h", "soon"],
    "template": [
        "{{name}}.{{namespace}}.example.com",
        "/{{namespace}}/{{name}}(/|$)(.*)",
        "{{ nothing }}",
        "",
    ],
    "className": ["nginx", "NOT A NAME"],
    "annotations": [{"a": "b"}, {"": "x"}],
    "labels": [{"a": "b"}, {"not a label !": "x"}],
    "tls": [[{"hosts": ["a.example.com"], "secretName": "extra"}], [{}]],
    "requests": [{"cpu": "500m"}, {"memory": "much"}, {"cpu": 1, "memory": "1Gi"}],
    "limits": [{"cpu": "2"}, {"cpu": "-1"}],
    "claims": [[{"name": "gpu"}], []],
}
_BY_TYPE: dict[str, list[Any]] = {
    "string": ["x", "", "ä" * 300],
    "integer": [1, 7, 0, -1],
    "number": [0.5, 0.0, -1.0],
    "boolean": [True, False],
    "array": [[], ["x"]],
    "object": [{}],
}
_KEYS: list[tuple[str, list[Any]]] = [
    ("taskmanager.numberOfTaskSlots", ["2", 2, "0", "many"]),
    ("parallelism.default", ["2"]),
    ("state.checkpoints.dir", ["", "ftp://nowhere"]),
    ("state.savepoints.dir", [""]),
    ("execution.checkpointing.interval", ["10 min", "now and then"]),
    ("state.backend.type", ["rocksdb", "hashmap"]),
    ("rest.port", ["9000", "no port"]),
    ("kubernetes.namespace", ["other"]),
    ("kubernetes.cluster-id", ["other"]),
    ("high-availability.type", ["kubernetes", "none"]),
    ("pipeline.name", ["clicks", ""]),
    ("pipeline.max-parallelism", ["64", "x"]),
    ("restart-strategy.type", ["fixed-delay", "sometimes"]),
    ("security.ssl.rest.enabled", ["false"]),
    ("taskmanager.memory.process.size", ["2g", "much"]),
]
GIVES_STATE_UP = (
    "upgradeMode",
    "stopPolicy",
    "restorePolicy",
    "initialSavepointPath",
    "savepointRedeployNonce",
)
"""Fields by which an owner may leave state behind."""


@dataclass(frozen=True, slots=True)
class Change:
    """A merge patch of the spec, and what it is in words."""

    patch: Manifest
    words: str

    @property
    def may_give_state_up(self) -> bool:
        """Whether the owner may have said that state does not matter."""
        return any(field in self.words for field in GIVES_STATE_UP)


def candidates(schema: Manifest) -> list[tuple[tuple[str, ...], list[Any]]]:
    """Every field that can be changed, with its values."""
    found = list(_fields(schema["properties"]["spec"], ()))
    found += [(("flinkConfiguration", key), values) for key, values in _KEYS]
    dynamic = [option for option in OPTIONS if option.scope is Scope.DYNAMIC]
    found += [(("flinkConfiguration", option.name), _of_option(option)) for option in dynamic]
    return found


def changes(schema: Manifest, seed: int) -> Iterator[Change]:
    """Changes without end: every field in turn, in a random order, now and then two at once."""
    choose, fields = random.Random(seed), candidates(schema)
    while True:
        choose.shuffle(fields)
        for path, values in fields:
            picked = [(path, choose.choice([*values, None]))]
            if choose.random() < 0.2:
                other, more = choose.choice(fields)
                picked.append((other, choose.choice([*more, None])))
            patch: Manifest = {}
            for where, value in picked:
                _put(patch, where, value)
            yield Change(patch, ", ".join(f"{'.'.join(where)} = {value!r}"[:120] for where, value in picked))


def _put(patch: Manifest, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        held = patch.get(name)
        patch[name] = held if isinstance(held, dict) else {}
        patch = patch[name]
    patch[path[-1]] = value


def _fields(schema: Manifest, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for name, part in sorted(schema.get("properties", {}).items()):
        here = (*path, name)
        if here == ("flinkConfiguration",):
            continue
        if "enum" in part:
            yield here, [*part["enum"], "NoSuchWord"]
        elif name in _BY_NAME:
            yield here, _BY_NAME[name]
        elif part.get("properties"):
            yield from _fields(part, here)
            if len(path) == 0 and name != "job":
                yield here, [{}]
        else:
            yield here, _BY_TYPE[part.get("type", "string")]


def _of_option(option: Option) -> list[Any]:
    match option.type:
        case OptionType.BOOLEAN:
            return ["true", "false", "perhaps"]
        case OptionType.INTEGER:
            return ["3", "-1", "many"]
        case OptionType.DURATION | OptionType.PERIOD:
            return ["10 min", "soon", "-1 s"]
        case OptionType.CHOICE:
            return [*option.choices, "NoSuchWord"]
    return ["x", ""]
