"""Restored batches are in nobody's credit, whether they are handled before the sender connects or after."""

import pytest

from penstock.exchange.channels import InputGate
from penstock.exchange.elements import CHANNEL_CREDITS
from penstock.operators.contract import Batch


@pytest.mark.parametrize("connects_first", [True, False])
def test_every_credit_comes_back(connects_first: bool) -> None:
    gate = InputGate()
    channel = gate.add_channel(0)
    granted: list[int] = []
    channel.restore(Batch([1]))
    channel.restore(Batch([2]))
    if connects_first:
        channel.grant_to(granted.append)
    assert [found[1] for found in (gate.next(), gate.next()) if found] == [Batch([1]), Batch([2])]
    if not connects_first:
        channel.grant_to(granted.append)
    for number in range(CHANNEL_CREDITS):
        channel.push(Batch([number]))
        gate.next()
    assert sum(granted) == 2 * CHANNEL_CREDITS
