"""How many listen to any of a set of routing keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from clacks_events.transport.base import Transport

__all__ = ["Turnout"]


class _Watch:
    """One key, and what was last said about it."""

    def __init__(self, transport: Transport, key: str, on_change: Callable[[], None]) -> None:
        self.count = 0
        self._on_change = on_change
        self.close = transport.watch(key, self._hear).close

    def _hear(self, count: int) -> None:
        self.count = count
        self._on_change()


class Turnout:
    """The largest audience that one of the watched keys has. Not for several threads at once."""

    def __init__(self, transport: Transport, on_change: Callable[[], None]) -> None:
        """Watch nothing yet; ``on_change`` is called on the transport's threads."""
        self._transport = transport
        self._on_change = on_change
        # Replaced and never changed: others read it meanwhile.
        self._watches: Mapping[str, _Watch] = {}

    @property
    def count(self) -> int:
        """How many listened when the broker last said so, from any thread."""
        return max((watch.count for watch in self._watches.values()), default=0)

    @property
    def is_watched(self) -> bool:
        """Whether there is any key."""
        return bool(self._watches)

    def watch(self, keys: Iterable[str]) -> None:
        """Watch these keys and no others. Raises ConnectionLost, and all is as it was."""
        former, opened = self._watches, dict[str, _Watch]()
        wanted = tuple(keys)
        try:
            for key in wanted:
                if key not in former and key not in opened:
                    opened[key] = _Watch(self._transport, key, self._on_change)
        except BaseException:
            _close(opened.values())
            raise
        self._watches = {key: opened.get(key) or former[key] for key in wanted}
        _close(watch for key, watch in former.items() if key not in self._watches)
        self._on_change()


def _close(watches: Iterable[_Watch]) -> None:
    for watch in watches:
        watch.close()
