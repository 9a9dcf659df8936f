"""Input formats of Java, in PyFlink's place; refused, as sources are written against `connectors.contract`."""

from penstock.common.utils import JavaObjectWrapper


class InputFormat(JavaObjectWrapper):
    """An input format of Java. Use `FileSource` or another source with `from_source`."""
