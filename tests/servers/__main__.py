"""Servers by hand: `python -m tests.servers up kafka s3` starts them, prints their addresses and runs until Ctrl-C."""

import signal
import sys
import threading
from contextlib import ExitStack

from tests.servers import KafkaServer, PostgresServer, S3Server, ZooKeeperServer

_USAGE = (
    "usage: python -m tests.servers up [kafka] [s3] [zookeeper] [postgres]   (install: same words, no start)"
)


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code."""
    known = {"kafka", "s3", "zookeeper", "postgres"}
    if len(arguments) < 2 or arguments[0] not in ("up", "install") or not set(arguments[1:]) <= known:
        print(_USAGE, file=sys.stderr)
        return 2
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with ExitStack() as stack:
        if "kafka" in arguments:
            print("kafka     ", stack.enter_context(KafkaServer()).bootstrap, flush=True)
        if "s3" in arguments:
            s3 = stack.enter_context(S3Server())
            print("s3        ", s3.endpoint, s3.access_key, s3.secret_key, flush=True)
        if "zookeeper" in arguments:
            print("zookeeper ", stack.enter_context(ZooKeeperServer()).endpoint, flush=True)
        if "postgres" in arguments:
            print("postgres  ", stack.enter_context(PostgresServer()).dsn, flush=True)
        if arguments[0] == "up":
            done.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
