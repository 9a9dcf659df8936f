"""What the autoscaler reports of a job: what it saw, what it would do, what it did, what held it back.

Part of the status of FlinkDeployment. The overrides in it are what the job runs with; the spec is never edited.
"""

from pydantic import Field

from penstock_api.v1beta1.model import ApiModel


class VertexScaling(ApiModel):
    """One vertex as the last decision saw it. Rates are records a second."""

    id: str
    """Its id."""
    name: str = ""
    """Its name."""
    parallelism: int = 1
    """How parallel it is."""
    recommended: int = 1
    """How parallel it should be."""
    load: str | None = None
    """Share of its time that it is busy."""
    true_rate: str | None = None
    """What it could process; `Infinity` where it is never busy."""
    target_rate: str | None = None
    """What it has to process when nothing waits."""
    lag: int = 0
    """Records that wait before a source."""
    lag_source: str | None = None
    """Where that figure is from: metrics or kafka; unset for a vertex that is no source."""
    upper_rate: str | None = None
    """It needs more when its true rate is below this."""
    lower_rate: str | None = None
    """It has too much when its true rate is above this."""


class ScalingHeld(ApiModel):
    """Why a decision was not carried out."""

    guard: str
    """Which guard held it."""
    reason: str
    """The reason, one word."""
    message: str
    """The reason, in a sentence."""


class LagOfSource(ApiModel):
    """What waits for a source while its metrics cannot say it: the job is down, or they are missing or wrong."""

    id: str
    """Id of its vertex."""
    name: str = ""
    """Its name."""
    lag: int = 0
    """Records that wait."""
    source: str = "kafka"
    """Where the figure is from: metrics or kafka."""
    at: str
    """When it was read, RFC 3339."""


class Idle(ApiModel):
    """Since when nothing has come to a job that runs."""

    since: str
    """RFC 3339."""
    records: int = 0
    """What the job had read and written until then, by its counters."""


class ScaledToZero(ApiModel):
    """An idle job that the autoscaler has stopped, with a savepoint; it starts again when records wait for it."""

    since: str
    """When that was decided, RFC 3339."""
    generation: int
    """The resource's generation then: a change of its spec wakes the job."""
    waking_since: str | None = None
    """When it was decided that the job comes back, RFC 3339; unset while it is to stay down."""
    why: str | None = None
    """Why it comes back."""


class MemoryTuning(ApiModel):
    """What the TaskManagers of the job need, by what was seen of them. Sizes as Kubernetes writes them."""

    observed: str
    """The most that one was seen to use."""
    recommended: str | None = None
    """What each should have; unset where the spec's is none too many."""
    of: str
    """What the spec gave each when that was recommended; another amount there counts instead of `applied`."""
    applied: str | None = None
    """What each has in place of the spec's, since the job last started."""
    message: str = ""
    """The same in a sentence."""


class AutoscalerStatus(ApiModel):
    """The autoscaler's view of the job."""

    mode: str
    """advise or active; off where only the memory is left that it gave."""
    overrides: dict[str, int] = Field(default_factory=dict)
    """Parallelism by vertex that the job runs with; empty while it runs as the spec says."""
    previous_overrides: dict[str, int] = Field(default_factory=dict)
    """Parallelism by vertex before that: gone back to where the pods of more are refused."""
    scaled_at: str | None = None
    """When the overrides were last changed, RFC 3339."""
    window: str = ""
    """What the last decision looked at."""
    vertices: list[VertexScaling] = Field(default_factory=list)
    """The vertices as the last change of the recommendation saw them."""
    held: ScalingHeld | None = None
    """What holds the recommendation back."""
    contested: str | None = None
    """Who scales the resource beside an active autoscaler."""
    room: str | None = None
    """What quotas and nodes had room for when more was last wanted, and what of them could not be looked at."""
    memory: MemoryTuning | None = None
    """What the TaskManagers need; unset while nothing is known."""
    restart_seconds: str | None = None
    """Pause that a rescale is expected to bring."""
    lags: list[LagOfSource] = Field(default_factory=list)
    """What Kafka itself says that waits, where the metrics do not: while the job is down, or they are missing or wrong."""
    idle: Idle | None = None
    """Since when nothing has come, where scaling to zero is on."""
    zero_held: ScalingHeld | None = None
    """What keeps an idle job from being scaled to zero."""
    scaled_to_zero: ScaledToZero | None = None
    """The job is down because nothing waits for it; unset while it runs, and where its owner has suspended it."""
