"""A headless Chromium for tests, spoken to over its debugging pipe: no driver program, no extra package, no open port.

Used by tests/web and tests/conformance. Installed from Debian where it is missing. Every wait has a deadline and is on a
condition; what the page logs as an error is kept, and a test can ask for it.
"""

import base64
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.servers.install import require_program

_PACKAGES = ("chromium", "fonts-dejavu-core")
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--remote-debugging-pipe",
)
ANSWER_SECONDS = 90.0


class BrowserError(RuntimeError):
    """The browser said no, or the page raised."""


class Browser:
    """One browser with one page; a context manager."""

    def __init__(self, width: int = 1280, height: int = 900) -> None:
        self._width, self._height = width, height
        self._folder = tempfile.mkdtemp(prefix="penstock-browser-")
        self._ids = 0
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._session: str | None = None
        self.errors: list[str] = []
        """What the page logged as an error, and requests that failed."""
        self.dialogs: list[str] = []
        """Questions that the page asked; each was answered with `answer_dialogs`."""
        self.answer_dialogs = True
        self.prompt_text = ""

    def __enter__(self) -> Self:
        program = require_program("chromium", _PACKAGES)
        to_browser, from_us = os.pipe()
        to_us, from_browser = os.pipe()

        def give_pipes() -> None:
            # Chromium reads commands from descriptor 3 and writes answers to 4; first out of the way of both.
            os.dup2(to_browser, 13)
            os.dup2(from_browser, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        self._process = subprocess.Popen(
            [program, *_SWITCHES, f"--user-data-dir={self._folder}", "about:blank"],
            preexec_fn=give_pipes,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._write = os.fdopen(from_us, "wb", buffering=0)
        self._read = os.fdopen(to_us, "rb")
        self._reader = threading.Thread(target=self._read_all, name="browser", daemon=True)
        self._reader.start()
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = str(attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.resize(self._width, self._height)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self._write.close()
        self._read.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # ------------------------------------------------------------------ the pipe

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol."""
        self._ids += 1
        number = self._ids
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._answers[number] = queue.SimpleQueue()
        self._write.write(json.dumps(message).encode() + b"\0")
        try:
            answer = self._answers[number].get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise BrowserError(f"{method}: no answer within {ANSWER_SECONDS:g} s") from None
        finally:
            del self._answers[number]
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        return dict(answer.get("result", {}))

    def _read_all(self) -> None:
        rest = b""
        while chunk := os.read(self._read.fileno(), 1 << 16):
            *whole, rest = (rest + chunk).split(b"\0")
            for text in whole:
                message = json.loads(text)
                waiting = self._answers.get(message.get("id", 0))
                if waiting is not None:
                    waiting.put(message)
                else:
                    self._take_event(message.get("method", ""), message.get("params", {}))

    def _take_event(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(str(details.get("exception", {}).get("description") or details["text"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(str(parameters["message"]))
            answer = {"accept": self.answer_dialogs, "promptText": self.prompt_text}
            message = {
                "id": 0,
                "method": "Page.handleJavaScriptDialog",
                "params": answer,
                "sessionId": self._session,
            }
            self._write.write(json.dumps(message).encode() + b"\0")

    # ------------------------------------------------------------------ the page

    def open(self, url: str) -> None:
        """Go there."""
        self.call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise BrowserError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def text(self) -> str:
        """What a person can read."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def wait_for(self, expression: str, seconds: float = 30) -> Any:
        """Wait until the expression is true; what it is then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                found = self.evaluate(expression)
            except BrowserError:
                found = None  # the page is still loading what it names
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(
            f"{expression} not within {seconds} s; errors {self.errors}; page:\n{self.text()}"
        )

    def wait_for_text(self, *wanted: str, seconds: float = 30) -> str:
        """Wait until all of it can be read."""
        for each in wanted:
            self.wait_for(f"document.body.innerText.includes({json.dumps(each)})", seconds)
        return self.text()

    def click(self, selector: str) -> None:
        """Click the first element of a selector, which must be there."""
        self.wait_for(f"document.querySelector({json.dumps(selector)}) !== null")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in a file input."""
        self.wait_for(f"document.querySelector({json.dumps(selector)}) !== null")
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def resize(self, width: int, height: int, mobile: bool = False) -> None:
        """The size of the window, as of a phone if wanted."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    def prefer(self, scheme: str) -> None:
        """`dark` or `light`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path) -> None:
        """A picture of the whole page."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))
