"""The test kit for programs: harnesses with settable time, a scripted source, a mini cluster for pytest.

For tests of users and of ours; nothing of the runtime imports it. `pytest_plugins = ["penstock.testing.plugin"]` gives
the `mini_cluster` fixture.
"""

from penstock.testing.function_harness import (
    BroadcastHarness,
    KeyedHarness,
    OneInputHarness,
    TwoInputHarness,
)
from penstock.testing.script import Abort, At, End, Pause, ScriptedSource, Watermark
from penstock.testing.stream_harness import StreamHarness, StreamSnapshot

__all__ = [
    "Abort",
    "At",
    "BroadcastHarness",
    "End",
    "KeyedHarness",
    "OneInputHarness",
    "Pause",
    "ScriptedSource",
    "StreamHarness",
    "StreamSnapshot",
    "TwoInputHarness",
    "Watermark",
]
