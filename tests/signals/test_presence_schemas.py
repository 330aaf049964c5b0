"""What the schemas of presence take and refuse."""

from __future__ import annotations

import pytest

from clacks_events import Catalog, Event, EventMaker, InvalidEvent

e = EventMaker()

GOOD = {"Sender": "gps", "Instance": "life-1", "Interval": "0.5", "Origin": "car"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog()


def announce(*more: tuple[str, str], **changed: str) -> Event:
    fields = [*{**GOOD, **changed}.items(), *more]
    return Event(e.SenderAnnounce(*(e[name](value) for name, value in fields)))


@pytest.mark.parametrize(
    "event",
    [
        announce(),
        announce(("Type", "Speed"), ("Type", "{urn:x}Speed")),
        announce(("Type", "Speed"), ("Method", "a"), ("Method", "b")),
        announce(Sender=" car\n1 "),
        announce(Sender="gps/kmh-1000"),
        announce(Sender="x" * 255),
        announce(Interval="5"),
        Event(
            e.SenderLeave(e.Sender("gps"), e.Instance("life-1"), e.Reason("struck by lightning"))
        ),
    ],
    ids=lambda event: event.xml.decode()[-60:],
)
def test_what_is_taken(catalog: Catalog, event: Event) -> None:
    catalog.validate(event)


@pytest.mark.parametrize(
    ("event", "blamed"),
    [
        *((announce(Interval=text), "Interval") for text in ("0", "-1", "1e1", "INF", "soon")),
        *((announce(Sender=text), "Sender") for text in ("", " \n", " " * 255, "x" * 256)),
        *(
            (announce(("Type", text)), "Type")
            for text in ("", "{urn:x}", "{}Speed", "urn:x}Speed", "{urn:x}Top Speed")
        ),
        (Event(e.SenderPoll(e.Sender("gps"))), "SenderPoll"),
        (announce(("Method", "a"), ("Type", "Speed")), "Type"),
        (Event(e.SenderLeave(e.Sender(" "), e.Instance("1"), e.Reason("closed"))), "Sender"),
    ],
    ids=lambda given: given if isinstance(given, str) else given.xml.decode()[-60:],
)
def test_what_is_refused(catalog: Catalog, event: Event, blamed: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        catalog.validate(event)
    assert caught.value.path.rpartition("/")[2].partition("[")[0] == blamed
