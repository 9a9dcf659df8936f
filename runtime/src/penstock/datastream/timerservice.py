"""The timer service, in PyFlink's place."""

from penstock.operators.process import TimerService

__all__ = ["TimerService"]
