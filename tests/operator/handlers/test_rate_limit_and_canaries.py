"""Wake-ups over the limit come later; a canary that is not handled in time is told; back-off grows and ends."""

from penstock_operator.configuration.values import Values
from penstock_operator.handlers.admission import Canaries, RateLimit
from penstock_operator.model.facts import Ref
from penstock_operator.reconcile.backoff import Backoff

REF = Ref("team", "clicks")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def values(**keys: str) -> Values:
    return Values(
        {f"kubernetes.operator.{key.replace('__', '.').replace('_', '-')}": v for key, v in keys.items()}
    )


def test_five_changes_in_fifteen_seconds_and_the_sixth_when_the_first_is_past() -> None:
    clock = Clock()
    limit = RateLimit(lambda: Values({}), clock)
    limit.seen("a", 1)
    for second in range(5):
        clock.now = float(second)
        limit.seen("a", 2 + second)
        assert limit.delay("a") == 0
    limit.seen("a", 7)
    assert limit.delay("a") == 11
    assert limit.delay("b") == 0
    clock.now = 15.0
    assert limit.delay("a") == 0
    limit.seen("a", 8)
    assert limit.delay("a") == 1
    limit.gone("a")
    assert limit.delay("a") == 0


def test_what_leaves_the_spec_as_it_is_does_not_count() -> None:
    limit = RateLimit(lambda: Values({}), Clock())
    for _ in range(100):
        limit.seen("a", 1)
        assert limit.delay("a") == 0


def test_no_limit_where_it_is_switched_off() -> None:
    limit = RateLimit(lambda: values(rate_limiter__limit="0"), Clock())
    for generation in range(100):
        limit.seen("a", generation)
    assert limit.delay("a") == 0


def test_a_canary_is_late_until_it_is_handled_for_each_of_its_generations() -> None:
    clock = Clock()
    canaries = Canaries(lambda: values(health__canary__resource__timeout="10 s"), clock)
    meta = {
        "namespace": "team",
        "name": "clicks",
        "labels": {"flink.apache.org/canary": "true"},
        "generation": 1,
    }
    assert canaries.seen(meta)
    clock.now = 10.0
    assert not canaries.is_late()
    clock.now = 10.1
    assert canaries.is_late()
    assert canaries.handled(REF)
    assert not canaries.is_late()
    assert canaries.seen(meta)
    clock.now = 30.0
    assert not canaries.is_late()
    canaries.seen({**meta, "generation": 2})
    clock.now = 41.0
    assert canaries.is_late()
    canaries.seen({**meta, "deletionTimestamp": "now"})
    assert not canaries.is_late()
    assert not canaries.handled(REF)


def test_a_canary_of_a_namespace_that_others_serve_is_not_waited_for() -> None:
    clock, served = Clock(), {"ours"}
    canaries = Canaries(lambda: values(health__canary__resource__timeout="10 s"), clock)
    meta = {"name": "clicks", "labels": {"flink.apache.org/canary": "true"}, "generation": 1}
    canaries.seen({**meta, "namespace": "team"})
    clock.now = 60.0
    assert not canaries.is_late(served.__contains__)
    served.add("team")
    clock.now = 69.0
    assert not canaries.is_late(served.__contains__), "it waits since it is served"
    clock.now = 71.0
    assert canaries.is_late(served.__contains__)
    assert canaries.handled(REF)
    assert not canaries.is_late(served.__contains__)


def test_other_resources_are_no_canaries() -> None:
    canaries = Canaries(lambda: Values({}))
    assert not canaries.seen({"namespace": "team", "name": "clicks"})
    assert not canaries.handled(REF)


def test_back_off_grows_by_half_to_the_interval_and_begins_anew() -> None:
    backoff = Backoff(lambda: values(reconcile__interval="30 s"))
    waits = [backoff.failed(REF, 5.0) for _ in range(8)]
    assert waits[:4] == [5.0, 7.5, 11.25, 16.875]
    assert waits[5:] == [30.0, 30.0, 30.0]
    backoff.succeeded(REF)
    assert backoff.failed(REF, 5.0) == 5.0


def test_back_off_is_as_the_configuration_says() -> None:
    keys = {
        "retry__initial__interval": "10 s",
        "retry__max__interval": "12 s",
        "retry__interval__multiplier": "3",
    }
    backoff = Backoff(lambda: values(**keys, retry__max__attempts="3"))
    assert [backoff.failed(REF, 5.0) for _ in range(4)] == [10.0, 12.0, 12.0, 12.0]
