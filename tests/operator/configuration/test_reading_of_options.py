"""Options are read by their table: types, defaults, former names; what cannot be read is said and counts as default."""

from datetime import timedelta

import pytest

from penstock_operator.configuration.option import OptionType
from penstock_operator.configuration.options import BY_KEY, OPTIONS
from penstock_operator.configuration.values import Values, problems


def values(**keys: str) -> Values:
    return Values(
        {f"kubernetes.operator.{key.replace('__', '.').replace('_', '-')}": v for key, v in keys.items()}
    )


def test_written_values_win_over_defaults() -> None:
    assert Values({}).duration("reconcile.interval") == timedelta(minutes=1)
    assert values(reconcile__interval="15 s").duration("reconcile.interval") == timedelta(seconds=15)
    assert values(rate_limiter__limit="7").integer("rate-limiter.limit") == 7
    assert Values({}).integer("savepoint.history.max.count.threshold") is None
    assert Values({}).duration("retry.max.interval") is None
    assert Values({}).number("retry.interval.multiplier") == 1.5
    assert values(job__restart__failed="TRUE").boolean("job.restart.failed") is True
    assert values(watched__namespaces="a, b;c").names("watched.namespaces") == ("a", "b", "c")
    assert Values({}).names("watched.namespaces") == ()


def test_former_names_are_read_under_the_present_ones() -> None:
    former = {"kubernetes.operator.reconciler.reschedule.interval": "20 s"}
    assert Values(former).duration("reconcile.interval") == timedelta(seconds=20)
    both = {**former, "kubernetes.operator.reconcile.interval": "30 s"}
    assert Values(both).duration("reconcile.interval") == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("job.restart.failed", "perhaps", "neither true nor false"),
        ("rate-limiter.limit", "many", "whole number"),
        ("retry.interval.multiplier", "x", "not a number"),
        ("savepoint.format.type", "ODD", "CANONICAL or NATIVE"),
        ("reconcile.interval", "soon", "not a duration"),
        ("periodic.savepoint.interval", "now and then", "neither a duration"),
    ],
)
def test_what_cannot_be_read_is_said_and_counts_as_default(key: str, text: str, said: str) -> None:
    keys = {f"kubernetes.operator.{key}": text}
    [found] = problems(keys)
    assert f"[kubernetes.operator.{key}]" in found
    assert said in found
    read, fresh = Values(keys), Values({})
    if BY_KEY[key].type is OptionType.DURATION:
        assert read.duration(key) == fresh.duration(key)
    if BY_KEY[key].type is OptionType.BOOLEAN:
        assert read.boolean(key) == fresh.boolean(key)


@pytest.mark.parametrize("text", ["1 h", "0 0 3 * * ?", "0 0 12 * * ? 2030", "", "*/5 * * * *"])
def test_a_period_is_a_duration_a_cron_expression_or_nothing(text: str) -> None:
    assert list(problems({"kubernetes.operator.periodic.savepoint.interval": text})) == []


def test_every_default_can_be_read() -> None:
    assert list(problems({option.name: option.default for option in OPTIONS})) == []
    assert len(BY_KEY) == len(OPTIONS)
