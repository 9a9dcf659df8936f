"""Every key of the operator's configuration, upstream's names and Penstock's own, in one table.

Read by `values.py`, by validation, by the reference page and by the test that none of upstream's keys is missing.
A key that nothing reads says in `instead` what replaces it. Pure.
"""

from collections.abc import Mapping

from penstock_operator.configuration.option import Option, OptionType, Scope

_T, _N, _B, _I, _D, _P, _C = (
    OptionType.TEXT,
    OptionType.NAMES,
    OptionType.BOOLEAN,
    OptionType.INTEGER,
    OptionType.DURATION,
    OptionType.PERIOD,
    OptionType.CHOICE,
)
_SYSTEM, _RELOADED, _DYNAMIC = Scope.SYSTEM, Scope.RELOADED, Scope.DYNAMIC
_JVM = "of the Java operator; nothing to set here"
_TRACE = "errors are a reason and a sentence: a stack trace never goes to status, it is in the log"
_NOT_NATIVE = "the Flink engine in native mode is not there yet"
_LABELS = "labels of the Prometheus metrics take the place of scopes"
_SUBMISSION = (
    "each call has its own deadline, and a submission that got lost is made again with the same job id"
)

SYSTEM: tuple[Option, ...] = (
    Option("dynamic.namespaces.enabled", _B, "false", _SYSTEM, "Change the watched namespaces without a restart."),
    Option("exception.field.max.length", _I, "2048", _RELOADED, "Length of the text in `status.error` at most.", "2048 characters, fixed"),
    Option("exception.stacktrace.enabled", _B, "false", _SYSTEM, "Stack traces in `status.error`.", _TRACE),
    Option("exception.stacktrace.max.length", _I, "2048", _SYSTEM, "Their length.", _TRACE),
    Option("exception.throwable.list.max.count", _I, "2", _SYSTEM, "Nested causes in `status.error`.", _TRACE),
    Option(
        "flink.client.cancel.timeout", _D, "1 min", _SYSTEM, "Wait for the REST call that cancels.",
        "the call returns at once, and later turns of the loop look whether the job has ended",
        former=("reconciler.flink.cancel.job.timeout",),
    ),
    Option(
        "flink.client.timeout", _D, "5 s", _RELOADED, "Wait for an answer of a JobManager; one that asks it to do something waits 10 s at least.",
        former=("observer.flink.client.timeout",),
    ),
    Option(
        "job-namespaces.mode", _C, "", _RELOADED,
        "Where jobs run whose spec does not say: by default Dedicated for Penstock, Shared for Flink. A job that has run stays where it is.",
        choices=("Dedicated", "Shared"),
    ),
    Option("job.submission.timeout", _D, "10 min", _SYSTEM, "Limit of a session job's upload and start.", _SUBMISSION),
    Option(
        "leader-election.enabled", _B, "true", _SYSTEM,
        "Wait for the Lease before anything is handled. Off, there must be one replica only.",
    ),
    Option("leader-election.lease-duration", _D, "15 s", _SYSTEM, "How long a Lease counts without being renewed."),
    Option("leader-election.lease-name", _T, "penstock-operator-lease", _SYSTEM, "Name of the Lease."),
    Option("leader-election.renew-deadline", _D, "10 s", _SYSTEM, "A leader that cannot renew for so long ends."),
    Option("leader-election.retry-period", _D, "2 s", _SYSTEM, "Time between two looks at the Lease."),
    Option("rate-limiter.limit", _I, "5", _RELOADED, "Changes of one resource that are handled in a period; 0 is no limit."),
    Option("rate-limiter.refresh-period", _D, "15 s", _RELOADED, "That period."),
    Option(
        "reconcile.interval", _D, "1 min", _RELOADED, "Time between two looks at a resource that is as wanted, at most.",
        former=("reconciler.reschedule.interval",),
    ),
    Option(
        "reconcile.parallelism", _I, "50", _SYSTEM, "Resources that are reconciled at a time; -1 means 200.",
        former=("reconciler.max.parallelism",),
    ),
    Option(
        "resource.cleanup.timeout", _D, "5 min", _DYNAMIC,
        "Wait for a stopped job's objects to be gone before `OldJobStillRunning` is said.",
        former=("reconciler.flink.cluster.shutdown.timeout",),
    ),
    Option("retry.initial.interval", _D, "5 s", _RELOADED, "Wait after a first unexpected error."),
    Option("retry.interval.multiplier", OptionType.NUMBER, "1.5", _RELOADED, "Growth of that wait with each further error."),
    Option("retry.max.attempts", _I, "15", _RELOADED, "Errors after which only `reconcile.interval` or an event wakes the resource."),
    Option("retry.max.interval", _D, "", _RELOADED, "That wait at most."),
    Option("upgrade.max-concurrent", _I, "0", _RELOADED, "Jobs that are upgraded or scaled at a time, in the order in which they ask; 0 is no limit."),
    Option("user.artifacts.allowed-schemes", _N, "https", _RELOADED, "Schemes of a session job's `jarURI`; `*` allows all."),
    Option("user.artifacts.base.dir", _T, "/opt/flink/artifacts", _SYSTEM, "Folder of fetched programs."),
    Option(
        "user.artifacts.disallow-restricted-hosts", _B, "true", _RELOADED,
        "Refuse programs from addresses that are private, of this host, or otherwise not public.",
    ),
    Option("watched.namespaces", _N, "JOSDK_ALL_NAMESPACES", _SYSTEM, "Namespaces whose resources are served; default all."),
)  # fmt: skip

RESOURCE: tuple[Option, ...] = (
    Option("checkpoint.trigger.grace-period", _D, "1 min", _DYNAMIC, "When a triggered checkpoint counts as lost, where snapshots are no resources."),
    Option("checkpoint.type", _C, "FULL", _DYNAMIC, "Kind of triggered checkpoints.", choices=("FULL", "INCREMENTAL")),
    Option("cluster.health-check.checkpoint-progress.enabled", _B, "true", _DYNAMIC, "Completed checkpoints are part of health."),
    Option("cluster.health-check.checkpoint-progress.window", _D, "", _DYNAMIC, "Window without a completed checkpoint that is unhealthy."),
    Option("cluster.health-check.enabled", _B, "false", _DYNAMIC, "Restart a cluster that is unhealthy."),
    Option("cluster.health-check.restarts.threshold", _I, "64", _DYNAMIC, "Restarts of the job that a window may have."),
    Option("cluster.health-check.restarts.window", _D, "2 min", _DYNAMIC, "That window."),
    Option("deployment.readiness.timeout", _D, "5 min", _DYNAMIC, "Time to become stable before a rollback."),
    Option("deployment.rollback.enabled", _B, "false", _DYNAMIC, "Go back to the last stable spec by itself."),
    Option(
        "deployment.stability.checkpoints", _I, "", _DYNAMIC,
        "Checkpoints that a new spec must complete before it is STABLE; 1 where checkpoints were asked for, 0 for stateless jobs.",
    ),
    Option("deployment.stability.window", _D, "30 s", _DYNAMIC, "Time without a restart before a new spec is STABLE."),
    Option(
        "deployment.warm.timeout", _D, "5 min", _DYNAMIC,
        "Time for the pods of a warm upgrade to come up; past it they are removed and the old job runs on.",
    ),
    Option("exception.label.mapper", _T, "", _DYNAMIC, "Labels of errors by regular expressions.", "reasons are an enum: label by them"),
    Option(
        "jm-deployment-recovery.enabled", _B, "true", _DYNAMIC, "Make a JobManager again that is missing.",
        former=("reconciler.jm-deployment-recovery.enabled",),
    ),
    Option("jm-deployment.shutdown-ttl", _D, "1 d", _DYNAMIC, "Keep the JobManager of a job that has ended so long."),
    Option("jm-deployment.startup.probe.enabled", _B, "true", _DYNAMIC, "A startup probe for the JobManager.", "the REST API is asked whether the job has begun"),
    Option("job.drain-on-savepoint-deletion", _B, "false", _DYNAMIC, "Drain when a deletion stops with a savepoint."),
    Option("job.restart.backoff.initial", _D, "10 s", _DYNAMIC, "Wait before the second start in a row of a job that fails; the first is at once, each further wait is twice the one before."),
    Option("job.restart.backoff.max", _D, "5 min", _DYNAMIC, "That wait at most; a job that ran for longer begins anew."),
    Option("job.restart.failed", _B, "false", _DYNAMIC, "Start a failed job again."),
    Option("job.savepoint-on-deletion", _B, "false", _DYNAMIC, "Stop with a savepoint when the resource is deleted."),
    Option("job.upgrade.ignore-pending-savepoint", _B, "false", _DYNAMIC, "Do not wait for a savepoint that is pending."),
    Option("job.upgrade.inplace-scaling.enabled", _B, "true", _DYNAMIC, "Scale without a restart of the cluster where that can be."),
    Option("job.upgrade.inplace-scaling.timeout", _D, "3 min", _DYNAMIC, "A scaling that takes longer is an upgrade."),
    Option("job.upgrade.last-state-fallback.enabled", _B, "true", _DYNAMIC, "Upgrade mode savepoint may use the last state of a job that does not run."),
    Option("job.upgrade.last-state.job-cancel.enabled", _B, "false", _DYNAMIC, "Cancel over REST instead of ending the JobManager."),
    Option("job.upgrade.last-state.max.allowed.checkpoint.age", _D, "", _DYNAMIC, "Take a savepoint where the newest checkpoint is older."),
    Option("periodic.checkpoint.interval", _P, "", _DYNAMIC, "Time between triggered checkpoints, or a cron expression."),
    Option("periodic.savepoint.interval", _P, "", _DYNAMIC, "Time between savepoints, or a cron expression."),
    Option("plugins.listeners.<listener-name>.class", _T, "", _SYSTEM, "A listener plugin.", "Java plugins cannot be loaded: watch Events, or status by `kubectl`"),
    Option("pod-template.merge-arrays-by-name", _B, "false", _DYNAMIC, "Merge lists in pod templates by name.", "lists of named things are always merged by name"),
    Option("revision.history.limit", _I, "10", _DYNAMIC, "Revisions kept in `status.history` and as ControllerRevisions."),
    Option("savepoint.cleanup.enabled", _B, "true", _DYNAMIC, "Remove old savepoint resources."),
    Option("savepoint.dispose-on-delete", _B, "false", _DYNAMIC, "Savepoints of the operator's own resources go with them."),
    Option("savepoint.format.type", _C, "CANONICAL", _DYNAMIC, "Format of savepoints.", choices=("CANONICAL", "NATIVE")),
    Option("savepoint.history.max.age", _D, "1 d", _DYNAMIC, "Older savepoint resources are removed."),
    Option("savepoint.history.max.count", _I, "10", _DYNAMIC, "More savepoint resources are removed."),
    Option(
        "savepoint.trigger.grace-period", _D, "10 min", _DYNAMIC, "When a triggered savepoint counts as lost.",
        former=("observer.savepoint.trigger.grace-period",),
    ),
    Option("session.deletion.block-on-session-jobs", _B, "true", _DYNAMIC, "A session cluster goes after its FlinkSessionJobs."),
    Option(
        "session.deletion.block-on-unmanaged-jobs", _B, "true", _DYNAMIC, "And after jobs that someone else submitted.",
        former=("session.block-on-unmanaged-jobs",),
    ),
    Option("snapshot.resource.enabled", _B, "true", _DYNAMIC, "A FlinkStateSnapshot for each savepoint."),
    Option("user.artifacts.http.header", _T, "", _DYNAMIC, "Headers of the request for a program."),
)  # fmt: skip

ADVANCED: tuple[Option, ...] = (
    Option("cluster.resource-view.refresh-interval", _D, "-1 min", _SYSTEM, "Age at which the nodes are looked at again before the autoscaler asks for more TaskManagers than they have room for; negative: they are not looked at, as where nodes are added on demand."),
    Option("config.cache.size", _I, "1000", _SYSTEM, "Cached configurations.", "nothing is cached: layers are merged in each turn"),
    Option("config.cache.timeout", _D, "10 min", _SYSTEM, "Their lifetime.", "nothing is cached"),
    Option("dynamic.config.check.interval", _D, "5 min", _RELOADED, "Time between two looks at the mounted configuration."),
    Option("dynamic.config.enabled", _B, "true", _SYSTEM, "Read the mounted configuration again when it changes."),
    Option("events.exceptions.limit-per-reconciliation", _I, "10", _RELOADED, "Failures that a running job overcame since the last look: so many of them are told as Events at most."),
    Option("events.exceptions.stacktrace-lines", _I, "5", _SYSTEM, "Lines of their stack traces.", "the last 8 lines, where Python names the cause; the whole trace is in the job's log and on its page"),
    Option("health.canary.resource.timeout", _D, "1 min", _RELOADED, "A canary must be reconciled within."),
    Option("health.probe.enabled", _B, "true", _SYSTEM, "Serve the health endpoint."),
    Option("health.probe.port", _I, "8085", _SYSTEM, "Its port."),
    Option("ingress.manage", _B, "true", _SYSTEM, "Make Ingresses."),
    Option("label.selector", _T, "", _SYSTEM, "Serve the resources only that this label selector chooses."),
    Option("observer.progress-check.interval", _D, "10 s", _SYSTEM, "Time between two looks while something is under way.", "half a second to three, by what is under way"),
    Option("observer.rest-ready.delay", _D, "10 s", _SYSTEM, "Grace between an open port and READY.", "READY is said when the REST API answers"),
    Option("resource.deletion.propagation", _C, "Foreground", _SYSTEM, "How dependents of deleted objects go.", "pods are waited for by name, whatever the propagation", choices=("Foreground", "Background", "Orphan")),
    Option("savepoint.history.max.age.threshold", _D, "", _RELOADED, "The installation's limit of `savepoint.history.max.age`."),
    Option("savepoint.history.max.count.threshold", _I, "", _RELOADED, "The installation's limit of `savepoint.history.max.count`."),
    Option("startup.stop-on-informer-error", _B, "true", _SYSTEM, "Fail at the start when a watch cannot start.", "a watch that cannot start is tried again and makes the health probe fail"),
    Option("termination.timeout", _D, "10 s", _SYSTEM, "Time to finish what is being done at the end of the process."),
)  # fmt: skip

METRICS: tuple[Option, ...] = (
    Option("josdk.metrics.enabled", _B, "true", _SYSTEM, "Metrics of the loop."),
    Option("jvm.metrics.enabled", _B, "true", _SYSTEM, "Metrics of the process."),
    Option("kubernetes.client.metrics.enabled", _B, "true", _SYSTEM, "Metrics of calls to the API server."),
    Option("kubernetes.client.metrics.http.response.code.groups.enabled", _B, "false", _SYSTEM, "Counters by group of status codes.", "the code is a label; group in the query"),
    Option("kubernetes.client.metrics.slow.request.threshold", _D, "5 s", _SYSTEM, "From when on a call is slow."),
    Option("metrics.histogram.sample.size", _I, "1000", _SYSTEM, "Reservoir of histograms.", "histograms have buckets"),
    Option("metrics.scope.k8soperator.resource", _T, "", _SYSTEM, "Scope of metrics of a resource.", _LABELS),
    Option("metrics.scope.k8soperator.resourcens", _T, "", _SYSTEM, "Scope of metrics of a namespace.", _LABELS),
    Option("metrics.scope.k8soperator.system", _T, "", _SYSTEM, "Scope of metrics of the operator.", _LABELS),
    Option("resource.lifecycle.metrics.enabled", _B, "true", _SYSTEM, "Times of lifecycle states and transitions."),
    Option("resource.lifecycle.namespace.histograms.enabled", _B, "true", _SYSTEM, "Those by namespace too."),
    Option("resource.metrics.enabled", _B, "true", _SYSTEM, "Metrics of resources."),
)  # fmt: skip

OPTIONS: tuple[Option, ...] = (*SYSTEM, *RESOURCE, *ADVANCED, *METRICS)
BY_KEY: Mapping[str, Option] = {option.key: option for option in OPTIONS}
"""By the key without its prefix."""
