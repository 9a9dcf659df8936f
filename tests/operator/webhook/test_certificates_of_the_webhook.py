"""Certificates are renewed in an order in which no server is ever refused; what cannot be read is made anew."""

from datetime import UTC, datetime, timedelta

import pytest

from penstock_operator.webhook.certificates import (
    Lives,
    Material,
    is_authority_due,
    is_leaf_due,
    is_overlap_over,
    make_material,
    with_new_authority,
    with_new_leaf,
    without_old_authorities,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = Lives(authority=timedelta(days=30), leaf=timedelta(days=9), overlap=timedelta(hours=1))
HOSTS = ("hook.ns.svc", "localhost")


def test_new_material_is_due_for_nothing_and_survives_the_secret() -> None:
    made = make_material(HOSTS, NOW, LIVES)
    assert Material.from_secret({"data": made.to_data()}) == made
    assert made.is_signed_by_newest
    assert not is_authority_due(made, NOW, LIVES)
    assert not is_leaf_due(made, HOSTS, NOW, LIVES)
    assert not is_overlap_over(made, NOW, LIVES)


def test_the_certificate_is_due_a_third_before_its_end_or_for_other_hosts() -> None:
    made = make_material(HOSTS, NOW, LIVES)
    assert not is_leaf_due(made, HOSTS, NOW + timedelta(days=5), LIVES)
    assert is_leaf_due(made, HOSTS, NOW + timedelta(days=7), LIVES)
    assert is_leaf_due(made, (*HOSTS, "other"), NOW, LIVES)
    renewed = with_new_leaf(made, HOSTS, NOW + timedelta(days=7), LIVES)
    assert renewed.bundle == made.bundle
    assert not is_leaf_due(renewed, HOSTS, NOW + timedelta(days=7), LIVES)


def test_a_new_ca_stands_beside_the_old_until_servers_have_its_certificate() -> None:
    made = make_material(HOSTS, NOW, LIVES)
    later = NOW + timedelta(days=21)
    assert is_authority_due(made, later, LIVES)
    both = with_new_authority(made, later, LIVES)
    assert both.certificate == made.certificate
    assert len(both.authorities) == 2
    assert not both.is_signed_by_newest
    assert is_leaf_due(both, HOSTS, later, LIVES)
    signed = with_new_leaf(both, HOSTS, later, LIVES)
    assert signed.is_signed_by_newest
    assert not is_overlap_over(signed, later + timedelta(minutes=59), LIVES)
    assert is_overlap_over(signed, later + timedelta(hours=1), LIVES)
    assert len(without_old_authorities(signed).authorities) == 1
    assert len(with_new_authority(signed, later + timedelta(days=40), LIVES).authorities) == 1


@pytest.mark.parametrize("broken", ["ca.crt", "ca.key", "tls.crt", "tls.key"])
def test_a_secret_that_lacks_or_spoils_something_counts_as_none(broken: str) -> None:
    data = make_material(HOSTS, NOW, LIVES).to_data()
    assert Material.from_secret({"data": {**data, broken: "eA=="}}) is None
    del data[broken]
    assert Material.from_secret({"data": data}) is None
    assert Material.from_secret(None) is None
