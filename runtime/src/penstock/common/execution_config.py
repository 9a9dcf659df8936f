"""The execution configuration of an environment: a typed view of the same configuration keys."""

from collections.abc import Mapping

from penstock.common.configuration import Configuration
from penstock.common.durations import format_duration_ms, parse_duration_ms
from penstock.common.job_parameters import KEY as PARAMETERS
from penstock.common.job_parameters import format_parameters, parse_parameters

WATERMARK_INTERVAL = "pipeline.auto-watermark-interval"
AUTO_UIDS = "pipeline.auto-generate-uids"


class ExecutionConfig:
    """Typed access to the settings of a job; every set method returns the object."""

    PARALLELISM_DEFAULT = -1
    PARALLELISM_UNKNOWN = -2

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecutionConfig) and self._configuration == other._configuration

    def __hash__(self) -> int:
        return hash(self._configuration)

    def _flag(self, key: str, value: bool) -> "ExecutionConfig":
        self._configuration.set_boolean(key, value)
        return self

    def _duration(self, key: str, milliseconds: int) -> "ExecutionConfig":
        self._configuration.set_string(key, format_duration_ms(milliseconds))
        return self

    # ------------------------------------------------------------------------------------------- parallelism

    def get_parallelism(self) -> int:
        """The default parallelism; -1 if none is set."""
        return self._configuration.get_integer("parallelism.default", self.PARALLELISM_DEFAULT)

    def set_parallelism(self, parallelism: int) -> "ExecutionConfig":
        """Set the default parallelism; PARALLELISM_DEFAULT takes the cluster's, PARALLELISM_UNKNOWN changes nothing."""
        if parallelism == self.PARALLELISM_UNKNOWN:
            return self
        if parallelism < 1 and parallelism != self.PARALLELISM_DEFAULT:
            raise ValueError(f"parallelism must be at least 1, not {parallelism}")
        self._configuration.set_integer("parallelism.default", parallelism)
        return self

    def get_max_parallelism(self) -> int:
        """The number of key groups; -1 if none is set."""
        return self._configuration.get_integer("pipeline.max-parallelism", -1)

    def set_max_parallelism(self, max_parallelism: int) -> "ExecutionConfig":
        """Set the number of key groups."""
        if not 0 < max_parallelism <= 32768:
            raise ValueError(f"max parallelism must be from 1 to 32768, not {max_parallelism}")
        self._configuration.set_integer("pipeline.max-parallelism", max_parallelism)
        return self

    # ---------------------------------------------------------------------------------------------- intervals

    def get_auto_watermark_interval(self) -> int:
        """Milliseconds between watermarks of a quiet stream."""
        return parse_duration_ms(self._configuration.get_string(WATERMARK_INTERVAL, "200 ms"))

    def set_auto_watermark_interval(self, interval: int) -> "ExecutionConfig":
        """Set the milliseconds between watermarks."""
        if interval < 0:
            raise ValueError(f"the interval of watermarks cannot be negative: {interval}")
        return self._duration(WATERMARK_INTERVAL, interval)

    def get_latency_tracking_interval(self) -> int:
        """Milliseconds between latency markers; 0 or less for none."""
        return parse_duration_ms(self._configuration.get_string("metrics.latency.interval", "0"))

    def set_latency_tracking_interval(self, interval: int) -> "ExecutionConfig":
        """Set the milliseconds between latency markers."""
        return self._duration("metrics.latency.interval", interval)

    def get_task_cancellation_interval(self) -> int:
        """Milliseconds between attempts to cancel a task."""
        return parse_duration_ms(self._configuration.get_string("task.cancellation.interval", "30 s"))

    def set_task_cancellation_interval(self, interval: int) -> "ExecutionConfig":
        """Set the milliseconds between attempts to cancel a task."""
        return self._duration("task.cancellation.interval", interval)

    def get_task_cancellation_timeout(self) -> int:
        """Milliseconds after which a task that does not end ends its slot; 0 for never."""
        return parse_duration_ms(self._configuration.get_string("task.cancellation.timeout", "180 s"))

    def set_task_cancellation_timeout(self, timeout: int) -> "ExecutionConfig":
        """Set the milliseconds after which a task that does not end ends its slot."""
        if timeout < 0:
            raise ValueError(f"the timeout of a cancellation cannot be negative: {timeout}")
        return self._duration("task.cancellation.timeout", timeout)

    # -------------------------------------------------------------------------------------------------- flags

    def enable_object_reuse(self) -> "ExecutionConfig":
        """Records pass by reference between chained functions: always so here."""
        return self._flag("pipeline.object-reuse", True)

    def disable_object_reuse(self) -> "ExecutionConfig":
        """Kept for compatibility: records pass by reference between chained functions."""
        return self._flag("pipeline.object-reuse", False)

    def is_object_reuse_enabled(self) -> bool:
        """What was set."""
        return self._configuration.get_boolean("pipeline.object-reuse", False)

    def enable_auto_generated_uids(self) -> "ExecutionConfig":
        """Operators without a uid get one from their place in the graph."""
        return self._flag(AUTO_UIDS, True)

    def disable_auto_generated_uids(self) -> "ExecutionConfig":
        """Refuse a job whose operators do not all have a uid: their state is then found by every later version."""
        return self._flag(AUTO_UIDS, False)

    def has_auto_generated_uids_enabled(self) -> bool:
        """Whether operators need no uid."""
        return self._configuration.get_boolean(AUTO_UIDS, True)

    def is_use_snapshot_compression(self) -> bool:
        """Whether keyed state is compressed in checkpoints and savepoints."""
        return self._configuration.get_boolean("execution.checkpointing.snapshot-compression", False)

    def set_use_snapshot_compression(self, use_snapshot_compression: bool) -> "ExecutionConfig":
        """Set whether keyed state is compressed in checkpoints and savepoints."""
        return self._flag("execution.checkpointing.snapshot-compression", use_snapshot_compression)

    # ------------------------------------------ settings of Java's serializers: kept, so that they read back

    def enable_closure_cleaner(self) -> "ExecutionConfig":
        """Kept for compatibility: functions travel by cloudpickle, which takes what they use."""
        self._configuration.set_string("pipeline.closure-cleaner-level", "RECURSIVE")
        return self

    def disable_closure_cleaner(self) -> "ExecutionConfig":
        """Kept for compatibility: functions travel by cloudpickle."""
        self._configuration.set_string("pipeline.closure-cleaner-level", "NONE")
        return self

    def is_closure_cleaner_enabled(self) -> bool:
        """What was set."""
        return self._configuration.get_string("pipeline.closure-cleaner-level", "RECURSIVE") != "NONE"

    def enable_force_kryo(self) -> "ExecutionConfig":
        """Kept for compatibility: Python objects are pickled."""
        return self._flag("pipeline.force-kryo", True)

    def disable_force_kryo(self) -> "ExecutionConfig":
        """Kept for compatibility: Python objects are pickled."""
        return self._flag("pipeline.force-kryo", False)

    def is_force_kryo_enabled(self) -> bool:
        """What was set."""
        return self._configuration.get_boolean("pipeline.force-kryo", False)

    def enable_generic_types(self) -> "ExecutionConfig":
        """Kept for compatibility: any Python object may be a record."""
        return self._flag("pipeline.generic-types", True)

    def disable_generic_types(self) -> "ExecutionConfig":
        """Kept for compatibility: any Python object may be a record."""
        return self._flag("pipeline.generic-types", False)

    def has_generic_types_disabled(self) -> bool:
        """What was set."""
        return not self._configuration.get_boolean("pipeline.generic-types", True)

    def enable_force_avro(self) -> "ExecutionConfig":
        """Kept for compatibility: Python objects are pickled."""
        return self._flag("pipeline.force-avro", True)

    def disable_force_avro(self) -> "ExecutionConfig":
        """Kept for compatibility: Python objects are pickled."""
        return self._flag("pipeline.force-avro", False)

    def is_force_avro_enabled(self) -> bool:
        """What was set."""
        return self._configuration.get_boolean("pipeline.force-avro", False)

    def get_default_kryo_serializer_classes(self) -> dict[str, str]:
        """None: Kryo is Java's."""
        return {}

    def get_registered_kryo_types(self) -> list[str]:
        """None: Kryo is Java's."""
        return []

    def get_registered_pojo_types(self) -> list[str]:
        """None: POJOs are Java's."""
        return []

    # --------------------------------------------------------------------------------------------- parameters

    def get_global_job_parameters(self) -> dict[str, str]:
        """The parameters that functions read with `get_job_parameter`."""
        return parse_parameters(self._configuration.get_string(PARAMETERS, ""))

    def set_global_job_parameters(
        self, global_job_parameters_dict: Mapping[str, object]
    ) -> "ExecutionConfig":
        """Set the parameters that functions read with `get_job_parameter`."""
        self._configuration.set_string(PARAMETERS, format_parameters(global_job_parameters_dict))
        return self
