"""A real browser, driven through the Chrome DevTools Protocol.

Run as a program it fails when there is none. Source: https://chromedevtools.github.io/devtools-protocol
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.harness.program import Program
from tests.harness.waiting import wait_until

__all__ = ["FOREIGN", "NO_BROWSER", "Browser", "BrowserError", "Page", "find_browser"]

NO_BROWSER = (
    "neither Chromium nor Chrome was found, other than as a snap; "
    "./dev test installs Chromium on Debian, as root"
)
FOREIGN = "evil.example"
"""A host name that stands for this host in the browser, and nowhere else."""

_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
_TIMEOUT = 30.0  # seconds for what takes one or two
_ADDRESS = re.compile(r"DevTools listening on (ws://\S+)\n")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--disable-component-update",
    "--disable-background-networking",
    "--remote-debugging-port=0",
    # Nothing beyond this host.
    f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1,"
    " MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


class BrowserError(RuntimeError):
    """What the browser refused, or a script that failed in a page."""


def find_browser() -> str | None:
    """Return the path of a browser that can be started, None if there is none."""
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None and _runs(path):
            return path
    return None


def _runs(path: str) -> bool:
    # Ubuntu has a script of the name that only tells how to install one.
    done = subprocess.run(
        [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    is_there = done.returncode == 0 and re.search(rb"\d+\.\d+", done.stdout) is not None
    # A snap sees no temporary files, so it would have no profile.
    return is_there and b"snap" not in done.stdout


class _Wire:
    """Calls to the browser, each answered before the next; what it tells goes to listeners."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = count(1)
        self.listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}
        """By the session that the browser tells something of."""

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Make a call and return its result. Raises BrowserError."""
        request = {"id": next(self._numbers), "method": method, "params": params}
        if session:
            request["sessionId"] = session
        self._connection.send(json.dumps(request))
        while True:
            message = json.loads(self._connection.recv(_TIMEOUT))
            if message.get("id") == request["id"]:
                break
            if message.get("sessionId") in self.listeners:
                self.listeners[message["sessionId"]](message["method"], message["params"])
        if "error" in message:
            raise BrowserError(f"{method}: {message['error']}")
        result: dict[str, Any] = message["result"]
        return result


class Page:
    """A tab, with cookies and connections of its own."""

    def __init__(self, wire: _Wire, session: str) -> None:
        self._wire = wire
        self._session = session
        self._errors: list[str] = []
        wire.listeners[session] = self._tell
        for domain in ("Runtime", "Log"):
            self._call(f"{domain}.enable")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._wire.call(method, self._session, **params)

    def open(self, url: str) -> None:
        """Load a document, whatever its HTTP status is. Raises BrowserError when there is none."""
        result = self._call("Page.navigate", url=url)
        if "errorText" in result:
            raise BrowserError(f"{url}: {result['errorText']}")
        self.wait_until("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression as plain data, that of a promise awaited.

        Raises BrowserError for what the script throws.
        """
        found = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise BrowserError(_thrown(found["exceptionDetails"]))
        return found["result"].get("value")

    def call(self, function: str, *arguments: object) -> Any:
        """Return what a JavaScript function returns for plain data; see ``evaluate``."""
        return self.evaluate(f"({function})({', '.join(map(json.dumps, arguments))})")

    def wait_until(self, expression: str) -> Any:
        """Return the value of an expression as soon as it is true."""
        return wait_until(lambda: self.evaluate(expression), _TIMEOUT, expression)

    def errors(self) -> list[str]:
        """Return what the console has shown as errors so far."""
        self.evaluate("0")
        return list(self._errors)

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self._errors.append(_thrown(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            shown = (str(each.get("value", each.get("description"))) for each in params["args"])
            self._errors.append(" ".join(shown))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            url = entry.get("url", "")
            # Which no page asks for: browsers look for it by themselves.
            if not url.endswith("/favicon.ico"):
                self._errors.append(f"{entry['text']} {url}".strip())


def _thrown(details: dict[str, Any]) -> str:
    exception = details.get("exception", {})
    return str(exception.get("description", exception.get("value", details["text"])))


class Browser:
    """A browser with an empty profile; ended, with all its pages, at the end of ``open``."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    @classmethod
    @contextmanager
    def open(cls, path: str) -> Iterator[Browser]:
        """Start the browser at a path."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            profile = Path(home, "profile")
            options = (*_OPTIONS, f"--user-data-dir={profile}", "about:blank")
            with (
                Program(*options, command=(path,), env={"HOME": home}) as program,
                connect(
                    _address(program),
                    proxy=None,
                    compression=None,
                    max_size=None,
                    ping_interval=None,
                ) as connection,
            ):
                wire = _Wire(connection)
                yield cls(wire)
                wire.call("Browser.close")
                program.wait()

    @contextmanager
    def page(self) -> Iterator[Page]:
        """Give a new page, closed at the end."""
        wire = self._wire
        context = wire.call("Target.createBrowserContext")["browserContextId"]
        target = wire.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = wire.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        try:
            yield Page(wire, attached["sessionId"])
        finally:
            del wire.listeners[attached["sessionId"]]
            wire.call("Target.disposeBrowserContext", browserContextId=context)


def _address(program: Program) -> str:
    found = wait_until(lambda: _ADDRESS.search(program.err), _TIMEOUT, program.report)
    assert found is not None
    return found[1]


if __name__ == "__main__":
    sys.exit(0 if find_browser() else NO_BROWSER)
