"""The RuntimeContext that a function's `open` receives; public at `penstock.datastream.functions`. One per operator."""

from collections.abc import Callable
from typing import Any

from penstock.common.distributed_cache import DistributedCache
from penstock.common.job_parameters import KEY as PARAMETERS
from penstock.common.job_parameters import parse_parameters
from penstock.common.state_descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    ValueStateDescriptor,
)
from penstock.metrics.metricbase import MetricGroup
from penstock.metrics.registered import RegisteredGroup
from penstock.operators.contract import OperatorContext
from penstock.operators.keyed_states import (
    AggregatingState,
    ListState,
    MapState,
    ReducingState,
    ValueState,
)
from penstock.operators.state_access import open_state, sweep_of


class RuntimeContext:
    """Where a function runs, and its keyed state."""

    def __init__(self, ctx: OperatorContext) -> None:
        self._ctx = ctx
        self._metrics = RegisteredGroup(ctx.metrics)
        self.sweeps: dict[str, Callable[[int], Any]] = {}
        """By state: cleanup that the operator runs with the number of records it has handled."""

    def get_task_name(self) -> str:
        """The name of the task."""
        return self._ctx.task_name

    def get_task_name_with_subtasks(self) -> str:
        """The name with the subtask's number, `name (1/2)`."""
        return f"{self._ctx.task_name} ({self._ctx.subtask_index + 1}/{self._ctx.parallelism})"

    def get_number_of_parallel_subtasks(self) -> int:
        """The parallelism of the operator."""
        return self._ctx.parallelism

    def get_max_number_of_parallel_subtasks(self) -> int:
        """The number of key groups."""
        return self._ctx.max_parallelism

    def get_index_of_this_subtask(self) -> int:
        """The subtask's number, from 0."""
        return self._ctx.subtask_index

    def get_attempt_number(self) -> int:
        """The attempt at running the job."""
        return self._ctx.attempt

    def get_job_parameter(self, key: str, default_value: str) -> str:
        """A global job parameter."""
        return parse_parameters(self._ctx.configuration.get(PARAMETERS, "")).get(key, default_value)

    def get_distributed_cache(self) -> DistributedCache:
        """The files that the program registered."""
        return DistributedCache()

    def get_metrics_group(self) -> MetricGroup:
        """Where the function registers metrics of its own."""
        return self._metrics

    def get_state(self, state_descriptor: ValueStateDescriptor) -> ValueState:
        """One value a key."""
        state: ValueState = self._open(state_descriptor)
        return state

    def get_list_state(self, state_descriptor: ListStateDescriptor) -> ListState:
        """A list a key."""
        state: ListState = self._open(state_descriptor)
        return state

    def get_map_state(self, state_descriptor: MapStateDescriptor) -> MapState:
        """A map a key."""
        state: MapState = self._open(state_descriptor)
        return state

    def get_reducing_state(self, state_descriptor: ReducingStateDescriptor) -> ReducingState:
        """One reduced value a key."""
        state: ReducingState = self._open(state_descriptor)
        return state

    def get_aggregating_state(self, state_descriptor: AggregatingStateDescriptor) -> AggregatingState:
        """One accumulator a key."""
        state: AggregatingState = self._open(state_descriptor)
        return state

    def _open(self, descriptor: StateDescriptor) -> Any:
        if self._ctx.state is None:
            raise RuntimeError(
                f"state {descriptor.name!r} of {self._ctx.operator_name!r}: this state is only accessible by "
                "functions executed on a KeyedStream; put key_by(...) before it"
            )
        sweep = sweep_of(descriptor, self._ctx.state.table(descriptor.name))
        if sweep is not None:
            self.sweeps[descriptor.name] = sweep
        return open_state(self._ctx.state, descriptor, self._ctx.timers)
