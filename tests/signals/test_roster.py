"""Buses that see who is there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue

import pytest

from clacks_events import Bus, EventMaker
from clacks_events.errors import ConnectionLost
from clacks_events.presence import Announcement, Change, Kind
from clacks_events.signals.presence_event import (
    ANNOUNCE,
    LEAVE,
    POLL,
    announce_payload,
    read_announcement,
    read_leave,
    renew_payload,
)
from clacks_events.subscription import Subscription
from tests.harness.waiting import wait_until
from tests.signals.site import SHORT, SPEED, UNNAMED, OpenSite, Site, gps

e = EventMaker()


def leaves(bus: Bus) -> Subscription:
    return bus.subscribe(types=[LEAVE])


def test_a_sender_that_announces_itself_is_there_with_all_that_it_tells(
    car: Site, desk: Site
) -> None:
    assert (len(desk.roster), list(desk.roster), "gps" in desk.roster) == (0, [], False)
    sender = gps()
    car.beacon.add(sender)
    assert desk.told() == Change(Kind.ANNOUNCED, sender)
    assert desk.roster.get("gps") == sender
    assert (sender.types, sender.methods) == ((SPEED,), ("calibrate", "reset"))
    assert list(desk.roster) == [sender]
    assert "gps" in desk.roster
    assert 7 not in desk.roster
    assert desk.roster.get("other") is None


def test_names_are_sorted(car: Site, desk: Site) -> None:
    for name in ("c", "a", "b"):
        car.beacon.add(gps(name))
    wait_until(lambda: len(desk.roster) == 3)
    assert desk.roster.names() == ("a", "b", "c")


def test_a_sender_that_leaves_is_told_with_its_reason(car: Site, desk: Site) -> None:
    left = leaves(desk.bus)
    sender = gps()
    car.beacon.add(sender)
    assert desk.told().kind is Kind.ANNOUNCED
    car.beacon.remove("gps", "closed")
    assert desk.told() == Change(Kind.LEFT, sender, "closed")
    assert len(desk.roster) == 0
    event = left.get(timeout=10.0)
    assert event.source == "gps"
    assert read_leave(event) == ("gps", sender.instance, "closed")


def test_a_newcomer_sees_who_is_there(car: Site, open_site: OpenSite) -> None:
    senders = {name: gps(name) for name in ("a", "b", "c")}
    for sender in senders.values():
        car.beacon.add(sender)
    late = open_site("late")
    wait_until(lambda: {there.name: there for there in late.roster} == senders)


def test_opening_again_does_nothing(car: Site, desk: Site) -> None:
    polls = car.bus.subscribe(types=[POLL])
    desk.roster.open()
    desk.bus.publish(e.SenderPoll(), headers={"last": True})
    assert polls.get(timeout=10.0).headers == {"last": True}


def test_a_bus_sees_its_own_senders(car: Site) -> None:
    car.beacon.add(gps("before"))
    assert "after" not in car.roster
    car.beacon.add(gps("after"))
    wait_until(lambda: car.roster.names() == ("after", "before"))


def die_of_silence(site: Site) -> None:
    site.pulse.close()


def die_at_once(site: Site) -> None:
    site.pulse.close()
    site.bus.transport.close()


@pytest.mark.parametrize("die", [die_of_silence, die_at_once])
def test_who_dies_without_a_word_is_told_to_be_gone(
    car: Site, desk: Site, die: Callable[[Site], None]
) -> None:
    left = leaves(desk.bus)
    everything = desk.bus.subscribe("./e:Event/e:SenderLeave/e:Reason = 'expired'")
    sender = gps(interval=SHORT)
    car.beacon.add(sender)
    assert desk.told().kind is Kind.ANNOUNCED
    die(car)
    assert desk.told() == Change(Kind.LEFT, sender, "expired")
    for subscription in (left, everything):
        event = subscription.get(timeout=10.0)
        assert (event.source, read_leave(event)) == ("gps", ("gps", sender.instance, "expired"))
        desk.bus.catalog.validate(event)
        assert event.id
        assert event.time
    assert len(desk.roster) == 0


def test_a_leave_that_is_made_here_is_not_sent_to_others(
    car: Site, desk: Site, open_site: OpenSite
) -> None:
    presence = open_site("other").bus.subscribe("exists(//e:Reason)")
    car.beacon.add(gps(interval=SHORT))
    assert desk.told().kind is Kind.ANNOUNCED
    die_of_silence(car)
    assert desk.told().reason == "expired"
    desk.bus.publish(e.SenderLeave(e.Sender("x"), e.Instance("x"), e.Reason("real")))
    assert read_leave(presence.get(timeout=10.0)).reason == "real"


def test_who_comes_back_is_there_again(car: Site, desk: Site) -> None:
    sender = gps(interval=SHORT)
    car.beacon.add(sender)
    die_of_silence(car)
    assert [desk.told().kind, desk.told().kind] == [Kind.ANNOUNCED, Kind.LEFT]
    # The made leave has been all around by now: it is not taken for the sender's word.
    car.bus.publish(announce_payload(sender))
    assert desk.told() == Change(Kind.ANNOUNCED, sender)


def test_who_was_cut_off_is_announced_again(car: Site, desk: Site) -> None:
    announced = desk.bus.subscribe(types=[ANNOUNCE], source="gps")
    sender = gps(interval=SHORT)
    car.beacon.add(sender)
    die_of_silence(car)
    assert [desk.told().kind, desk.told().kind] == [Kind.ANNOUNCED, Kind.LEFT]
    desk.bus.publish(renew_payload(sender))
    assert desk.told() == Change(Kind.ANNOUNCED, sender)
    told = [announced.get(timeout=10.0) for _ in range(2)]
    assert [read_announcement(event) for event in told] == [sender, sender]


def test_a_restart_under_the_same_name(car: Site, desk: Site, open_site: OpenSite) -> None:
    left = leaves(desk.bus)
    former, successor = gps(), gps()
    car.beacon.add(former)
    assert desk.told() == Change(Kind.ANNOUNCED, former)
    open_site("garage").beacon.add(successor)
    assert desk.told() == Change(Kind.LEFT, former, "replaced")
    assert desk.told() == Change(Kind.ANNOUNCED, successor)
    assert list(desk.roster) == [successor]
    assert read_leave(left.get(timeout=10.0)) == ("gps", former.instance, "replaced")
    car.beacon.remove("gps")
    event = left.get(timeout=10.0)
    assert read_leave(event).instance == former.instance
    assert list(desk.roster) == [successor]


def test_a_sender_may_tell_something_else_of_itself(car: Site, desk: Site) -> None:
    sender = gps()
    car.beacon.add(sender)
    richer = replace(sender, types=(SPEED, "Position"))
    car.bus.publish(announce_payload(richer))
    assert desk.told() == Change(Kind.ANNOUNCED, sender)
    assert desk.told() == Change(Kind.CHANGED, richer)
    assert desk.roster.get("gps") == richer


@pytest.mark.parametrize(("told", "taken"), [("0.000001", 0.05), ("9" * 40, 3600.0)])
def test_an_absurd_interval_is_brought_into_bounds(desk: Site, told: str, taken: float) -> None:
    payload = announce_payload(gps())
    interval = payload.find("{*}Interval")
    assert interval is not None
    interval.text = told
    desk.bus.publish(payload)
    assert desk.told().announcement.interval == taken


def test_a_bus_that_is_paused_may_ask_who_is_there(car: Site, open_site: OpenSite) -> None:
    car.beacon.add(gps())
    late = open_site("late")
    late.bus.pause()
    wait_until(lambda: "gps" in late.roster)


def test_a_new_roster_has_the_answers(car: Site, open_site: OpenSite) -> None:
    car.beacon.add(gps())
    # A machine that is busy elsewhere may take longer than a newcomer waits.
    assert any("gps" in open_site(f"late-{number}").roster for number in range(10))


def test_waiting_for_a_sender(car: Site, desk: Site) -> None:
    with pytest.raises(TimeoutError, match=r"no sender 'gps' within 0\.01 s"):
        desk.roster.wait_for("gps", 0.01)
    found: SimpleQueue[Announcement] = SimpleQueue()
    waiting = threading.Thread(target=lambda: found.put(desk.roster.wait_for("gps", 10.0)))
    waiting.start()
    sender = gps()
    car.beacon.add(sender)
    assert found.get(timeout=10.0) == sender
    waiting.join()
    assert desk.roster.wait_for("gps", 0.0) == sender


def test_closing_a_roster_ends_the_waiting(desk: Site) -> None:
    raised: SimpleQueue[Exception] = SimpleQueue()

    def wait() -> None:
        try:
            desk.roster.wait_for("gps", 60.0)
        except ConnectionLost as error:
            raised.put(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    desk.roster.close()
    assert isinstance(raised.get(timeout=10.0), ConnectionLost)
    waiting.join()
    with pytest.raises(ConnectionLost, match="the bus is closed"):
        desk.roster.open()
    assert len(list(desk.bus.subscribing)) == 0


def test_a_listener_that_fails_is_logged_and_the_others_are_told(
    car: Site, desk: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(change: Change) -> None:
        raise RuntimeError(f"cannot deal with {change.kind}")

    desk.roster.on_change(fail)
    heard: SimpleQueue[Change] = SimpleQueue()
    cancel = desk.roster.on_change(heard.put)
    with caplog.at_level(logging.ERROR):
        car.beacon.add(gps())
        assert heard.get(timeout=10.0).kind is Kind.ANNOUNCED
    assert "a listener failed on sender 'gps'" in caplog.text
    cancel()
    cancel()
    car.beacon.remove("gps")
    assert [desk.told().kind, desk.told().kind] == [Kind.ANNOUNCED, Kind.LEFT]
    assert heard.empty()


def test_a_listener_may_close_the_roster(car: Site, desk: Site) -> None:
    closed = threading.Event()

    def close(_: Change) -> None:
        desk.roster.close()
        closed.set()

    desk.roster.on_change(close)
    car.beacon.add(gps())
    assert closed.wait(10.0)


def test_those_who_are_there_as_events(car: Site, desk: Site) -> None:
    senders = [gps("a"), gps("b")]
    for sender in senders:
        car.beacon.add(sender)
        assert desk.told().kind is Kind.ANNOUNCED
    events = desk.roster.announcements_as_events()
    assert [read_announcement(event) for event in events] == senders
    assert [event.source for event in events] == ["a", "b"]
    for event in events:
        desk.bus.catalog.validate(event)
        assert event.json()["id"]


def test_replaying_to_one_subscription_what_it_asks_for(car: Site, desk: Site) -> None:
    for name in ("a", "b"):
        car.beacon.add(gps(name))
        assert desk.told().kind is Kind.ANNOUNCED
    asked = desk.bus.subscribe("//e:Sender = 'b'")
    others = desk.bus.subscribe("exists(//e:Reason)")
    desk.roster.replay(asked)
    desk.roster.replay(others)
    assert read_announcement(asked.get(timeout=10.0)).name == "b"
    car.beacon.remove("a")
    assert read_leave(others.get(timeout=10.0)).name == "a"
    with pytest.raises(TimeoutError):
        asked.get(timeout=0.0)


def test_a_leave_on_its_way_during_a_replay_comes_after_it(car: Site, desk: Site) -> None:
    sender = gps()
    car.beacon.add(sender)
    assert desk.told().kind is Kind.ANNOUNCED
    begun, release = threading.Event(), threading.Event()

    def hold(_: Change) -> None:
        begun.set()
        release.wait(10.0)

    desk.roster.on_change(hold)
    car.beacon.add(gps("other"))
    assert begun.wait(10.0)
    # The roster's own thread is held up: the subscription hears of the leave before it does.
    presence = desk.bus.subscribe(UNNAMED, source="gps")
    car.beacon.remove("gps")
    first = presence.get(timeout=10.0)
    desk.roster.replay(presence)
    second = presence.get(timeout=10.0)
    release.set()
    third = presence.get(timeout=10.0)
    assert [event.name for event in (first, second, third)] == [
        "SenderLeave",
        "SenderAnnounce",
        "SenderLeave",
    ]
    assert read_leave(third) == ("gps", sender.instance, "closed")
