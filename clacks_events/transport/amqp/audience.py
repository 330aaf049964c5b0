"""Who listens to a routing key, as far as RabbitMQ tells.

It does not tell who is bound to an exchange, but it returns what nobody takes. So each key that
is watched gets a probe, an empty message, about once a second, unless a confirmed event has told
the same since the last time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from clacks_events.errors import ClacksError, ConnectionLost
from clacks_events.transport.base import OnAudience, Watched
from clacks_events.transport.telling import Teller

if TYPE_CHECKING:
    from clacks_events.transport.amqp.publisher import Publisher

__all__ = ["Audiences", "Watcher"]

log = logging.getLogger(__name__)

_INTERVAL = 1.0  # seconds between probes of a key
_TIMEOUT = 0.2  # seconds that a probe keeps others from publishing while the broker is away
_BATCH = 256  # probes that are answered together


class _Watch:
    __slots__ = ("count", "is_fresh", "key", "teller")

    def __init__(self, key: str, on_audience: OnAudience) -> None:
        self.key = key
        self.count = 0
        self.is_fresh = False
        self.teller = Teller(lambda: self.count, on_audience)


class Audiences:
    """What is known about the keys that are watched."""

    def __init__(self) -> None:
        self._watches: dict[str, tuple[_Watch, ...]] = {}
        self._lock = Lock()

    def add(self, watch: _Watch) -> None:
        """Begin to remember what is noted about a key."""
        with self._lock:
            self._watches[watch.key] = (*self._watches.get(watch.key, ()), watch)

    def remove(self, watch: _Watch) -> None:
        """Undo ``add``."""
        with self._lock:
            others = tuple(w for w in self._watches.get(watch.key, ()) if w is not watch)
            if others:
                self._watches[watch.key] = others
            else:
                self._watches.pop(watch.key, None)

    def note(self, key: str, count: int, *, is_probed: bool = False) -> None:
        """Remember a result; call it under the publisher's lock, which keeps their order."""
        for watch in self._watches.get(key, ()):
            watch.count = count
            watch.is_fresh = not is_probed

    def tell(self, key: str) -> None:
        """Tell the watchers of a key what was noted; call it under no lock."""
        for watch in self._watches.get(key, ()):
            watch.teller.changed()

    def take_stale(self) -> list[str]:
        """Return the keys of which no event has told anything since this was last asked."""
        stale = set()
        for watch in self:
            if not watch.is_fresh:
                stale.add(watch.key)
            watch.is_fresh = False
        return sorted(stale)

    def __iter__(self) -> Iterator[_Watch]:
        with self._lock:
            return iter([watch for group in self._watches.values() for watch in group])

    def __bool__(self) -> bool:
        return bool(self._watches)


class Watcher:
    """Watches keys from a thread of its own, which lives while there is any."""

    def __init__(self, publisher: Publisher, url: str, timeout: float) -> None:
        self._publisher = publisher
        self._audiences = publisher.audiences
        self._url = url
        self._timeout = timeout
        self._lock = Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def watch(self, key: str, on_audience: OnAudience) -> Watched:
        """Tell whether anybody listens to a key; see Transport.watch."""
        if self._closing.is_set():
            raise ConnectionLost("the bus is closed", url=self._url)
        watch = _Watch(key, on_audience)
        end = partial(self._end, watch)
        self._audiences.add(watch)
        try:
            self._publisher.probe([key], self._timeout)
        except ClacksError:
            end()
            raise
        watch.teller.begin()
        self._start()
        return Watched(end)

    def _end(self, watch: _Watch) -> None:
        watch.teller.close()
        self._audiences.remove(watch)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="clacks-watch", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(_INTERVAL) and self._is_needed():
            keys = self._audiences.take_stale()
            for start in range(0, len(keys), _BATCH):
                self._ask(keys[start : start + _BATCH])

    def _is_needed(self) -> bool:
        with self._lock:
            if not self._audiences:
                self._thread = None
            return self._thread is not None

    def _ask(self, keys: list[str]) -> None:
        try:
            self._publisher.probe(keys, _TIMEOUT)
        except Exception as error:
            # Whatever it is, this thread must outlive it. A broker that is away is asked again.
            is_ours = isinstance(error, ClacksError)
            level = logging.DEBUG if is_ours else logging.WARNING
            log.log(level, "%s: no probes: %s", self._url, error, exc_info=not is_ours)

    def stop(self) -> None:
        """Tell nobody anything any more."""
        self._closing.set()
        for watch in self._audiences:
            self._end(watch)

    def join(self) -> None:
        """Wait for the end of the thread, after ``stop``."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
