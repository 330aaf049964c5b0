"""Waiting on conditions and picking ports."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["free_port", "listening", "wait_until"]

Result = TypeVar("Result")

# Below the kernel's ephemeral range. A client that keeps reconnecting to a closed port
# *inside* of that range can be given the very same port as its source, is then connected
# to itself, and keeps the restarting server from its own port.
PORTS = range(20_000, 32_000)


def wait_until(
    condition: Callable[[], Result],
    timeout: float = 10.0,
    message: str | Callable[[], str] = "",
    interval: float = 0.01,
) -> Result:
    """Poll ``condition`` until it is true and return what it returned.

    ``timeout`` and ``interval`` are in seconds. Raises AssertionError with ``message``,
    which may be a callable that looks at the state of things at that time. Exceptions of
    the condition are not caught.
    """
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            text = message if isinstance(message, str) else message()
            raise AssertionError(f"not within {timeout:g} s: {text or condition}")
        time.sleep(interval)
    return result


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on, fit for being reopened later."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port in {PORTS}")


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether somebody accepts connections."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True
