"""Inboxes and calls at an embedded server, between processes and threads."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from clacks_events import ConfigError, NobodyListens
from clacks_events.transport import open_transport
from clacks_events.transport.base import InboxOptions, Message
from tests.harness.program import Program
from tests.harness.waiting import wait_until
from tests.transport.embedded import Reading, opened
from tests.transport.traffic import CONFIRM, Reader, send

EACH = 300

PUBLISHER = """
import sys
from clacks_events.transport import open_transport
from clacks_events.transport.base import Message, PublishOptions
transport = open_transport(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    transport.publish(Message(b"%s %d" % (sys.argv[2].encode(), number), "Event.A.s"),
                      PublishOptions())
transport.close()
"""


def test_who_has_subscribed_misses_nothing_of_anybody(zmq_url: str) -> None:
    names = [f"process-{number}" for number in range(3)]
    threads = [f"thread-{number}" for number in range(3)]
    with ExitStack() as stack:
        programs = [
            stack.enter_context(
                Program(zmq_url, name, str(EACH), command=(sys.executable, "-c", PUBLISHER))
            )
            for name in names
        ]
        for program in programs:
            program.wait_for("ready")
        publishers = [stack.enter_context(opened(zmq_url)) for _ in threads]
        reader = Reader()
        consumer = stack.enter_context(opened(zmq_url))
        consumer.open_inbox(["Event.#"], reader, InboxOptions())
        # From here on nothing may be missed.
        for program in programs:
            program.write(b"\n")
        with ThreadPoolExecutor(3) as pool:
            for name, publisher in zip(threads, publishers, strict=True):
                bodies = [f"{name} {number}".encode() for number in range(EACH)]
                pool.submit(send, publisher, *bodies)
        arrived = [body.decode().split() for body in reader.wait_for(6 * EACH)]
        for name in names + threads:
            numbers = [int(number) for sender, number in arrived if sender == name]
            assert numbers == list(range(EACH))


def test_who_subscribes_again_and_again_misses_nothing_either(zmq_url: str) -> None:
    with opened(zmq_url) as publisher, opened(zmq_url) as consumer:
        for number in range(100):
            reader = Reader()
            inbox = consumer.open_inbox([f"Event.{number}.#"], reader, InboxOptions())
            send(publisher, b"1", key=f"Event.{number}.s")
            assert reader.wait_for(1) == [b"1"]
            inbox.close()
            with pytest.raises(NobodyListens):
                publisher.publish(Message(b"2", f"Event.{number}.s"), CONFIRM)


def test_what_a_killed_process_had_not_settled_goes_to_the_next(zmq_url: str) -> None:
    bodies = [b"%d" % number for number in range(10)]
    with opened(zmq_url) as publisher, Reading(zmq_url, durable="kept", settles=False) as first:
        send(publisher, *bodies[:5])
        wait_until(lambda: first.counted() == (5, 0))
        first.process.kill()
        first.wait()
        send(publisher, *bodies[5:])
        with opened(zmq_url) as consumer:
            second = Reader()
            consumer.open_inbox(["Event.#"], second, InboxOptions(durable="kept"))
            assert second.wait_for(10) == bodies


def test_what_was_settled_does_not_come_again(zmq_url: str) -> None:
    with opened(zmq_url) as publisher:
        with Reading(zmq_url, durable="kept") as first:
            send(publisher, b"1", b"2")
            wait_until(lambda: first.counted() == (2, 0))
            assert first.end() == 0
        send(publisher, b"3")
        with opened(zmq_url) as consumer:
            second = Reader()
            consumer.open_inbox(["Event.#"], second, InboxOptions(durable="kept"))
            assert second.wait_for(1) == [b"3"]


@pytest.mark.parametrize("mark", ["0", "many", "-1", "1.5", ""])
def test_a_mark_that_is_none_is_refused(mark: str) -> None:
    with pytest.raises(ConfigError, match="hwm is a number of messages from 1 on"):
        open_transport(f"zmq://127.0.0.1:5570?hwm={mark}")


def test_an_address_without_a_port_is_refused() -> None:
    with pytest.raises(ConfigError, match="a host and a port are needed"):
        open_transport("zmq://127.0.0.1")
