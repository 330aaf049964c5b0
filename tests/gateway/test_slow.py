"""Clients that take nothing: they lose what is theirs, and nobody else loses anything."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clacks_events import Bus, Event, EventMaker
from clacks_events.gateway import ConnectionLimits, GatewayOptions, Limits
from clacks_events.gateway.stream import Bounds
from tests.gateway.afb.client import figure, open_client
from tests.gateway.site import Site, open_gateway
from tests.gateway.wire import Wire
from tests.harness.waiting import wait_until

e = EventMaker()

MANY = 20_000
BATCH = 500
SMALL = 4096  # bytes that the kernel of a slow client takes
PATH = "/events?type=PhoneStatus"
STREAMS = 'clacks_streams{kind="sse"}'
SOCKETS = 'clacks_streams{kind="afb"}'
LARGE = "x" * 100_000

# A client that reads what comes, until it is frozen.
CLIENT = """
import socket, sys
host, port = sys.argv[1].split(":")
with socket.create_connection((host, int(port))) as connection:
    connection.sendall(b"GET /events?type=PhoneStatus HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    while connection.recv(65536):
        print("got", flush=True)
"""


def phone(bus: Bus, caller: object = 1) -> Event:
    return bus.publish(e.PhoneStatus(e.CallerId(caller), e.ReceiverId("2"), e.Status("busy")))


class Reader:
    """Reads a stream on a thread of its own, and counts."""

    def __init__(self, address: str) -> None:
        self.wire = Wire(address)
        self.wire.get(PATH)
        self.wire.read_until(b"retry: ")
        self.count = 0
        self.said = b""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        tail = b""
        while data := self.wire.socket.recv(1 << 16):
            self.count += (tail + data).count(b"\nid: ")
            # What is counted once must not be again.
            tail = data[-4:]
            self.said += data if b"event: lost" in data else b""

    def close(self) -> None:
        self.wire.socket.shutdown(2)
        self._thread.join()
        self.wire.__exit__(None, None, None)


@contextmanager
def reading(site: Site) -> Iterator[Reader]:
    """A client that reads all the time."""
    reader = Reader(site.address)
    try:
        yield reader
    finally:
        reader.close()


@pytest.mark.timeout(180)
def test_a_slow_reader_is_told_what_it_lost_and_slows_nobody() -> None:
    with open_gateway("memory://slow") as site, Wire(site.address, buffer=SMALL) as slow:
        slow.get(PATH)
        slow.read_until(b"retry: ")
        with reading(site) as fast:
            for number in range(MANY // BATCH):
                for _ in range(BATCH):
                    phone(site.bus)
                # As fast as somebody reads who is not slow.
                expected = (number + 1) * BATCH
                wait_until(lambda: fast.count >= expected, 30.0)  # noqa: B023
            assert (fast.count, fast.said) == (MANY, b"")
        last = phone(site.bus)
        said = slow.read_until(str(last.id).encode()).decode()
        lost = [json.loads(each)["lost"] for each in re.findall(r"event: lost\ndata: (.*)", said)]
        received = re.findall(r"^id: (.*)$", said, re.MULTILINE)
        assert len(lost) == 1
        assert lost[0] > 0
        assert lost[0] + len(received) == MANY + 1
        assert received == sorted(received)
        assert figure(site, 'clacks_events_lost_total{kind="sse"}') == lost[0]


def stalling(seconds: float) -> GatewayOptions:
    return GatewayOptions(
        connections=ConnectionLimits(stall=seconds), limits=Limits(stream=Bounds(events=10))
    )


def publish_until_gone(site: Site, name: str, left: int) -> None:
    """Publish large events until the gateway has so many streams left."""

    def is_gone() -> bool:
        phone(site.bus, LARGE)
        return figure(site, name) == left

    wait_until(is_gone, 40.0)


def test_a_peer_that_takes_nothing_is_cut_off() -> None:
    with open_gateway("memory://stall", stalling(1.0)) as site, reading(site) as other:
        with Wire(site.address, buffer=SMALL) as wire:
            wire.get(PATH)
            wire.read_until(b"retry: ")
            assert figure(site, STREAMS) == 2
            publish_until_gone(site, STREAMS, 1)
        seen = other.count
        phone(site.bus)
        wait_until(lambda: other.count > seen)


def test_a_client_that_is_frozen_is_cut_off() -> None:
    with open_gateway("memory://frozen", stalling(1.0)) as site:
        command = [sys.executable, "-c", CLIENT, site.address]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
            try:
                assert client.stdout is not None
                assert client.stdout.readline()
                os.kill(client.pid, signal.SIGSTOP)
                publish_until_gone(site, STREAMS, 0)
            finally:
                client.kill()


def test_a_web_socket_that_takes_nothing_is_cut_off() -> None:
    with (
        open_gateway("memory://stalled-socket", stalling(1.0)) as site,
        Wire(site.address, buffer=SMALL) as wire,
        open_client(site.address, sock=wire.socket, max_queue=1) as client,
    ):
        client.call("event/subscribe", "*/PhoneStatus")
        publish_until_gone(site, SOCKETS, 0)


def test_a_client_that_goes_takes_its_stream_with_it() -> None:
    with open_gateway("memory://gone") as site:
        with Wire(site.address) as wire:
            wire.get(PATH)
            wire.read_until(b"retry: ")
            assert figure(site, STREAMS) == 1
        wait_until(lambda: figure(site, STREAMS) == 0)
