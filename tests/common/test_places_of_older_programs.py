"""What programs ask PyFlink itself, and where older ones look: version, JVM, row schemas."""

import importlib

import pytest

import penstock.common
from penstock.common import UnsupportedOperation
from penstock.java_gateway import get_gateway, set_gateway
from penstock.version import __version__


def test_there_is_a_version_of_the_api_and_no_gateway() -> None:
    assert __version__ == "2.3.0"
    with pytest.raises(UnsupportedOperation, match="need no gateway"):
        get_gateway()
    with pytest.raises(UnsupportedOperation, match="need no gateway"):
        set_gateway(None)


@pytest.mark.parametrize("name", ["Json", "Csv", "Avro"])
@pytest.mark.parametrize("direction", ["Serialization", "Deserialization"])
def test_row_schemas_are_found_where_older_programs_import_them(name: str, direction: str) -> None:
    formats = importlib.import_module(f"penstock.datastream.formats.{name.lower()}")
    schema = f"{name}Row{direction}Schema"
    assert getattr(penstock.common, schema) is getattr(formats, schema)
    with pytest.raises(AttributeError, match="no attribute 'XmlRowSchema'"):
        _ = penstock.common.XmlRowSchema
