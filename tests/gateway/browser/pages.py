"""What pages do with a gateway, in the words of a page, and sites that pages come from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.harness.browser import Page

__all__ = ["EventSource", "WebSocket", "serve_page"]

_LISTEN = """url => {
    const seen = window.seen = {messages: [], opened: [], broken: []};
    const source = window.source = new EventSource(url);
    source.onopen = () => seen.opened.push(performance.now());
    source.onerror = () => seen.broken.push(performance.now());
    for (const name of ["message", "gap", "lost"])
        source.addEventListener(name, message => seen.messages.push(
            {event: message.type, id: message.lastEventId, data: message.data}));
}"""
_CONNECT = """(url, protocols) => {
    const seen = window.seen = {frames: [], opened: 0, closed: null};
    const socket = window.socket = new WebSocket(url, protocols);
    socket.onopen = () => seen.opened += 1;
    socket.onmessage = message => seen.frames.push(JSON.parse(message.data));
    socket.onclose = closed => seen.closed = {code: closed.code, reason: closed.reason};
}"""
_OVER = "seen.opened || seen.closed"


class EventSource:
    """An EventSource that a page has made."""

    CONNECTING, OPEN, CLOSED = range(3)

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        page.call(_LISTEN, url)

    @property
    def state(self) -> int:
        """What it is doing."""
        return int(self._page.evaluate("source.readyState"))

    def wait_for_opening(self, number: int = 1) -> None:
        """Return when it was opened so many times."""
        self._page.wait_until(f"seen.opened.length >= {number}")

    def wait_for_refusal(self) -> None:
        """Return when it has given up."""
        self._page.wait_until(f"source.readyState === {self.CLOSED}")

    def take(self, count: int) -> list[dict[str, str]]:
        """Wait for so many messages, and return all that came since the start."""
        self._page.wait_until(f"seen.messages.length >= {count}")
        return self.messages

    @property
    def messages(self) -> list[dict[str, str]]:
        """All that came: event, id and data of each."""
        found: list[dict[str, str]] = self._page.evaluate("seen.messages")
        return found

    @property
    def pauses(self) -> list[float]:
        """Milliseconds between each break and the next opening."""
        return list(self._page.evaluate("seen.broken.map((at, i) => seen.opened[i + 1] - at)"))


class WebSocket:
    """A WebSocket that a page has made."""

    def __init__(self, page: Page, url: str, *protocols: str) -> None:
        self._page = page
        page.call(_CONNECT, url, protocols)

    def opens(self) -> bool:
        """Tell, once it is known, whether it could be opened."""
        self._page.wait_until(_OVER)
        return bool(self._page.evaluate("seen.opened"))

    @property
    def subprotocol(self) -> str:
        """What both have agreed on."""
        return str(self._page.evaluate("socket.protocol"))

    def send(self, frame: object) -> None:
        """Send a frame."""
        self._page.call("frame => socket.send(JSON.stringify(frame))", frame)

    def take(self, count: int) -> list[Any]:
        """Wait for so many frames, and return all that came since the start."""
        self._page.wait_until(f"seen.frames.length >= {count}")
        return list(self._page.evaluate("seen.frames"))

    def closed(self) -> tuple[int, str]:
        """Wait for the end; return the close code and the reason."""
        found = self._page.wait_until("seen.closed")
        return found["code"], found["reason"]


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>a page</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serve_page(port: int = 0) -> Iterator[int]:
    """Serve an empty page at all paths of a port of this host, whatever the host is called."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Blank) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
