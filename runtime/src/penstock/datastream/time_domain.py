"""Which clock a timer follows, in PyFlink's place."""

from penstock.operators.process import TimeDomain

__all__ = ["TimeDomain"]
