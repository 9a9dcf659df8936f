"""One Avro file as a bounded source, for `env.create_input` (PyFlink's `AvroInputFormat`)."""

from penstock.connectors.definition import SourceDefinition
from penstock.connectors.files.source import FileSourceSettings
from penstock.formats.avro_files import AvroInputFormat as Format


class AvroInputFormat(Format):
    """Generic records of one Avro file or a folder of them."""

    def definition(self) -> SourceDefinition:
        """What the graph takes."""
        return FileSourceSettings([self.path], self.format).definition()
