"""Rules that the API server itself checks, in its expression language (CEL): marks on the models, written into the CRDs.

A rule says only what the operator's validation says as well, and never refuses what upstream's would have stored: such
an object could not be changed any more. What CEL cannot see (free maps, other resources) is the operator's and the webhook's.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """Mark: the expression must hold; `self` is the field, `oldSelf` (where it occurs) the field before the change."""

    expression: str
    message: str


def _text(path: str, default: str) -> str:
    """The value at a path of optional fields, as an expression; `path` begins with self or oldSelf."""
    names = path.split(".")
    there = " && ".join(f"has({'.'.join(names[:count])})" for count in range(2, len(names) + 1))
    return f"({there} ? {path} : {default})"


def _engine(spec: str) -> str:
    by_version = f"(has({spec}.flinkVersion) ? 'Flink' : 'Penstock')"
    return _text(f"{spec}.engine", by_version)


def _namespace_mode(spec: str) -> str:
    by_engine = f"({_engine(spec)} == 'Penstock' ? 'Dedicated' : 'Shared')"
    return _text(f"{spec}.jobNamespaces.mode", by_engine)


_IS_FLINK = f"{_engine('self')} == 'Flink'"
_REPLICAS = "(has(self.taskManager) && has(self.taskManager.replicas))"
NAME_PATTERN = "[a-z]([-a-z0-9]{0,43}[a-z0-9])?"

NAME = Rule(
    f"self.metadata.name.matches('^{NAME_PATTERN}$')",
    "metadata.name must be at most 45 lower-case letters, digits and '-', beginning with a letter",
)
SAME_KIND_OF_CLUSTER = Rule(
    "has(self.job) == has(oldSelf.job)", "spec.job cannot be added or removed: make another resource"
)
SAME_ENGINE = Rule(
    f"{_engine('self')} == {_engine('oldSelf')}", "spec.engine cannot be changed: make another resource"
)
SAME_NAMESPACE_MODE = Rule(
    f"{_namespace_mode('self')} == {_namespace_mode('oldSelf')}",
    "spec.jobNamespaces.mode cannot be changed: make another resource",
)
_MODES = " == ".join(_text(f"{side}.mode", "'native'") for side in ("self", "oldSelf"))
SAME_MODE = Rule(
    f"{_engine('self')} == 'Penstock' || {_MODES}",
    "spec.mode cannot be changed between native and standalone: make another resource",
)
_NONCE = "job.savepointRedeployNonce"
REDEPLOYMENT_SAYS_FROM_WHERE = Rule(
    f"!has(self.job) || !has(oldSelf.job) || !has(self.{_NONCE}) "
    f"|| (has(oldSelf.{_NONCE}) && self.{_NONCE} == oldSelf.{_NONCE}) "
    "|| (has(self.job.initialSavepointPath) && self.job.initialSavepointPath != '')",
    "spec.job.savepointRedeployNonce changed: set spec.job.initialSavepointPath as well",
)
PARALLELISM = Rule(
    f"!has(self.job) || {_REPLICAS} || (has(self.job.parallelism) && self.job.parallelism >= 1)",
    "spec.job.parallelism: set it to 1 or more, or set spec.taskManager.replicas",
)
PROGRAM = Rule(
    f"{_IS_FLINK} || !has(self.job) || (has(self.job.jarURI) && self.job.jarURI != '')",
    "spec.job.jarURI is missing: set it to the program, as in local:///opt/job.py",
)
FLINK_VERSION = Rule(
    f"!({_IS_FLINK}) || (has(self.flinkVersion) && !(self.flinkVersion in ['v1_13', 'v1_14']))",
    "spec.flinkVersion: a Flink cluster needs it, v1_15 or newer",
)
FLINK_SERVICE_ACCOUNT = Rule(
    f"!({_IS_FLINK}) || has(self.serviceAccount)",
    "spec.serviceAccount is missing: a Flink cluster needs it",
)
WARM_NEEDS_A_JOB = Rule(
    "!has(self.upgradeStrategy) || self.upgradeStrategy != 'Warm' || has(self.job)",
    "spec.upgradeStrategy Warm is for a job of its own cluster: a session cluster has none",
)
LOG_FILES = Rule(
    "self.all(name, name in ['log4j-console.properties', 'logback-console.xml'])",
    "spec.logConfiguration knows log4j-console.properties and logback-console.xml",
)
INGRESS_TEMPLATE = Rule(
    "has(self.template) && self.template != ''",
    "spec.ingress.template is missing: set it to a host and path, as in {{name}}.{{namespace}}.example.com",
)
AT_LEAST_ONE = Rule("self >= 1", "must be 1 or more")
MORE_THAN_NOTHING = Rule("self > 0.0", "must be more than 0")
SIZE = Rule(
    "self.matches('^ *[+]?[0-9.]+([eE][+-]?[0-9]+)? *[a-zA-Z]* *$')",
    "is not a size: write it as 1024m or 1Gi",
)
DURATION = Rule(
    "self.matches('^ *[0-9]+ *[a-zA-Z]* *$')",
    "is not a duration: write a number and a unit, as in '30 s' or '5 min'",
)
SESSION_CLUSTER = Rule(
    f"has(self.deploymentName) && self.deploymentName.matches('^{NAME_PATTERN}$')",
    "spec.deploymentName is missing or no name: set it to the session cluster's FlinkDeployment",
)
SAME_SESSION_CLUSTER = Rule(
    "!has(oldSelf.deploymentName) || (has(self.deploymentName) && self.deploymentName == oldSelf.deploymentName)",
    "spec.deploymentName cannot be changed: make another resource",
)
SESSION_JOB = Rule("has(self.job)", "spec.job is missing: set it to the job")
ONE_KIND_OF_SNAPSHOT = Rule(
    "has(self.savepoint) != has(self.checkpoint)", "set exactly one of spec.savepoint and spec.checkpoint"
)
SNAPSHOT_OF_A_JOB = Rule(
    "(has(self.jobReference) && has(self.jobReference.name) && has(self.jobReference.kind)) "
    "|| (has(self.savepoint) && has(self.savepoint.alreadyExists) && self.savepoint.alreadyExists)",
    "spec.jobReference is missing: name the job by kind and name, or set spec.savepoint.alreadyExists",
)
