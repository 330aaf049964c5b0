"""From a delivery to the subscriptions: parse once, match, validate once, hand over.

Rule: this runs on the transport's thread. No user code, no waiting, no exception gets out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from clacks_events.audience import Audience
from clacks_events.catalog import Catalog
from clacks_events.errors import (
    EventError,
    InvalidEvent,
    MalformedEvent,
    UnknownEventType,
)
from clacks_events.event import Event
from clacks_events.subscription import Handover, Subscription
from clacks_events.tally import Tally
from clacks_events.transport.base import Delivery, Message

__all__ = ["Dispatcher"]

log = logging.getLogger(__name__)

_KINDS: dict[type[EventError], str] = {
    MalformedEvent: "malformed",
    UnknownEventType: "unknown",
    InvalidEvent: "invalid",
}


class _Share:
    """Acknowledges a delivery when the last subscription is done with it."""

    __slots__ = ("_delivery", "_left", "_lock")

    def __init__(self, delivery: Delivery, shares: int) -> None:
        self._delivery = delivery
        self._left = shares
        self._lock = threading.Lock()

    def settle(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
        self._delivery.ack()


class Dispatcher:
    """Hands each delivery to the subscriptions whose filters match."""

    def __init__(self, catalog: Catalog, tally: Tally, *, max_size: int, validates: bool) -> None:
        self._catalog = catalog
        self._tally = tally
        self._max_size = max_size
        self._validates = validates
        self.audience = Audience(tally)

    def receive(self, deliveries: Sequence[Delivery]) -> None:
        """Deal with what arrived together."""
        handed: dict[Subscription, list[Handover]] = {}
        for delivery in deliveries:
            event, matched = self._read(delivery.message)
            if event is None:
                delivery.reject()
            elif not matched:
                delivery.ack()
            else:
                self._share_out(delivery, event, matched, handed)
        for subscription, events in handed.items():
            subscription.put(events)

    def _read(self, message: Message) -> tuple[Event | None, list[Subscription]]:
        try:
            event = Event.from_xml(
                message.body,
                headers=message.headers,
                decoder=self._catalog,
                max_size=self._max_size,
            )
            return event, self._valid(event, self.audience.wanting(event))
        except EventError as error:
            self._set_aside(error, message.key, message.user)
        except Exception:
            # A mistake of ours that this event brings to light: the others must not suffer.
            if self._tally.count("failed"):
                log.exception("set aside: event with key %s brought an error", message.key)
        return None, []

    def _share_out(
        self,
        delivery: Delivery,
        event: Event,
        matched: Sequence[Subscription],
        handed: dict[Subscription, list[Handover]],
    ) -> None:
        self._tally.count_match()
        settle = delivery.ack if len(matched) == 1 else _Share(delivery, len(matched)).settle
        for number, subscription in enumerate(matched):
            # A copy each: what one handler does to the payload is not seen by the others.
            own = event.copy() if number else event
            handed.setdefault(subscription, []).append((own, settle))

    def _valid(self, event: Event, matched: list[Subscription]) -> list[Subscription]:
        if not matched or not self._validates:
            return matched
        try:
            self._catalog.validate(event, is_shared=False)
        except UnknownEventType:
            # Whoever names a type wants it, also where its schema is not at hand.
            named = [found for found in matched if found.filter.names(event.type)]
            if not named:
                raise
            return named
        return matched

    def _set_aside(self, error: EventError, key: str, user: str | None) -> None:
        kind = _KINDS[type(error)]
        if self._tally.count(kind):
            log.error("set aside: %s event with key %s from user %s: %s", kind, key, user, error)
