"""Embedded servers and clients as processes of their own, and raw clients."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq

from clacks_events import BusOptions
from clacks_events.transport import open_transport
from clacks_events.transport.base import Transport
from tests.harness.program import Program
from tests.harness.waiting import wait_until

__all__ = ["Reading", "Serving", "memory", "opened", "raw_client"]

SERVER = """
import sys
from clacks_events.embedded import ensure_server
keys = sys.argv[2] if len(sys.argv) > 2 else None
with ensure_server(sys.argv[1], keys=keys) as server:
    print("owner" if server.is_owner else "guest", server.port, flush=True)
    sys.stdin.read()
"""

READER = """
import sys
from clacks_events.transport import open_transport
from clacks_events.transport.base import InboxOptions
transport = open_transport(sys.argv[1])
def read(deliveries):
    for delivery in deliveries:
        if sys.argv[3] == "settles":
            delivery.ack()
transport.open_inbox(["Event.#"], read, InboxOptions(durable=sys.argv[2] or None))
print("reading", flush=True)
for line in sys.stdin:
    print(transport.counters.received, transport.counters.lost, flush=True)
transport.close()
"""


class Serving(Program):
    """A server in a process of its own."""

    def __init__(self, url: str = "zmq://127.0.0.1:0", *keys: Path) -> None:
        super().__init__(url, *keys, command=(sys.executable, "-c", SERVER))
        self.wait_for("\n")
        self.role, port = self.out.split()
        self.port = int(port)
        self.url = f"zmq://127.0.0.1:{port}"


class Reading(Program):
    """An inbox in a process of its own, which settles what it gets or does not."""

    def __init__(self, url: str, *, durable: str = "", settles: bool = True) -> None:
        how = "settles" if settles else "keeps"
        super().__init__(url, durable, how, command=(sys.executable, "-c", READER))
        self.wait_for("reading")

    def counted(self) -> tuple[int, int]:
        """Return how many messages were received and how many were lost."""
        lines = self.out.count("\n")
        self.write(b"\n")
        wait_until(lambda: self.out.count("\n") > lines, message=self.report)
        received, lost = self.out.splitlines()[-1].split()
        return int(received), int(lost)

    def stop(self) -> None:
        """Stop the process as Ctrl-Z does; returns when it is stopped."""
        self.process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{self.process.pid}/status")
        wait_until(lambda: "State:\tT" in status.read_text())

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def memory(process: int, what: str = "VmRSS") -> int:
    """Return the memory of a process in bytes: at this moment, or with VmHWM its peak."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {what} of {process}")


@contextmanager
def opened(url: str, timeout: float = 10.0) -> Iterator[Transport]:
    """Open a transport and close it."""
    transport = open_transport(url, BusOptions(publish_timeout=timeout))
    try:
        yield transport
    finally:
        transport.close()


@contextmanager
def raw_client(port: int) -> Iterator[zmq.Socket[bytes]]:
    """Connect a socket that knows nothing of our protocol."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(f"tcp://127.0.0.1:{port}")
        yield socket
