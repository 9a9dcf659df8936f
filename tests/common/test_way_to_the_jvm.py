"""What programs ask PyFlink itself: its version, and a way to the JVM."""

import pytest

from penstock.common import UnsupportedOperation
from penstock.java_gateway import get_gateway, set_gateway
from penstock.version import __version__


def test_there_is_a_version_of_the_api_and_no_gateway() -> None:
    assert __version__ == "2.3.0"
    with pytest.raises(UnsupportedOperation, match="need no gateway"):
        get_gateway()
    with pytest.raises(UnsupportedOperation, match="need no gateway"):
        set_gateway(None)
