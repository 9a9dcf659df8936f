"""A stand-in for the runtime's command line that keeps its launch contract and REST bodies, for tests of the operator.

Its job counts: a checkpoint every 100 ms, savepoints on request. A program whose text holds `raise` fails, one that
holds `crash` ends the JobManager at once.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml


class Job:
    def __init__(self, arguments: argparse.Namespace, keys: dict) -> None:
        self.id, self.keys, self.state = arguments.job_id, keys, "RUNNING"
        self.checkpoints = Path(keys["state.checkpoints.dir"]) / self.id
        self.lock = threading.Lock()
        self.triggers: dict[str, str] = {}
        self.number, self.count, self.newest, self.newest_savepoint = 0, 0, None, None
        own = sorted(self.checkpoints.glob("chk-*/_metadata"), key=lambda p: int(p.parent.name[4:]))
        origin = own[-1].parent if own else arguments.from_savepoint and Path(arguments.from_savepoint)
        if origin:
            self.number = json.loads((origin / "_metadata").read_text())["checkpoint_id"]
            self.count = int((origin / "state").read_text())
        self.program = Path(arguments.program).read_text()
        self.failed = "raise" in self.program

    def save(self, folder: Path, kind: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "state").write_text(str(self.count))
        stored = {"path": "state", "size": len(str(self.count))}
        subtask = {"index": 0, "operator": [stored]}
        operator = {
            "uid": "count",
            "operator_id": "0" * 32,
            "name": "count",
            "parallelism": 1,
            "max_parallelism": 128,
            "subtasks": [subtask],
        }
        now = int(time.time() * 1000)
        body = {
            "kind": kind,
            "job_id": self.id,
            "job_name": "count",
            "checkpoint_id": self.number,
            "attempt": 1,
            "trigger_timestamp": now,
            "completed_timestamp": now,
            "python_version": "3",
            "penstock_version": "0",
            "operators": [operator],
        }
        new = folder / "_metadata.new"
        new.write_text(json.dumps(body))
        new.rename(folder / "_metadata")

    def checkpoint(self) -> None:
        with self.lock:
            if self.state == "RUNNING" and not self.failed:
                self.number, self.count = self.number + 1, self.count + 1
                self.newest = str(self.checkpoints / f"chk-{self.number}")
                self.save(Path(self.newest), "CHECKPOINT")

    def trigger(self, body: dict, stop: bool) -> str:
        with self.lock:
            trigger = body["triggerId"]
            if trigger not in self.triggers:
                self.number += 1
                folder = body.get("targetDirectory") or body.get("target-directory")
                path = Path(folder) / f"savepoint-{self.id[:6]}-{trigger[:12]}"
                self.save(path, "SAVEPOINT")
                self.triggers[trigger] = self.newest_savepoint = str(path)
                if stop:
                    self.state = "FINISHED"
            return trigger

    def answer(self, path: str) -> dict | None:
        parts = path.strip("/").split("/")
        if parts == ["config"]:
            return {"flink-version": "2.3.0", "penstock-version": "0"}
        if parts == ["penstock", "application"]:
            if self.failed:
                return {"status": "FAILED", "reason": "ProgramFailed", "message": "ValueError: as asked"}
            return {"status": "SUCCEEDED"}
        if parts == ["jobs", "overview"]:
            job = {"jid": self.id, "name": "count", "start-time": 1, "state": self.state}
            return {"jobs": [] if self.failed else [job]}
        if parts[2:] == ["checkpoints"]:
            return {"latest": {"completed": self._entry(self.newest, False)}}
        if parts[2:3] == ["savepoints"]:
            location = self.triggers.get(parts[3])
            done = {"status": {"id": "COMPLETED"}, "operation": {"location": location}}
            return done if location else None
        return None

    def _entry(self, path: str | None, is_savepoint: bool) -> dict | None:
        if path is None:
            return None
        number = int(path.rpartition("-")[2])
        return {
            "className": "completed",
            "id": number,
            "status": "COMPLETED",
            "is_savepoint": is_savepoint,
            "trigger_timestamp": 1,
            "external_path": path,
        }


def handler_of(job: Job) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(job.answer(self.path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.reply({"request-id": job.trigger(body, self.path.endswith("/stop"))})

        def reply(self, body: dict | None) -> None:
            content = json.dumps(body or {"errors": ["not found"]}).encode()
            self.send_response(200 if body else 404)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    parser = argparse.ArgumentParser()
    parser.add_argument("role")
    parser.add_argument("--config-dir", required=True)
    for name in (
        "--job-id",
        "--program",
        "--from-savepoint",
        "--parallelism",
        "--entry-class",
        "--resource-id",
    ):
        parser.add_argument(name)
    arguments, _ = parser.parse_known_args()
    print(f"{arguments.role} begins", flush=True)
    if arguments.role == "taskmanager":
        while True:
            signal.pause()
    keys = yaml.safe_load((Path(arguments.config_dir) / "config.yaml").read_text())
    if "crash" in Path(arguments.program).read_text():
        sys.exit("it crashes, as asked")
    job = Job(arguments, keys)
    server = ThreadingHTTPServer(("127.0.0.1", int(keys["rest.port"])), handler_of(job))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        time.sleep(0.1)
        job.checkpoint()


if __name__ == "__main__":
    main()
