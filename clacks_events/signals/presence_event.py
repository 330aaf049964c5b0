"""Presence as events: SenderAnnounce, SenderRenew, SenderLeave and SenderPoll."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from lxml import etree

from clacks_events.catalog import Catalog
from clacks_events.envelope import NAMESPACE
from clacks_events.errors import ConfigError, InvalidEvent
from clacks_events.event import Event
from clacks_events.maker import EventMaker
from clacks_events.presence import Announcement, Change, bounded_interval
from clacks_events.stamp import Stamper

__all__ = [
    "ANNOUNCE",
    "LEAVE",
    "POLL",
    "RENEW",
    "Leave",
    "announce_payload",
    "announcement_event",
    "leave_event",
    "leave_payload",
    "poll_payload",
    "read_announcement",
    "read_leave",
    "renew_payload",
]

_PREFIX: Final = f"{{{NAMESPACE}}}"
ANNOUNCE: Final = f"{_PREFIX}SenderAnnounce"
RENEW: Final = f"{_PREFIX}SenderRenew"
LEAVE: Final = f"{_PREFIX}SenderLeave"
POLL: Final = f"{_PREFIX}SenderPoll"

_MAKER: Final = EventMaker()


class Leave(NamedTuple):
    """What a sender says when it ends."""

    name: str
    instance: str
    reason: str


def announce_payload(announcement: Announcement) -> etree._Element:
    """Write a SenderAnnounce; raise MalformedEvent for text that XML cannot hold."""
    return _MAKER.SenderAnnounce(*_fields(announcement))


def renew_payload(announcement: Announcement) -> etree._Element:
    """Write a SenderRenew; raise MalformedEvent for text that XML cannot hold."""
    return _MAKER.SenderRenew(*_fields(announcement))


def _fields(announcement: Announcement) -> tuple[etree._Element, ...]:
    e = _MAKER
    return (
        e.Sender(announcement.name),
        e.Instance(announcement.instance),
        e.Interval(Decimal(repr(float(announcement.interval)))),
        e.Origin(announcement.origin),
        *map(e.Type, announcement.types),
        *map(e.Method, announcement.methods),
    )


def leave_payload(leave: Leave) -> etree._Element:
    """Write a SenderLeave; raise MalformedEvent for text that XML cannot hold."""
    e = _MAKER
    return e.SenderLeave(e.Sender(leave.name), e.Instance(leave.instance), e.Reason(leave.reason))


def announcement_event(announcement: Announcement, catalog: Catalog) -> Event:
    """Make the SenderAnnounce of a sender, as it would arrive from it now."""
    return _event(announce_payload(announcement), announcement.name, catalog)


def leave_event(change: Change, catalog: Catalog) -> Event:
    """Make the SenderLeave of a sender that has left, as it would arrive from it now."""
    sender = change.announcement
    payload = leave_payload(Leave(sender.name, sender.instance, change.reason))
    return _event(payload, sender.name, catalog)


def _event(payload: etree._Element, source: str, catalog: Catalog) -> Event:
    return Event(payload, decoder=catalog, stamp=Stamper(source).stamp())


def poll_payload() -> etree._Element:
    """Write a SenderPoll."""
    return _MAKER.SenderPoll()


def read_announcement(event: Event) -> Announcement:
    """Read a SenderAnnounce; an absurd interval is brought into bounds.

    Raises InvalidEvent for a name that no event can have as its source, and for what only an
    event that was not validated can hold.
    """
    return Announcement(
        name=_name(event),
        instance=_token(event, "Instance"),
        types=tuple(map(_collapsed, _texts(event, "Type"))),
        methods=tuple(map(_collapsed, _texts(event, "Method"))),
        interval=_interval(event),
        origin=_text(event, "Origin"),
    )


def read_leave(event: Event) -> Leave:
    """Read a SenderLeave; raise InvalidEvent as :func:`read_announcement` does."""
    return Leave(_name(event), _token(event, "Instance"), _token(event, "Reason"))


def _name(event: Event) -> str:
    name = _text(event, "Sender")
    try:
        return Stamper(name).source
    except ConfigError as error:
        raise _invalid(event, "Sender", name, str(error)) from error


def _interval(event: Event) -> float:
    text = _text(event, "Interval")
    try:
        return bounded_interval(float(text))
    except ValueError as error:
        raise _invalid(event, "Interval", text, f"{text!r} is not a number") from error


def _token(event: Event, field: str) -> str:
    return _collapsed(_text(event, field))


def _collapsed(text: str) -> str:
    """Return what xs:token makes of a text."""
    return " ".join(text.split())


def _text(event: Event, field: str) -> str:
    found = _texts(event, field)
    if len(found) != 1:
        raise _invalid(event, field, None, f"there are {len(found)} where there is one")
    return found[0]


def _texts(event: Event, field: str) -> list[str]:
    children = event.element.iterchildren(f"{_PREFIX}{field}")
    return [(child.text or "") + "".join(each.tail or "" for each in child) for child in children]


def _invalid(event: Event, field: str, value: str | None, reason: str) -> InvalidEvent:
    return InvalidEvent(reason, path=f"/Event/{event.name}/{field}", value=value)
