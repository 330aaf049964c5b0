"""The consumer under the name that Clacks programs use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from lxml import objectify

from clacks_events.bus import connect
from clacks_events.config import BusOptions
from clacks_events.event import Event

__all__ = ["AMQPEventConsumer"]


class AMQPEventConsumer:
    """Calls back with each event that an XQuery filter matches.

    The callback gets the whole ``Event`` element, objectified: ``data.PhoneStatus.Status`` and
    ``etree.tostring(data)`` both work. It runs on a thread of its own.
    """

    def __init__(
        self,
        url: str,
        *,
        xquery: str = ".",
        callback: Callable[[objectify.ObjectifiedElement], object],
        schemas: Iterable[str | Path] = (),
        options: BusOptions | None = None,
    ) -> None:
        """Connect and subscribe; raises what :func:`connect` and ``Bus.subscribe`` raise."""
        self._callback = callback
        self._closed = threading.Event()
        self._bus = connect(url, schemas=schemas, options=options)
        try:
            self._bus.subscribe(xquery, self._receive)
        except BaseException:
            self._bus.close()
            raise

    def _receive(self, event: Event) -> None:
        self._callback(objectify.fromstring(event.xml))

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the consumer is closed, at most ``timeout`` seconds; tell whether it is."""
        return self._closed.wait(timeout)

    def close(self) -> None:
        """Finish the events that have arrived and leave the broker."""
        self._bus.close()
        self._closed.set()

    def __enter__(self) -> AMQPEventConsumer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
