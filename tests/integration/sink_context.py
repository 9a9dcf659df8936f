"""Contexts for sinks and readers that run without an engine. Used by the integration tests."""

from collections.abc import Callable, Mapping

from penstock.connectors.contract import ReaderContext, SinkContext


class NoMetrics:
    """Counts nothing."""

    def counter(self, name: str) -> Callable[[int], None]:
        """A counter that forgets."""
        return lambda _count: None

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """A gauge that nobody reads."""


def sink_context(subtask: int, parallelism: int, old_parallelism: int | None = None) -> SinkContext:
    """The context of one sink subtask."""
    return SinkContext(
        job_id="0" * 32,
        operator_id="1" * 32,
        subtask_index=subtask,
        parallelism=parallelism,
        old_parallelism=old_parallelism or parallelism,
        attempt=1,
        metrics=NoMetrics(),
        configuration={},
    )


def reader_context(
    wake: Callable[[], None],
    subtask: int = 0,
    parallelism: int = 1,
    configuration: Mapping[str, str] | None = None,
) -> ReaderContext:
    """The context of one source subtask."""
    return ReaderContext(
        subtask_index=subtask,
        parallelism=parallelism,
        task_name="Source: test",
        metrics=NoMetrics(),
        configuration=configuration or {},
        wake=wake,
    )
