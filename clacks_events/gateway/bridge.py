"""The only place where threads and the event loop meet.

Threads post to the loop, and all that was posted meanwhile is done at one awakening. The loop
hands what may block to threads: to any of a few, or, what is short and comes in masses, to one
that answers in batches.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from clacks_events.errors import ClacksError, ConnectionLost, LimitReached

__all__ = ["Bridge"]

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 8
_MOST_WAITING = 1_000  # calls of either kind
_PATIENCE = 5.0  # seconds that a call in a row waits behind those that fail


class Bridge:
    """Takes calls from threads to a loop, and from the loop to threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._posted: deque[Callable[[], object]] = deque()
        self._is_due = False
        self._brief = _Pool(loop, _THREADS)
        self._commands = _Pool(loop, _THREADS)
        self._row = _Row(self)

    def post(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call a function on the loop, soon; from any thread. After the loop's end, do nothing."""
        self._posted.append(lambda: function(*args, **kwargs))
        if not self._is_due:
            # First the flag, then the loop: it takes the flag down before it looks.
            self._is_due = True
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._do_posted)

    def _do_posted(self) -> None:
        self._is_due = False
        for _ in range(len(self._posted)):
            try:
                self._posted.popleft()()
            except Exception:
                # One that fails must not keep the others from being called.
                log.exception("what a thread posted failed")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call that may block for a while, on one of a few threads.

        Raises LimitReached when too many wait already.
        """
        return await self._brief.run(lambda: function(*args, **kwargs))

    async def command(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``run``, for the commands of an agent, which may take as long as they like."""
        return await self._commands.run(lambda: function(*args, **kwargs))

    async def in_row(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a short call on the one thread that makes such calls one after the other.

        Raises LimitReached when too many wait already, and ConnectionLost when those before it
        found no broker for longer than it can wait.
        """
        return await self._row.call(lambda: function(*args, **kwargs))

    def close(self) -> None:
        """End the threads, after what they do at the moment; commands are not waited for."""
        self._row.close()
        self._brief.close(wait=True)
        self._commands.close(wait=False)


class _Pool:
    """A few threads, and a bounded number of calls that wait for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int) -> None:
        self._loop = loop
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="clacks-gateway")
        self._running = 0

    async def run(self, function: Callable[[], T]) -> T:
        if self._running >= _MOST_WAITING:
            raise LimitReached("too many calls wait for a thread", retry_after=1.0)
        self._running += 1
        try:
            return await self._loop.run_in_executor(self._threads, function)
        finally:
            self._running -= 1

    def close(self, *, wait: bool) -> None:
        self._threads.shutdown(wait=wait, cancel_futures=True)


class _Call:
    __slots__ = ("function", "since", "waiting")

    def __init__(self, function: Callable[[], object], waiting: asyncio.Future[object]) -> None:
        self.function = function
        self.waiting = waiting
        self.since = time.monotonic()


class _Row:
    """One thread that makes calls, and wakes the loop once for all that it has finished."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._calls: deque[_Call] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._failure: ConnectionLost | None = None

    async def call(self, function: Callable[[], T]) -> T:
        if len(self._calls) >= _MOST_WAITING:
            raise LimitReached("too many calls wait for their turn", retry_after=1.0)
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._is_closed:
                raise ConnectionLost("the gateway ends")
            self._calls.append(_Call(function, waiting))  # type: ignore[arg-type]
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="clacks-row", daemon=True)
            self._thread.start()
        return await waiting

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._calls or self._is_closed)
                if not self._calls:
                    return
            while self._calls:
                self._make(self._calls.popleft())

    def _make(self, call: _Call) -> None:
        failure = self._failure
        if failure is not None and time.monotonic() - call.since > _PATIENCE:
            # It has waited as long as one waits for a broker: the next need not wait again.
            return self._bridge.post(_fail, call.waiting, failure)
        try:
            result = call.function()
        except ConnectionLost as error:
            self._failure = error
            return self._bridge.post(_fail, call.waiting, error)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            return self._bridge.post(_fail, call.waiting, error)
        self._failure = None
        return self._bridge.post(_finish, call.waiting, result)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()


def _finish(waiting: asyncio.Future[T], result: T) -> None:
    if not waiting.done():
        waiting.set_result(result)


def _fail(waiting: asyncio.Future[object], error: Exception) -> None:
    if not waiting.done():
        waiting.set_exception(_own(error) if isinstance(error, ConnectionLost) else error)


def _own(error: ConnectionLost) -> ClacksError:
    # Several get the same failure: an exception that is raised twice collects tracebacks.
    return ConnectionLost(error.reason, url=error.url)
