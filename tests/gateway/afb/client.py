"""A client of x-afb-ws-json1 on the ``websockets`` package: what third parties would write."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.gateway.site import Site

__all__ = ["Client", "figure", "open_client"]

_PATIENCE = 20.0  # seconds


class Client:
    """Calls, waits for replies and events, in whatever order they come."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = count(1)
        self._replies: dict[str, list[Any]] = {}
        self._events: deque[list[Any]] = deque()

    def send(self, frame: object) -> None:
        """Send a frame; text as it is."""
        self.connection.send(frame if isinstance(frame, str) else json.dumps(frame))

    def ask(self, name: str, args: object = None, *more: object) -> str:
        """Make a call and return its id."""
        id = str(next(self._ids))
        self.send([2, id, name, args, *more])
        return id

    def reply(self, id: str) -> list[Any]:
        """Return the frame that answers a call."""
        self._until(lambda: id in self._replies)
        return self._replies.pop(id)

    def call(self, name: str, args: object = None) -> Any:
        """Make a call that goes well and return the response."""
        frame = self.reply(self.ask(name, args))
        assert frame[0] == 3, frame
        assert frame[2]["jtype"] == "afb-reply"
        assert frame[2]["request"] == {"status": "success", "code": 0}
        return frame[2].get("response")

    def fail(self, name: str, args: object = None, *more: object) -> tuple[str, int, str]:
        """Make a call that fails and return status, code and info."""
        frame = self.reply(self.ask(name, args, *more))
        assert frame[0] == 4, frame
        assert frame[2].keys() == {"jtype", "request"}
        request = frame[2]["request"]
        return request["status"], request["code"], request.get("info", "")

    def event(self) -> tuple[str, Any]:
        """Return name and data of the next event."""
        self._until(lambda: bool(self._events))
        frame = self._events.popleft()
        assert len(frame) == 3
        assert frame[2] == {"jtype": "afb-event", "event": frame[1], "data": frame[2]["data"]}
        return frame[1], frame[2]["data"]

    def closed(self) -> tuple[int, str]:
        """Wait for the end; return the close code and the reason."""
        with pytest.raises(ConnectionClosed) as caught:
            self._until(lambda: False)
        close = caught.value.rcvd
        assert close is not None, caught.value
        return close.code, close.reason

    def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            frame = json.loads(self.connection.recv(timeout=_PATIENCE))
            if frame[0] == 5:
                self._events.append(frame)
            else:
                self._replies[frame[1]] = frame


@contextmanager
def open_client(
    address: str, query: str = "", *, subprotocol: str | None = "x-afb-ws-json1", **options: Any
) -> Iterator[Client]:
    """Connect to a gateway at HOST:PORT."""
    offered = None if subprotocol is None else [Subprotocol(subprotocol)]
    with connect(
        f"ws://{address}/api{query}",
        subprotocols=offered,
        proxy=None,
        compression=None,
        **options,
    ) as connection:
        yield Client(connection)


def figure(site: Site, name: str) -> float:
    """Return a figure of the gateway's metrics, by its name with the labels."""
    lines = httpx.get(f"{site.url}/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))
