"""The mounted configuration is read, read again when it changes, and a slip in it takes nothing down."""

import threading
from pathlib import Path

import pytest
import structlog

from penstock_operator.configuration.source import Source, Watcher

WORDS = "Setting default configuration to "


def test_nested_and_flat_files_and_the_override(tmp_path: Path) -> None:
    conf, over = tmp_path / "conf", tmp_path / "over"
    conf.mkdir()
    over.mkdir()
    (conf / "flink-conf.yaml").write_text("a: 1\nb: {c: 2, d: true}\n")
    (conf / "config.yaml").write_text("a: 3\n")
    (over / "config.yaml").write_text("b.c: 4\n")
    source = Source({"FLINK_CONF_DIR": str(conf), "CONF_OVERRIDE_DIR": str(over)})
    assert source.current() == {"a": "3", "b.c": "4", "b.d": "true"}
    assert Source({"FLINK_CONF_DIR": str(tmp_path / "none")}).current() == {}


def test_a_change_is_said_in_upstreams_words_and_told(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("")
    source = Source({"FLINK_CONF_DIR": str(tmp_path)})
    told: list[dict[str, str]] = []
    source.listen(lambda keys: told.append(dict(keys)))
    file.write_text("kubernetes.operator.watched.namespaces: default,flink,dynamic\n")
    with structlog.testing.capture_logs() as logs:
        assert source.poll()
        assert not source.poll()
    [entry] = [log for log in logs if log["event"].startswith(WORDS)]
    assert entry["event"] == WORDS + "{kubernetes.operator.watched.namespaces=default,flink,dynamic}"
    assert told == [{"kubernetes.operator.watched.namespaces": "default,flink,dynamic"}]


def test_secrets_are_not_said(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("s3.secret-key: hush\ns3.endpoint: http://s3\n")
    with structlog.testing.capture_logs() as logs:
        Source({"FLINK_CONF_DIR": str(tmp_path)})
    assert "hush" not in str(logs)
    assert "http://s3" in str(logs)


@pytest.mark.parametrize("text", ["a: [", "just words", "- a\n- b\n"])
def test_a_slip_keeps_what_was_read_last(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a: 1\n")
    source = Source({"FLINK_CONF_DIR": str(tmp_path)})
    file.write_text(text)
    with structlog.testing.capture_logs() as logs:
        assert not source.poll()
        assert not source.poll()
    assert source.current() == {"a": "1"}
    assert len(logs) == 1


def test_a_watcher_polls_as_often_as_the_configuration_says(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("kubernetes.operator.dynamic.config.check.interval: 50 ms\n")
    source = Source({"FLINK_CONF_DIR": str(tmp_path)})
    changed = threading.Event()
    source.listen(lambda keys: changed.set())
    watcher = Watcher(source)
    watcher.start()
    draft = tmp_path / "draft"
    draft.write_text("a: 2\nkubernetes.operator.dynamic.config.check.interval: 50 ms\n")
    draft.replace(file)  # in one step, as a kubelet does it: half a file would be a change too
    assert changed.wait(60)
    watcher.stop()
    assert source.current()["a"] == "2"


def test_a_watcher_that_is_switched_off_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("kubernetes.operator.dynamic.config.enabled: false\n")
    watcher = Watcher(Source({"FLINK_CONF_DIR": str(tmp_path)}))
    watcher.start()
    watcher.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "configuration"]
