"""The end of a keyed operator in batch mode: event time jumps to its end with the input, and the clock does so too.

Used by process and window operators. In streaming mode timers of the clock that have not come by the end of input never
do; in batch mode every one fires then, and one that is set from such a timer is ignored, as by Flink.
"""

from penstock.operators.contract import Operator, OperatorContext


def hold_processing_timers(ctx: OperatorContext) -> None:
    """Let no timer of the clock fire before the end of input."""
    quiet = getattr(ctx.timers, "set_quiet", None)
    if quiet is not None:
        quiet(True)


def fire_processing_timers(ctx: OperatorContext, operator: Operator) -> None:
    """Fire all timers of the clock, in order of time."""
    state = ctx.state
    timers = getattr(state, "processing_timers", None)
    while state is not None and timers is not None and (first := timers.peek()) is not None:
        timestamp, key, namespace = first[1]
        state.set_current_key(key)
        timers.pop()
        operator.on_processing_timer(timestamp, key, namespace)
