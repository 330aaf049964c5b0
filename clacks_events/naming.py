"""Subscriptions by name: registered once, replaced on demand, closed by name."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import RLock

from clacks_events.errors import NameTaken, NotRegistered
from clacks_events.subscription import Subscription

__all__ = ["NamedSubscriptions"]


class NamedSubscriptions:
    """The subscriptions of a bus that have names."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[Hashable, Subscription]] = {}
        self._lock = RLock()

    def add(
        self, name: str, meaning: Hashable, subscribe: Callable[[], Subscription], *, replace: bool
    ) -> Subscription:
        """Subscribe under a name, or return who has it if it means the same.

        With ``replace`` the former is closed once the new one is in force; without, another
        meaning raises NameTaken.
        """
        with self._lock:
            known = self._living(name)
            if known is not None and known[0] == meaning:
                return known[1]
            if known is not None and not replace:
                raise NameTaken(f"there is a subscription {name!r} already; replace=True ends it")
            subscription = subscribe()
            self._named[name] = (meaning, subscription)
        if known is not None:
            known[1].close()
        return subscription

    def remove(self, name: str) -> None:
        """Close the subscription of a name. Raises NotRegistered."""
        with self._lock:
            known = self._living(name)
            self._named.pop(name, None)
        if known is None:
            raise NotRegistered(f"there is no subscription {name!r}")
        known[1].close()

    def _living(self, name: str) -> tuple[Hashable, Subscription] | None:
        known = self._named.get(name)
        return None if known is None or known[1].is_closed else known
