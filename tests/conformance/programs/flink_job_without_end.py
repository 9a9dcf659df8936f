"""A job without an end on a real Flink JobManager, for the operator's client: `python program PORT FOLDER`."""

import sys

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

port, folder = sys.argv[1:]
KEYS = {
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
    "rest.port": port,
    "jobmanager.scheduler": "adaptive",
    "taskmanager.numberOfTaskSlots": "4",
    "parallelism.default": "1",
    "execution.checkpointing.interval": "1s",
    "execution.checkpointing.dir": f"file://{folder}/checkpoints",
    "execution.checkpointing.savepoint-dir": f"file://{folder}/savepoints",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
}
configuration = Configuration()
for key, value in KEYS.items():
    configuration.set_string(key, value)
settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
tables = TableEnvironment.create(settings)
tables.execute_sql(
    "CREATE TABLE clicks (user_id INT) WITH ('connector' = 'datagen', 'rows-per-second' = '10')"
)
tables.execute_sql("CREATE TABLE gone (user_id INT, n BIGINT) WITH ('connector' = 'blackhole')")
tables.execute_sql("INSERT INTO gone SELECT user_id, COUNT(*) FROM clicks GROUP BY user_id").wait()
