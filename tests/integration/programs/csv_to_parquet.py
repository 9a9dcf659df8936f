"""CSV files in, Parquet files out, as a PyFlink program. Run by test_connectors_in_jobs.py."""

import sys

from pyflink.common import Types, WatermarkStrategy
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import BucketAssigner, FileSink, FileSource
from pyflink.datastream.formats.csv import CsvReaderFormat, CsvSchema
from pyflink.datastream.formats.parquet import ParquetBulkWriters
from pyflink.table import DataTypes


def main() -> None:
    """Keep the adults."""
    source_folder, target_folder = sys.argv[1:3]
    schema = (
        CsvSchema.builder()
        .add_string_column("name")
        .add_number_column("age", number_type=DataTypes.INT())
        .set_use_header()
        .build()
    )
    row_type = DataTypes.ROW(
        [DataTypes.FIELD("name", DataTypes.STRING()), DataTypes.FIELD("age", DataTypes.INT())]
    )
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(2)
    source = FileSource.for_record_stream_format(CsvReaderFormat.for_schema(schema), source_folder).build()
    sink = (
        FileSink.for_bulk_format(target_folder, ParquetBulkWriters.for_row_type(row_type))
        .with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
        .build()
    )
    people = env.from_source(source, WatermarkStrategy.no_watermarks(), "people")
    adults = people.filter(lambda row: row.age >= 18)
    adults.map(
        lambda row: row, output_type=Types.ROW_NAMED(["name", "age"], [Types.STRING(), Types.INT()])
    ).sink_to(sink)
    env.execute("csv to parquet")


if __name__ == "__main__":
    main()
