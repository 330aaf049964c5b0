"""Who listens, on every transport: counts, watches, and the probes behind them."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from clacks_events import ConnectionLost
from clacks_events.transport.base import PROBE, InboxOptions, Message, Watched
from tests.harness.waiting import wait_until
from tests.transport.conftest import OpenTransport
from tests.transport.traffic import CONFIRM, FORGET, Reader, flush, send

KEY = "Event.A.s"


class Ear:
    """Keeps what a watch tells, and whether it told two things at a time."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.is_overrun = False
        self._busy = threading.Lock()

    def __call__(self, count: int) -> None:
        if not self._busy.acquire(blocking=False):
            self.is_overrun = True
            return
        self.told.append(count)
        self._busy.release()

    def wait_for_somebody(self) -> None:
        wait_until(lambda: self.told[-1] >= 1, message=lambda: f"told {self.told}")

    def wait_for_nobody(self) -> None:
        wait_until(lambda: self.told[-1] == 0, message=lambda: f"told {self.told}")


def test_a_watch_follows_an_inbox_that_comes_changes_and_goes(connected: OpenTransport) -> None:
    consumer, ear = connected(), Ear()
    connected().watch(KEY, ear)
    assert ear.told == [0]
    inbox = consumer.open_inbox(["Event.A.#"], Reader(), InboxOptions())
    ear.wait_for_somebody()
    inbox.bind(["Event.B.#"])
    ear.wait_for_nobody()
    inbox.bind(["Event.B.#", "#.s"])
    ear.wait_for_somebody()
    inbox.close()
    ear.wait_for_nobody()
    assert all(former != number for former, number in pairwise(ear.told))


def test_a_watch_tells_at_first_who_is_there_already(connected: OpenTransport) -> None:
    ear, other = Ear(), Ear()
    connected().open_inbox(["Event.A.#"], Reader(), InboxOptions())
    transport = connected()
    transport.watch(KEY, ear)
    transport.watch("Event.B.s", other)
    assert len(ear.told) == len(other.told) == 1
    assert ear.told[0] >= 1
    assert other.told == [0]


def test_inboxes_of_the_watching_transport_count_as_well(connected: OpenTransport) -> None:
    transport, ear = connected(), Ear()
    transport.watch(KEY, ear)
    inbox = transport.open_inbox(["#"], Reader(), InboxOptions())
    ear.wait_for_somebody()
    inbox.stop()
    ear.wait_for_nobody()


def test_a_watch_ends_at_nobody_with_the_last_inbox_only(connected: OpenTransport) -> None:
    first, second, transport = connected(), connected(), connected()
    ear, witness = Ear(), Ear()
    for consumer in (first, second):
        consumer.open_inbox(["Event.A.#"], Reader(), InboxOptions())
    first.open_inbox(["Event.B.#"], Reader(), InboxOptions())
    transport.watch(KEY, ear)
    transport.watch("Event.B.s", witness)
    first.close()
    witness.wait_for_nobody()
    assert 0 not in ear.told
    second.close()
    ear.wait_for_nobody()


def test_a_durable_inbox_without_a_reader_still_counts(connected: OpenTransport) -> None:
    consumer, transport, ear = connected(), connected(), Ear()
    consumer.open_inbox(["Event.A.#"], Reader(), InboxOptions(durable="kept")).close()
    # Opening another inbox takes its turn behind the closing.
    consumer.open_inbox(["other"], Reader(), InboxOptions())
    transport.watch(KEY, ear)
    assert ear.told[0] >= 1


def test_a_closed_watch_tells_nothing_while_another_goes_on(connected: OpenTransport) -> None:
    transport, closed, ear = connected(), Ear(), Ear()
    watched = transport.watch(KEY, closed)
    transport.watch(KEY, ear)
    watched.close()
    watched.close()
    inbox = connected().open_inbox(["Event.A.#"], Reader(), InboxOptions())
    ear.wait_for_somebody()
    inbox.close()
    ear.wait_for_nobody()
    assert closed.told == [0]


def test_a_watch_can_be_closed_by_the_one_who_is_told(connected: OpenTransport) -> None:
    transport, told, ear = connected(), list[int](), Ear()
    watches: list[Watched] = []

    def once(count: int) -> None:
        told.append(count)
        for watched in watches:
            watched.close()

    watches.append(transport.watch(KEY, once))
    transport.watch(KEY, ear)
    inbox = connected().open_inbox(["Event.A.#"], Reader(), InboxOptions())
    ear.wait_for_somebody()
    wait_until(lambda: len(told) == 2)
    inbox.close()
    ear.wait_for_nobody()
    assert len(told) == 2


def test_closing_the_transport_ends_its_watches(connected: OpenTransport) -> None:
    transport, other, closed, ear = connected(), connected(), Ear(), Ear()
    transport.open_inbox(["Event.A.#"], Reader(), InboxOptions())
    watched = transport.watch(KEY, closed)
    other.watch(KEY, ear)
    transport.close()
    ear.wait_for_nobody()
    assert len(closed.told) == 1
    watched.close()
    with pytest.raises(ConnectionLost, match="closed"):
        transport.watch(KEY, closed)


def test_the_last_thing_told_is_true_however_many_change_at_once(connected: OpenTransport) -> None:
    transport, consumer, ear = connected(), connected(), Ear()
    transport.watch(KEY, ear)

    def come_and_go() -> None:
        for _ in range(20):
            consumer.open_inbox(["Event.A.#"], Reader(), InboxOptions()).close()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Opening another inbox takes its turn behind the closing.
    consumer.open_inbox(["other"], Reader(), InboxOptions())
    ear.wait_for_nobody()
    last = consumer.open_inbox(["Event.A.#"], Reader(), InboxOptions())
    ear.wait_for_somebody()
    last.close()
    ear.wait_for_nobody()
    assert not ear.is_overrun


@pytest.mark.parametrize("body", [b"", b"<a/>"])
@pytest.mark.parametrize("durable", [None, "kept"])
def test_a_probe_is_never_handed_over(
    connected: OpenTransport, body: bytes, durable: str | None
) -> None:
    transport, consumer, reader = connected(), connected(), Reader()
    consumer.open_inbox(["#"], reader, InboxOptions(window=4, durable=durable))
    for _ in range(20):
        assert transport.publish(Message(body, KEY, content_type=PROBE), CONFIRM) >= 1
        transport.publish(Message(body, KEY, content_type=PROBE), FORGET)
    send(transport, b"event")
    flush(transport, reader)
    assert reader.bodies == [b"event"]
    assert consumer.counters.received == 2
    assert transport.counters.published == 2


def test_listeners_do_not_notice_that_they_are_watched(connected: OpenTransport) -> None:
    transport, consumer, reader = connected(), connected(), Reader()
    ear, witness = Ear(), Ear()
    consumer.open_inbox(["Event.A.#", "flush.#"], reader, InboxOptions())
    other = consumer.open_inbox(["Event.B.#"], Reader(), InboxOptions())
    transport.watch(KEY, ear)
    transport.watch("Event.B.s", witness)
    other.close()
    # By then both keys have been looked at again.
    witness.wait_for_nobody()
    flush(transport, reader)
    assert reader.bodies == []
    assert consumer.counters.received == 1
    assert transport.counters.published == 1
