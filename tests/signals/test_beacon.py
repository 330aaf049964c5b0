"""Senders that say they are there."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from clacks_events import Event, EventMaker
from clacks_events.errors import ConfigError, ConnectionLost, InvalidEvent, NameTaken
from clacks_events.presence import Change, Kind
from clacks_events.signals.presence_event import (
    ANNOUNCE,
    LEAVE,
    RENEW,
    announce_payload,
    poll_payload,
    read_announcement,
    read_leave,
)
from clacks_events.signals.pulse import Cancel, Job
from tests.harness.waiting import wait_until
from tests.signals.site import SHORT, SPEED, UNNAMED, Site, gps

e = EventMaker()


def test_an_announce_is_an_event_of_the_sender(car: Site, desk: Site) -> None:
    with desk.bus.subscribe(types=[ANNOUNCE], source="gps") as subscription:
        sender = gps(interval=0.5)
        car.beacon.add(sender)
        event = subscription.get(timeout=10.0)
    assert event.json()["payload"] == {
        "Sender": "gps",
        "Instance": sender.instance,
        "Interval": 0.5,
        "Origin": "car",
        "Type": [SPEED],
        "Method": ["calibrate", "reset"],
    }
    assert read_announcement(event) == sender


def test_closing_a_beacon_takes_leave_of_all(car: Site, desk: Site) -> None:
    for name in ("a", "b"):
        car.beacon.add(gps(name))
        assert desk.told().kind is Kind.ANNOUNCED
    car.beacon.close()
    told = [desk.told() for _ in "ab"]
    assert {(change.announcement.name, change.reason) for change in told} == {
        ("a", "shutdown"),
        ("b", "shutdown"),
    }


def test_a_sender_renews_what_it_tells(car: Site, desk: Site) -> None:
    renewals = desk.bus.subscribe(types=[RENEW])
    sender = gps(interval=SHORT)
    car.beacon.add(sender)
    events = [renewals.get(timeout=10.0) for _ in range(6)]
    assert {event.source for event in events} == {"car"}
    assert {read_announcement(event) for event in events} == {sender}
    assert len({event.id for event in events}) == 6
    assert "gps" in desk.roster
    car.beacon.remove("gps")
    # It was there all the time.
    assert [desk.told().kind, desk.told().kind] == [Kind.ANNOUNCED, Kind.LEFT]


def test_who_listens_to_a_sender_is_told_once_that_it_comes(car: Site, desk: Site) -> None:
    heard = desk.bus.subscribe(source="gps")
    renewals = desk.bus.subscribe(types=[RENEW])
    car.beacon.add(gps(interval=SHORT))
    for _ in range(3):
        renewals.get(timeout=10.0)
    desk.bus.publish(poll_payload())
    renewals.get(timeout=10.0)
    car.beacon.remove("gps")
    told = [heard.get(timeout=10.0).name for _ in range(2)]
    assert told == ["SenderAnnounce", "SenderLeave"]


def test_nothing_is_announced_after_the_leave(car: Site, desk: Site) -> None:
    presence = desk.bus.subscribe(types=[ANNOUNCE, LEAVE])
    car.beacon.add(gps(interval=0.05))
    wait_until(lambda: "gps" in desk.roster)
    car.beacon.remove("gps")
    car.bus.publish(poll_payload())
    car.beacon.add(gps("last"))
    names: list[str] = []
    while names[-1:] != ["last"]:
        event = presence.get(timeout=10.0)
        names.append(f"{event.name} {event.source}" if event.source == "gps" else "last")
    assert names[-2:] == ["SenderLeave gps", "last"]


def test_who_leaves_while_a_poll_is_answered_is_left_out(
    car: Site, desk: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        car.beacon.add(gps(name))
        assert desk.told().kind is Kind.ANNOUNCED
    presence = desk.bus.subscribe(UNNAMED)
    publish = car.bus.publishing.publish

    def leave_first(*given: Any, **options: Any) -> Event:
        monkeypatch.undo()
        car.beacon.remove("b")
        return publish(*given, **options)

    monkeypatch.setattr(car.bus.publishing, "publish", leave_first)
    desk.bus.publish(poll_payload())
    told = [presence.get(timeout=10.0) for _ in range(2)]
    car.beacon.remove("a")
    told.append(presence.get(timeout=10.0))
    assert [f"{event.name} {event.source}" for event in told] == [
        "SenderLeave b",
        "SenderRenew car",
        "SenderLeave a",
    ]


def test_renewing_ends_with_the_last_sender_of_an_interval(
    car: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    going: set[float] = set()
    every = car.pulse.every

    def counted(interval: float, job: Job) -> Cancel:
        cancel = every(interval, job)
        going.add(interval)

        def end() -> None:
            going.remove(interval)
            cancel()

        return end

    monkeypatch.setattr(car.pulse, "every", counted)
    for name, interval in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        car.beacon.add(gps(name, interval))
    assert going == {1.0, 2.0}
    car.beacon.remove("a")
    assert going == {1.0, 2.0}
    car.beacon.remove("b")
    assert going == {2.0}
    car.beacon.close()
    assert going == set()


def test_presence_goes_on_while_a_bus_is_paused(car: Site, desk: Site) -> None:
    car.bus.pause()
    car.beacon.add(gps(interval=SHORT))
    with desk.bus.subscribe(types=[RENEW]) as renewals:
        for _ in range(4):
            renewals.get(timeout=10.0)
    car.beacon.remove("gps")
    assert [desk.told().kind, desk.told().kind] == [Kind.ANNOUNCED, Kind.LEFT]


def test_polls_are_taken_only_while_there_are_senders(car: Site) -> None:
    assert len(list(car.bus.subscribing)) == 0
    car.beacon.add(gps("a"))
    car.beacon.add(gps("b"))
    assert len(list(car.bus.subscribing)) == 1
    car.beacon.remove("a")
    assert len(list(car.bus.subscribing)) == 1
    car.beacon.remove("b")
    assert len(list(car.bus.subscribing)) == 0
    car.beacon.remove("b")


def test_a_name_is_announced_once(car: Site) -> None:
    car.beacon.add(gps())
    with pytest.raises(NameTaken, match="there is a sender 'gps' on this bus already"):
        car.beacon.add(gps())
    car.beacon.remove("gps")
    car.beacon.add(gps())


@pytest.mark.parametrize("name", ["", " ", "x" * 256])
def test_a_name_that_no_event_can_carry_is_refused(car: Site, name: str) -> None:
    with pytest.raises(ConfigError, match="not a source"):
        car.beacon.add(gps(name))
    assert len(list(car.bus.subscribing)) == 0


def test_adding_fails_when_the_broker_is_gone(car: Site, desk: Site) -> None:
    car.bus.publishing.close()
    with pytest.raises(ConnectionLost):
        car.beacon.add(gps())
    assert len(list(car.bus.subscribing)) == 0
    car.beacon.remove("gps")
    assert len(desk.roster) == 0


def test_renewing_goes_on_after_the_broker_was_away(
    car: Site, desk: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sender = gps(interval=0.05)
    car.beacon.add(sender)
    assert desk.told().kind is Kind.ANNOUNCED

    def away(*_: object, **__: object) -> Event:
        raise ConnectionLost("the broker is away")

    with caplog.at_level(logging.DEBUG, "clacks_events"), monkeypatch.context() as patch:
        patch.setattr(car.bus.publishing, "publish", away)
        assert desk.told() == Change(Kind.LEFT, sender, "expired")
    assert desk.told() == Change(Kind.ANNOUNCED, sender)
    said = [record for record in caplog.records if "presence is not told" in record.message]
    assert {record.levelname for record in said} == {"DEBUG"}


def test_what_was_not_validated_is_refused_with_the_reason() -> None:
    name = "ä" * 200
    payload = announce_payload(replace(gps(), name=name))
    with pytest.raises(InvalidEvent, match="/Event/SenderAnnounce/Sender: not a source"):
        read_announcement(Event(payload))
    with pytest.raises(InvalidEvent, match="/Event/SenderAnnounce/Sender: there are 0"):
        read_announcement(Event(e.SenderAnnounce()))
    spoilt = announce_payload(gps())
    for interval in spoilt.iter("{*}Interval"):
        interval.text = "soon"
    with pytest.raises(InvalidEvent, match="Interval: 'soon' is not a number"):
        read_announcement(Event(spoilt))


def test_blanks_and_comments_mean_nothing_in_a_token() -> None:
    left = e.SenderLeave(e.Sender("gps"), e.Instance("\n life-1 "), e.Reason("at rest"))
    left[2].append(etree.Comment("really"))
    assert read_leave(Event(left)) == ("gps", "life-1", "at rest")
