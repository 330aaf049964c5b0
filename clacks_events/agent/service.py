"""What an agent needs to run: an event loop for async commands, signals that end it, presence."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clacks_events.agent.membership import INTERVAL, Membership
from clacks_events.agent.nodes import CLIENT_TIMEOUT, NODE_TIMEOUT, NodeRoster
from clacks_events.agent.peer_events import Capabilities, Status
from clacks_events.bus import Bus
from clacks_events.signals.pulse import Pulse

if TYPE_CHECKING:
    import asyncio

__all__ = ["Attendance", "LoopThread", "ended_by_signals"]

log = logging.getLogger(__name__)

_ENDING = (signal.SIGINT, signal.SIGTERM)
_PATIENCE = 5.0  # seconds that what was cancelled has to end


class LoopThread:
    """An event loop on a thread of its own, which is started when it is needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run what an async function returned, and wait for its result."""
        import asyncio  # 30 ms that an agent without async commands need not wait for

        return asyncio.run_coroutine_threadsafe(coroutine, self._started()).result()

    def _started(self) -> asyncio.AbstractEventLoop:
        import asyncio

        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run_loop, args=(self._loop,), name="clacks-async", daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Cancel what still runs, and end the loop."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():
            return
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(_PATIENCE)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio

    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=_PATIENCE) if left else _nothing())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _nothing() -> None:
    return


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end the main thread the way Ctrl-C does; on other threads do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in former.items():
            # None: it was set by something that is not Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class Attendance:
    """An agent's presence, and its view of who else is there."""

    def __init__(
        self,
        bus: Bus,
        name: str,
        *,
        describe: Callable[[], Capabilities],
        measure: Callable[[], Status],
        interval: float = INTERVAL,
        node_timeout: float = NODE_TIMEOUT,
        client_timeout: float = CLIENT_TIMEOUT,
    ) -> None:
        """Speak for a node; times are in seconds. Raises ConfigError."""
        self._pulse = Pulse()
        self.roster = NodeRoster(
            bus, self._pulse, node_timeout=node_timeout, client_timeout=client_timeout
        )
        self._membership = Membership(
            bus, self._pulse, name, describe=describe, measure=measure, interval=interval
        )

    def open(self) -> None:
        """Listen, and announce the node. Raises TransportError."""
        # In this order, so that the answers to the announce are heard.
        self.roster.open()
        self._membership.open()

    def close(self) -> None:
        """Say that the node leaves, and listen no more."""
        self._membership.close()
        self.roster.close()
        self._pulse.close()
