"""Writes the operator's reference pages: `python -m penstock_operator.reference DIR`, `--check` to compare.

Run by `make gen` and by a test. Keys come from `configuration/options.py` and `autoscale/options.py`, metrics from `report/metrics_names.py`.
"""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum

from penstock_api.generated_files import GeneratedFiles
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.configuration.option import PREFIX, Option
from penstock_operator.configuration.options import ADVANCED, METRICS, RESOURCE, SYSTEM
from penstock_operator.report import metrics_names

HEADER = "<!-- Generated from penstock_operator by `make gen`. Do not edit. -->\n\n"

_ABOUT_KEYS = f"""# The operator's configuration

Keys of the operator, under Apache's names. Where each counts:

- *system*: in the operator's own configuration (`defaultConfiguration` of the chart, ConfigMap `penstock-operator-config`), read when the
  process starts; *reloaded*: a change there counts without a restart, after `{PREFIX}dynamic.config.check.interval` at most;
- *resource*: there as a default, and in a resource's `flinkConfiguration`, where a change never restarts the job.

Layers, the last one wins: the operator's configuration (whose Flink keys are defaults of every job), then
`{PREFIX}default-configuration.namespace.NAMESPACE.KEY`, then
`{PREFIX}default-configuration.flink-version.v1_19.KEY` (`v1_19+` from that version on; the exact one last), then the resource's own
`flinkConfiguration`, then what the operator computes.

The operator reads `flink-conf.yaml` and `config.yaml` in `FLINK_CONF_DIR` (`/opt/flink/conf`), and over them those in `CONF_OVERRIDE_DIR`. A file
that cannot be read keeps the last one in force, and a value that cannot be read counts as its default; the log says so. Environment:
`WATCH_NAMESPACES`, `OPERATOR_NAMESPACE`, `OPERATOR_POD_NAME`, `POD_IP`, `WEBHOOK_SERVER_PORT`.

Durations are Flink's: `15 s`, `1min`, `5 MINUTE`; a bare number is milliseconds. Keys below are without `{PREFIX}`.
"""
_ABOUT_METRICS = """# The operator's metrics

Prometheus text at `/metrics` of the port that `metrics.port` of the chart sets, on the pod's own address. `metrics.service.create` makes a Service with
`prometheus.io` annotations, `metrics.podMonitor.create` a PodMonitor. Reading them makes no call to the API server; every replica tells them, and `leader`
says which one handles.

Beside these: `process_*` and `python_info` of the process (`kubernetes.operator.jvm.metrics.enabled`). Metrics of a job are its cluster's.
"""


_ABOUT_AUTOSCALER = """# The autoscaler's options

Keys of a resource's `flinkConfiguration` (or of the operator's, as defaults), each as `job.autoscaler.KEY` or `kubernetes.operator.job.autoscaler.KEY`.
A change never restarts the job. How decisions are made: [Scale a job from its lag](../how-to/autoscale.md).

Alignment modes of one's own are refused: a custom executor may change each parallelism.
"""


def render() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "operator-configuration.md": HEADER + "\n".join(_keys_page()),
        "operator-metrics.md": HEADER + "\n".join(_metrics_page()),
        "autoscaler-options.md": HEADER + "\n".join(_autoscaler_page()),
    }


def _autoscaler_page() -> Iterator[str]:
    yield _ABOUT_AUTOSCALER
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for name, field in AutoscalerOptions.model_fields.items():
        yield f"| `{field.alias or name}` | {_default(field.default)} | {field.description} |"
    yield ""


def _default(value: object) -> str:
    match value:
        case None | ():
            return ""
        case bool():
            return str(value).lower()
        case timedelta():
            return f"{value.total_seconds():g} s"
        case StrEnum():
            return value.value
    return str(value)


def _keys_page() -> Iterator[str]:
    yield _ABOUT_KEYS
    tables = (("The process", SYSTEM), ("Resources", RESOURCE), ("Advanced", ADVANCED), ("Metrics", METRICS))
    for title, options in tables:
        yield f"## {title}\n"
        yield "| key | default | where | meaning |"
        yield "|---|---|---|---|"
        yield from (_row(option) for option in options if option.is_honoured)
        yield ""
    yield "## Keys that are read and do nothing\n"
    yield "They are accepted, so that existing configuration goes on working; the webhook warns of those in a resource.\n"
    yield "| key | what takes its place |"
    yield "|---|---|"
    for _, options in tables:
        yield from (f"| `{option.key}` | {option.instead} |" for option in options if not option.is_honoured)
    yield ""


def _row(option: Option) -> str:
    meaning = option.meaning
    if option.choices:
        meaning += f" {', '.join(f'`{choice}`' for choice in option.choices)}."
    if option.former:
        meaning += f" Formerly {', '.join(f'`{name}`' for name in option.former)}."
    default = f"`{option.default}`" if option.default else ""
    return f"| `{option.key}` | {default} | {option.scope.value} | {meaning} |"


def _metrics_page() -> Iterator[str]:
    yield _ABOUT_METRICS
    yield "| name | type | labels | meaning | upstream's |"
    yield "|---|---|---|---|---|"
    for metric in metrics_names.METRICS:
        ending = "_total" if metric.type == "counter" else ""
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        name = f"`{metrics_names.PREFIX}{metric.name}{ending}`"
        yield f"| {name} | {metric.type} | {labels} | {metric.meaning} | {metric.upstream} |"
    yield ""


_FILES = GeneratedFiles("penstock_operator.reference", __doc__, render)
stale, main = _FILES.stale, _FILES.main


if __name__ == "__main__":
    raise SystemExit(main())
