"""Windows of a keyed stream, or of a whole stream: reduce, aggregate, apply, process."""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

from typing import Any, Self

from penstock.common.output_tag import OutputTag
from penstock.common.typeinfo import TypeInformation
from penstock.datastream.arguments import check_function, check_object
from penstock.datastream.data_stream import DataStream
from penstock.datastream.keyed_stream import KeyedStream
from penstock.operators.reduce import in_shape
from penstock.operators.window import WindowFactory
from penstock.operators.window_content import Content, Emission
from penstock.windows.assigners import MergingWindowAssigner
from penstock.windows.evictors import Evictor
from penstock.windows.triggers import Trigger


class _Windows:
    _is_keyed = True

    def __init__(self, stream: KeyedStream, window_assigner: Any) -> None:
        self._stream = stream
        self._assigner = window_assigner
        self._trigger: Trigger | None = None
        self._lateness_ms = 0
        self._late_tag: OutputTag | None = None
        self._evictor: Evictor | None = None

    def get_execution_environment(self) -> Any:
        """The environment."""
        return self._stream.get_execution_environment()

    def get_input_type(self) -> TypeInformation:
        """The declared type of the records."""
        return self._stream.get_type()

    def trigger(self, trigger: Trigger) -> Self:
        """Use this trigger in place of the assigner's own."""
        if isinstance(self._assigner, MergingWindowAssigner) and not trigger.can_merge():
            raise TypeError(f"{type(trigger).__name__} cannot be used with windows that merge")
        self._trigger = trigger
        return self

    def evictor(self, evictor: Evictor) -> Self:
        """Take records out of a window before or after its function sees them."""
        self._evictor = evictor
        return self

    def allowed_lateness(self, time_ms: int) -> Self:
        """Keep windows for so many ms after their end; late records give a new result."""
        if int(time_ms) < 0:
            raise ValueError(f"the allowed lateness cannot be negative: {time_ms} ms")
        self._lateness_ms = int(time_ms)
        return self

    def side_output_late_data(self, output_tag: OutputTag) -> Self:
        """Send records that come later still to a side output."""
        self._late_tag = output_tag
        return self

    def reduce(
        self,
        reduce_function: Any,
        window_function: Any = None,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Reduce the records of a window to one."""
        check_function("reduce", reduce_function, "reduce")
        kind = output_type or (None if window_function is not None else self._stream.get_type())
        return self._add(
            Content(reduce=in_shape(reduce_function, self._stream.get_type())), window_function, kind
        )

    def aggregate(
        self,
        aggregate_function: Any,
        window_function: Any = None,
        accumulator_type: TypeInformation | None = None,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Add the records of a window to an accumulator."""
        check_object("aggregate", aggregate_function, "create_accumulator", "add", "get_result")
        return self._add(Content(aggregate=aggregate_function), window_function, output_type)

    def apply(self, window_function: Any, output_type: TypeInformation | None = None) -> DataStream:
        """Call a WindowFunction with the records of a window."""
        check_object("apply", window_function, "apply")
        return self._add(Content(), window_function, output_type)

    def process(self, process_window_function: Any, output_type: TypeInformation | None = None) -> DataStream:
        """Call a ProcessWindowFunction with the records of a window."""
        check_object("process", process_window_function, "process")
        return self._add(Content(), process_window_function, output_type)

    def _add(self, content: Content, function: Any, output_type: TypeInformation | None) -> DataStream:
        factory = WindowFactory(
            assigner=self._assigner,
            trigger=self._trigger or self._assigner.get_default_trigger(None),
            content=content,
            emission=Emission(function, hasattr(function, "process"), self._is_keyed),
            lateness_ms=self._lateness_ms,
            late_tag=self._late_tag.tag_id if self._late_tag is not None else None,
            evictor=self._evictor,
        )
        name = f"Window({type(self._assigner).__name__})"
        stream = self._stream._keyed(name, factory, output_type)
        if not self._is_keyed:
            stream.force_non_parallel()
        return stream


class WindowedStream(_Windows):
    """Windows for each key."""


class AllWindowedStream(_Windows):
    """Windows over the whole stream, in one subtask."""

    _is_keyed = False

    def __init__(self, data_stream: DataStream, window_assigner: Any) -> None:
        super().__init__(KeyedStream(data_stream, _no_key), window_assigner)


def _no_key(value: Any) -> int:
    return 0
