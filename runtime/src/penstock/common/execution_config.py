"""The execution configuration of an environment: a typed view of the same configuration keys."""

import json

from penstock.common.configuration import Configuration
from penstock.common.durations import format_duration_ms, parse_duration_ms

WATERMARK_INTERVAL = "pipeline.auto-watermark-interval"


class ExecutionConfig:
    """Typed access to the settings of a job; every set method returns the object."""

    PARALLELISM_DEFAULT = -1
    PARALLELISM_UNKNOWN = -2

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def get_parallelism(self) -> int:
        """The default parallelism; -1 if none is set."""
        return self._configuration.get_integer("parallelism.default", self.PARALLELISM_DEFAULT)

    def set_parallelism(self, parallelism: int) -> "ExecutionConfig":
        """Set the default parallelism."""
        self._configuration.set_integer("parallelism.default", parallelism)
        return self

    def get_max_parallelism(self) -> int:
        """The number of key groups; -1 if none is set."""
        return self._configuration.get_integer("pipeline.max-parallelism", -1)

    def set_max_parallelism(self, max_parallelism: int) -> "ExecutionConfig":
        """Set the number of key groups."""
        self._configuration.set_integer("pipeline.max-parallelism", max_parallelism)
        return self

    def get_auto_watermark_interval(self) -> int:
        """Milliseconds between watermarks of a quiet stream."""
        return parse_duration_ms(self._configuration.get_string(WATERMARK_INTERVAL, "200 ms"))

    def set_auto_watermark_interval(self, interval: int) -> "ExecutionConfig":
        """Set the milliseconds between watermarks."""
        self._configuration.set_string(WATERMARK_INTERVAL, format_duration_ms(interval))
        return self

    def enable_object_reuse(self) -> "ExecutionConfig":
        """Records pass by reference between chained functions: always so here."""
        self._configuration.set_boolean("pipeline.object-reuse", True)
        return self

    def disable_object_reuse(self) -> "ExecutionConfig":
        """Kept for compatibility: records pass by reference between chained functions."""
        self._configuration.set_boolean("pipeline.object-reuse", False)
        return self

    def is_object_reuse_enabled(self) -> bool:
        """What was set."""
        return self._configuration.get_boolean("pipeline.object-reuse", False)

    def get_global_job_parameters(self) -> dict[str, str]:
        """The parameters that functions read with `get_job_parameter`."""
        text = self._configuration.get_string("pipeline.global-job-parameters", "{}")
        parameters: dict[str, str] = json.loads(text)
        return parameters

    def set_global_job_parameters(self, global_job_parameters_dict: dict[str, str]) -> "ExecutionConfig":
        """Set the parameters that functions read with `get_job_parameter`."""
        text = json.dumps({str(key): str(value) for key, value in global_job_parameters_dict.items()})
        self._configuration.set_string("pipeline.global-job-parameters", text)
        return self
