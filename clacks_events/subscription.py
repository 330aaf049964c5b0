"""A lasting interest in events: a filter, and a handler or an iterator that gets them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from clacks_events.event import Event

if TYPE_CHECKING:
    import asyncio

    from clacks_events.filter import Filter

__all__ = ["Handler", "Handover", "Subscription", "Taker"]

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Event], object]
Handover: TypeAlias = tuple[Event, Callable[[], None]]
"""An event, and what to call once it is dealt with."""
Taker: TypeAlias = Callable[[Sequence[Handover]], None]
"""Takes events on the transport's own thread: it must not block and must not raise."""


class Subscription:
    """Events that match a filter, in the order of their arrival.

    With a handler they are given to it, one at a time, on a thread of its own; without one,
    iterate: ``for`` and ``async for`` end when the subscription is closed. What has arrived
    before that is still delivered.
    """

    def __init__(
        self,
        recipe: Callable[[], Filter],
        handler: Handler | None,
        on_close: Callable[[Subscription], None],
        on_error: Callable[[], None],
        taker: Taker | None = None,
    ) -> None:
        self._recipe = recipe
        self.filter = recipe()
        self._on_close = on_close
        self._on_error = on_error
        self._taker = taker
        self._arrived: deque[Handover] = deque()
        self._changed = threading.Condition()
        self._sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._is_closed = False
        self._then: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None
        if handler is not None:
            self._thread = threading.Thread(
                target=self._run, args=(handler,), name="clacks-handler", daemon=True
            )
            self._thread.start()

    def renew(self) -> None:
        """Compile the filter again, for a catalog that has changed."""
        self.filter = self._recipe()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will arrive."""
        return self._is_closed

    def put(self, events: Sequence[Handover]) -> None:
        """Hand over events, each with what to call once it is dealt with."""
        if self._taker is not None and not self._is_closed:
            self._taker(events)
            return
        with self._changed:
            if not self._is_closed:
                self._arrived.extend(events)
                self._changed.notify()
                self._wake_sleepers()
                return
        for _, settle in events:
            settle()

    def give(self, events: Iterable[Event]) -> None:
        """Hand over events that were made here, so that no broker waits for them."""
        self.put([(event, _nothing) for event in events])

    def _wake_sleepers(self) -> None:
        sleepers, self._sleepers = self._sleepers, []
        for loop, awake in sleepers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(awake.set)

    def get(self, timeout: float | None = None) -> Event:
        """Wait for the next event.

        Raises TimeoutError after ``timeout`` seconds, EOFError when the subscription is closed.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._arrived or self._is_closed, timeout):
                raise TimeoutError(f"no event within {timeout:g} s")
            if not self._arrived:
                raise EOFError("the subscription is closed")
            event, settle = self._arrived.popleft()
        settle()
        return event

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> Event:
        try:
            return self.get()
        except EOFError:
            raise StopIteration from None

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        # Whoever gets here has imported it; the others need not wait for that.
        import asyncio

        while True:
            awake = asyncio.Event()
            with self._changed:
                if self._arrived:
                    event, settle = self._arrived.popleft()
                    break
                if self._is_closed:
                    raise StopAsyncIteration
                self._sleepers.append((asyncio.get_running_loop(), awake))
            await awake.wait()
        settle()
        return event

    def _run(self, handler: Handler) -> None:
        while taken := self._take():
            for event, settle in taken:
                try:
                    handler(event)
                except Exception:
                    # It is the user's code: whatever it raises must not stop the consumer.
                    self._on_error()
                    log.exception("the handler failed on event %s (%s)", event.id, event.type)
                finally:
                    settle()
        # On this thread, because the handler itself may have closed the subscription.
        self._then()

    def _take(self) -> deque[Handover]:
        """Wait for events and take all; none means that the subscription is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._arrived or self._is_closed)
            taken, self._arrived = self._arrived, deque()
            return taken

    def close(self) -> None:
        """Take no more events, and wait for the handler to finish those that arrived."""
        self._on_close(self)

    def finish(self, then: Callable[[], None] = lambda: None) -> None:
        """End the iteration, or the handler's thread after what has arrived; do ``then``."""
        with self._changed:
            if not self._is_closed:
                self._then = then
            self._is_closed = True
            self._changed.notify_all()
            self._wake_sleepers()
        if self._thread is None:
            then()
        elif self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _nothing() -> None:
    """Settle an event that no broker waits for."""
