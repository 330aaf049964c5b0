"""Mailboxes: queues at the broker that whoever knows the name may read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from clacks_events import AccessDenied, BusOptions, ConfigError, NameTaken
from clacks_events.transport import open_transport
from clacks_events.transport.base import PROBE, InboxOptions, MailboxOptions, Message, Transport
from tests.harness.broker import Broker
from tests.harness.waiting import wait_until
from tests.transport.conftest import OpenTransport
from tests.transport.mail import Box, mailboxes, numbered, publish, queues
from tests.transport.traffic import CONFIRM, FORGET, Reader, flush, send

READINGS = 3000

Pair = tuple[Transport, Transport]


@pytest.fixture
def url(amqp_url: str) -> str:
    """Only RabbitMQ has mailboxes."""
    return amqp_url


@pytest.fixture
def pair(connected: OpenTransport) -> Pair:
    """Two gateways, so to speak."""
    return connected(), connected()


@pytest.mark.parametrize("scheme", ["memory", "zmq"])
def test_where_one_process_has_all_there_are_none(
    scheme: str, request: pytest.FixtureRequest
) -> None:
    found = "memory://" if scheme == "memory" else request.getfixturevalue("zmq_url")
    transport = open_transport(found)
    assert transport.mailboxes is None
    transport.close()


def test_a_mailbox_outlives_its_maker_and_keeps_what_comes_meanwhile(pair: Pair, url: str) -> None:
    maker = open_transport(url)
    mailboxes(maker).open("m", b"what for", ["Event.A.#"])
    maker.close()
    one, two = pair
    publish(one, *numbered(5))
    assert mailboxes(two).note("m") == b"what for"
    box = Box(two, "m")
    assert box.reading.note == b"what for"
    publish(one, b"last")
    assert box.wait_for(6) == [*numbered(5), b"last"]


def test_what_no_pattern_wants_does_not_get_in(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["Event.A.#", "last"])
    send(pair[0], b"foreign", key="Event.B.s")
    publish(pair[0], b"last", key="last")
    assert Box(pair[1], "m").wait_for(1) == [b"last"]


def test_there_is_nothing_under_an_unknown_name(pair: Pair) -> None:
    for name in ("m", "", "a b", "\ud800", "x" * 300):
        found = mailboxes(pair[0])
        assert found.note(name) is None
        assert found.read(name, lambda _: None, 1) is None
        assert not found.change(name, b"", ["#"], [])
        assert not found.close(name)
    assert pair[0].counters.reconnects == 0


def test_other_queues_are_no_mailboxes(pair: Pair) -> None:
    pair[0].serve("work", lambda _: None)
    mailboxes(pair[0]).open("m", b"", [])
    for name in ("work", "clacks.events.mailbox.m", "m.note"):
        assert mailboxes(pair[1]).read(name, lambda _: None, 1) is None


@pytest.mark.parametrize("name", ["", "a b", "ä", "a\n", "\ud800", "x" * 201])
def test_a_name_that_no_mailbox_can_have_is_refused(pair: Pair, name: str) -> None:
    with pytest.raises(ConfigError, match="a name of 1 to 200 characters"):
        mailboxes(pair[0]).open(name, b"", [])


def test_what_cannot_be_is_refused_with_the_reason(pair: Pair) -> None:
    found = mailboxes(pair[0])
    with pytest.raises(ConfigError, match="at most 255 bytes"):
        found.open("m", b"", ["x" * 256])
    with pytest.raises(ConfigError, match="no text"):
        found.open("m", b"", ["\ud800"])
    with pytest.raises(ConfigError, match="expires after"):
        found.open("m", b"", [], MailboxOptions(expires=0))
    with pytest.raises(ConfigError, match="room for at least"):
        found.open("m", b"", [], MailboxOptions(most_events=0))
    with pytest.raises(ConfigError, match="1 to 65535"):
        found.read("m", lambda _: None, 0)
    assert found.note("m") is None


def test_a_name_in_use_is_taken(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"mine", ["#"])
    for transport in pair:
        with pytest.raises(NameTaken, match="a mailbox m already"):
            mailboxes(transport).open("m", b"yours", [])
    assert mailboxes(pair[1]).note("m") == b"mine"
    assert mailboxes(pair[1]).close("m")
    mailboxes(pair[1]).open("m", b"yours", [], MailboxOptions(expires=7))
    assert mailboxes(pair[0]).note("m") == b"yours"


def test_of_those_who_open_one_name_at_the_same_time_one_gets_it(
    connected: OpenTransport,
) -> None:
    transports = [connected() for _ in range(4)]
    barrier = threading.Barrier(4)

    def attempt(number: int) -> list[str]:
        won = []
        for name in map(str, range(8)):
            barrier.wait(30.0)
            with suppress(NameTaken):
                mailboxes(transports[number]).open(name, b"%d" % number, [])
                won.append(name)
        return won

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(attempt, range(4)))
    assert sorted(name for names in won for name in names) == [str(n) for n in range(8)]
    for number, names in enumerate(won):
        assert {mailboxes(transports[0]).note(name) for name in names} <= {b"%d" % number}


def test_a_closed_mailbox_is_gone_for_all(pair: Pair, broker: Broker, url: str) -> None:
    mailboxes(pair[0]).open("m", b"", ["#"])
    box = Box(pair[1], "m", acks=False)
    publish(pair[0], b"1")
    box.wait_for(1)
    assert mailboxes(pair[0]).close("m")
    assert box.went.wait(10.0)
    assert box.reading.is_gone
    box.close()
    assert mailboxes(pair[1]).note("m") is None
    assert not mailboxes(pair[1]).close("m")
    assert queues(broker, urlsplit(url).path[1:]) == []


def test_an_unused_mailbox_expires(pair: Pair, broker: Broker, url: str) -> None:
    vhost = urlsplit(url).path[1:]
    short, long = MailboxOptions(expires=0.5), MailboxOptions(expires=600)
    for name, options in (("unused", short), ("kept", long), ("read", short)):
        mailboxes(pair[0]).open(name, b"for " + name.encode(), ["#"], options)
        if name == "read":
            box = Box(pair[1], name)
    there = {"clacks.events.mailbox.unused", "clacks.events.note.unused"}
    wait_until(lambda: there.isdisjoint(queues(broker, vhost)), 30.0)
    assert mailboxes(pair[0]).note("unused") is None
    assert mailboxes(pair[0]).read("unused", lambda _: None, 1) is None
    # The note of what is read stays as well, though nobody asked for it.
    assert mailboxes(pair[0]).note("read") == b"for read"
    assert mailboxes(pair[0]).note("kept") == b"for kept"
    assert not box.reading.is_gone


def test_a_full_mailbox_drops_the_oldest(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["#"], MailboxOptions(most_events=10))
    publish(pair[0], *numbered(25))
    assert Box(pair[1], "m").wait_for(10) == numbered(25)[15:]


def test_two_who_read_one_after_the_other_keep_the_order(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["#"])
    publish(pair[0], *numbered(300))
    got: list[bytes] = []
    while len(got) < 300:
        for transport in pair:
            box = Box(transport, "m", acks=False, window=40)
            box.wait_for(min(40, 300 - len(got)))
            # Some of it goes back.
            for delivery in box.unsettled[:30]:
                delivery.ack()
            box.close()
            got += box.bodies[:30]
    assert got == numbered(300)


def test_what_is_kept_goes_back_only_with_its_connection(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["#"])
    publish(pair[0], *numbered(4))
    first = Box(pair[1], "m", acks=False)
    first.wait_for(4)
    first.reading.close(keep=first.unsettled[:2])
    # The others are there at once, for anybody.
    second = Box(pair[0], "m", acks=False)
    assert second.wait_for(2) == [b"2", b"3"]
    first.unsettled[0].ack()
    second.reading.close(keep=second.unsettled)
    pair[1].close()
    assert Box(pair[0], "m").wait_for(1) == [b"1"]


def test_what_was_acknowledged_late_or_twice_harms_nobody(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["#"])
    publish(pair[0], *numbered(3))
    one = Box(pair[0], "m", acks=False)
    one.wait_for(3)
    one.close()
    one.close()
    two = Box(pair[0], "m", acks=False)
    two.wait_for(3)
    for delivery in (*one.unsettled, two.unsettled[1], two.unsettled[1]):
        delivery.ack()
    two.close()
    assert Box(pair[1], "m").wait_for(2) == [b"0", b"2"]
    assert pair[0].counters.reconnects == 0


def test_no_more_than_the_window_is_handed_over(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["#"])
    publish(pair[0], *numbered(30))
    small, large = Box(pair[1], "m", acks=False, window=3), Box(pair[1], "m", window=100)
    large.wait_for(27)
    assert small.bodies == [b"0", b"1", b"2"]
    for delivery in small.unsettled:
        delivery.ack()
    publish(pair[0], *numbered(4))
    wait_until(lambda: len(small.bodies) + len(large.bodies) == 34)


def test_nothing_stays_unacknowledged(pair: Pair, broker: Broker, url: str) -> None:
    mailboxes(pair[0]).open("m", b"", ["#"])
    boxes = [Box(pair[1], "m", window=window) for window in (1, 5, 5)]
    publish(pair[0], *numbered(50))
    wait_until(lambda: sum(len(box.bodies) for box in boxes) == 50)
    vhost = urlsplit(url).path[1:]
    # One message is the note.
    wait_until(lambda: queues(broker, vhost, "messages") == ["0", "1"])


def test_a_probe_is_not_handed_over(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["#"])
    box = Box(pair[1], "m", window=1)
    pair[0].publish(Message(b"", "Event.A.s", content_type=PROBE), CONFIRM)
    publish(pair[0], b"event")
    assert box.wait_for(1) == [b"event"]


def test_a_note_is_replaced(pair: Pair) -> None:
    one, two = map(mailboxes, pair)
    one.open("m", b"first", ["Event.A.#"])
    for note in (b"", b"\x00\xff\n", b"x" * 300_000, b"last"):
        assert two.change("m", note, ["Event.A.#"], ["Event.A.#"])
        assert one.note("m") == note


def test_a_note_is_there_whoever_looks_and_changes_it(connected: OpenTransport) -> None:
    transports = [connected() for _ in range(3)]
    mailboxes(transports[0]).open("m", b"0 0", [])

    def use(number: int) -> set[bytes | None]:
        found = mailboxes(transports[number])
        seen = set()
        for turn in range(30):
            assert found.change("m", b"%d %d" % (number, turn), [], [])
            seen |= {found.note("m") for _ in range(3)}
        return seen

    with ThreadPoolExecutor(3) as pool:
        seen = set().union(*pool.map(use, range(3)))
    assert seen <= {b"%d %d" % (n, turn) for n in range(3) for turn in range(30)}
    assert mailboxes(transports[0]).note("m") in {b"%d 29" % n for n in range(3)}


def test_patterns_change_without_loss_of_what_stays(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["Event.A.#"])
    box = Box(pair[1], "m")
    done, sent = threading.Event(), 0
    with ThreadPoolExecutor(1) as pool:

        def publish_on() -> int:
            count = 0
            while not done.is_set():
                publish(pair[0], b"%d" % count)
                count += 1
            return count

        publishing = pool.submit(publish_on)
        both, one = ["Event.A.#", "Event.B.#"], ["Event.A.#"]
        for _ in range(10):
            assert mailboxes(pair[1]).change("m", b"both", both, one)
            assert mailboxes(pair[0]).change("m", b"one", one, both)
        done.set()
        sent = publishing.result(30.0)
    assert box.wait_for(sent) == numbered(sent)


def test_changed_patterns_are_in_force_at_once(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["Event.A.#"])
    box = Box(pair[1], "m")
    assert mailboxes(pair[1]).change("m", b"", ["Event.B.#"], ["Event.A.#"])
    send(pair[0], b"foreign")
    publish(pair[0], b"2", key="Event.B.s")
    assert box.wait_for(1) == [b"2"]


def test_of_two_changes_at_once_the_last_has_all_its_patterns(pair: Pair) -> None:
    mailboxes(pair[0]).open("m", b"", ["Event.A.#"])

    def change(number: int) -> None:
        mine = ["Event.A.#"] if number else ["Event.B.#"]
        assert mailboxes(pair[number]).change("m", b"%d" % number, mine, ["Event.A.#", "Event.B.#"])

    for _ in range(10):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(change, range(2)))
        key = "Event.A.s" if mailboxes(pair[0]).note("m") == b"1" else "Event.B.s"
        # It is NobodyListens that would be raised.
        publish(pair[0], b"", key=key)


def test_what_the_broker_forbids_is_access_denied(private_broker: Broker) -> None:
    private_broker.ctl("add_user", "reader", "secret")
    private_broker.ctl("set_permissions", "-p", "org.clacks", "reader", ".*", ".*", ".*")
    private_broker.ctl(
        "set_topic_permissions", "-p", "org.clacks", "reader", "clacks.events", ".*", "^Event[.]A"
    )
    transport = open_transport(private_broker.url_for(user="reader"), BusOptions())
    found = mailboxes(transport)
    with pytest.raises(AccessDenied, match="refused"):
        found.open("m", b"", ["Event.B.#"])
    assert queues(private_broker, "org.clacks") == []
    found.open("m", b"before", ["Event.A.#"])
    with pytest.raises(AccessDenied, match="refused"):
        found.change("m", b"after", ["Event.A.x.#", "Event.B.#"], ["Event.A.#"])
    assert found.note("m") == b"before"
    publish(transport, b"1")
    assert Box(transport, "m").wait_for(1) == [b"1"]
    transport.close()


def test_an_inbox_beside_it_is_not_disturbed(pair: Pair) -> None:
    reader = Reader()
    mailboxes(pair[0]).open("m", b"", ["#"])
    pair[0].open_inbox(["#"], reader, InboxOptions())
    box = Box(pair[0], "m")
    publish(pair[1], *numbered(20))
    flush(pair[1], reader)
    assert reader.bodies == numbered(20)
    assert box.wait_for(20)[:20] == numbered(20)


def test_thousands_are_read_at_once(pair: Pair) -> None:
    one, two = pair
    names = [str(number) for number in range(READINGS // 10)]
    for name in names:
        mailboxes(one).open(name, b"", [f"Event.{name}"], MailboxOptions(expires=120))
    boxes = {name: [Box(two, name, window=1) for _ in range(10)] for name in names}
    for name in names:
        one.publish(Message(name.encode(), f"Event.{name}"), FORGET)
    wait_until(lambda: all(any(box.bodies for box in some) for some in boxes.values()), 30.0)
    for name, some in boxes.items():
        assert [body for box in some for body in box.bodies] == [name.encode()]
    assert two.counters.reconnects == 0
