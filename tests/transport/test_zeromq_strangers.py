"""What is not ours on the port of an embedded server: counted, dropped, and nobody notices."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
import zmq

from clacks_events import ConnectFailed, PublishFailed
from clacks_events.embedded import ensure_server
from clacks_events.transport.base import InboxOptions, Message
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.server import EmbeddedServer
from tests.harness.waiting import wait_until
from tests.transport.embedded import Serving, memory, opened, raw_client
from tests.transport.traffic import CONFIRM, Reader, send

RANDOM = random.Random(4)
LARGE = 100 * 2**20


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with ensure_server("zmq://127.0.0.1:0") as started:
        yield started


def tcp(*chunks: bytes) -> Callable[[int], None]:
    """Send bytes over TCP, and hang up when the other side does or says something."""

    def connect(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            for chunk in chunks:
                connection.sendall(chunk)
            connection.recv(1)

    return connect


def look(port: int) -> None:
    socket.create_connection(("127.0.0.1", port)).close()


def frames(*parts: bytes) -> Callable[[int], None]:
    """Send one message with ZeroMQ, and return when the server has it."""

    def connect(port: int) -> None:
        with raw_client(port) as client:
            client.send_multipart(parts)
            client.send_multipart((wire.ASK, wire.pack(9), b'{"verb": "sync"}'))
            wait_until(lambda: client.poll(10_000) and client.recv_multipart()[0] == wire.DONE)

    return connect


def record(head: bytes, body: bytes = b"forged") -> bytes:
    return struct.pack(">II", len(head), len(body)) + head + body


def ask(**question: object) -> Callable[[int], None]:
    return frames(wire.ASK, wire.pack(1), json.dumps(question).encode())


STRANGERS = {
    "random bytes": tcp(RANDOM.randbytes(10_000)),
    "http": tcp(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"),
    "a look": look,
    "ZeroMQ 2": tcp(b"\x01\x00\x05\x00ping", b"\x03\x00\x01P"),
    "random frames": frames(*(RANDOM.randbytes(size) for size in (7, 0, 30_000))),
    "nothing": frames(b""),
    "an old version": frames(b"\x00A", b"hello"),
    "a later version": frames(b"\x02A", wire.pack(1), b'{"verb": "hello"}'),
    "an unknown kind": frames(b"\x01Z"),
    "no record": frames(wire.PUBLISH + b"\x00\x00\x00\x09\x00\x00\x00\x09no"),
    "too many frames": frames(wire.PUBLISH, b"a", b"b"),
    "a frame too few": frames(wire.CONFIRM),
    "no JSON": frames(wire.ASK, wire.pack(1), b"{"),
    "deep JSON": frames(wire.ASK, wire.pack(1), b"[" * 100_000),
    "an unknown verb": ask(verb="shutdown"),
    "no verb": ask(inbox=1),
    "a user": frames(wire.PUBLISH + record(b"Event.A.s\0\0\0\0\0\0root")),
    "one field more": frames(wire.PUBLISH + record(b"Event.A.s\0\0\0\0\0\0root\0")),
    "a user to be confirmed": frames(
        wire.CONFIRM, wire.pack(1), record(b"Event.A.s\0\0\0\0\0\0root")
    ),
    "a key that is no text": frames(wire.PUBLISH + record(b"Event.\xff.s\0\0\0\0\0\0")),
    "an endless key": frames(wire.PUBLISH + record(b"Event" + b".A" * 200 + b"\0\0\0\0\0\0")),
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_strangers_are_counted_and_the_server_goes_on(
    server: EmbeddedServer, stranger: Callable[[int], None]
) -> None:
    reader = Reader()
    with opened(server.url) as transport:
        transport.open_inbox(["#"], reader, InboxOptions())
        send(transport, b"before")
        stranger(server.port)
        wait_until(lambda: server.counters.foreign > 0)
        send(transport, b"after")
        assert reader.wait_for(2) == [b"before", b"after"]
        assert transport.counters.reconnects == 0


BAD_QUESTIONS = {
    "an inbox without a number": {"verb": "open", "inbox": "x", "durable": None},
    "patterns that are none": {
        "verb": "open", "inbox": 1, "durable": None, "window": 1, "patterns": 7,
    },
    "an endless window": {
        "verb": "open", "inbox": 1, "durable": None, "window": float("inf"), "patterns": [],
    },
    "an inbox that is not open": {"verb": "bind", "inbox": 5, "patterns": []},
}  # fmt: skip


@pytest.mark.parametrize("question", BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_a_client_with_faults_is_no_danger_either(
    server: EmbeddedServer, question: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    def connect(client: zmq.Socket[bytes], *asked: dict[str, object]) -> None:
        for number, item in enumerate(asked):
            written = json.dumps(item).encode()
            client.send_multipart((wire.ASK, wire.pack(number), written))

    with raw_client(server.port) as client, opened(server.url) as transport:
        connect(client, {"verb": "hello", "session": "bad"}, question)
        wait_until(lambda: server.counters.foreign == 1)
        reader = Reader()
        transport.open_inbox(["#"], reader, InboxOptions())
        send(transport, b"1")
        assert reader.wait_for(1) == [b"1"]
    assert "Traceback" not in caplog.text


def test_a_huge_frame_ends_its_connection_and_takes_no_memory() -> None:
    reader = Reader()
    with Serving() as server, opened(server.url) as transport:
        transport.open_inbox(["#"], reader, InboxOptions())
        before = memory(server.process.pid, "VmHWM")
        with raw_client(server.port) as client:
            monitor = client.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            client.send(wire.PUBLISH + bytes(LARGE))
            assert monitor.poll(10_000)
            client.disable_monitor()
            monitor.close(0)
        assert memory(server.process.pid, "VmHWM") - before < LARGE // 5
        send(transport, b"1")
        assert reader.wait_for(1) == [b"1"]
        assert transport.counters.reconnects == 0
        server.wait_for("dropped: a connection")


def test_what_is_too_large_is_refused_where_it_is_published(server: EmbeddedServer) -> None:
    reader = Reader()
    with opened(server.url) as transport:
        transport.open_inbox(["#"], reader, InboxOptions())
        with pytest.raises(PublishFailed, match=f"the server takes {wire.LARGEST}"):
            send(transport, bytes(wire.LARGEST))
        largest = bytes(wire.LARGEST - 100)
        assert transport.publish(Message(largest, "Event.A.s"), CONFIRM) == 1
        assert reader.wait_for(1) == [largest]


def test_what_cannot_be_read_of_a_message_counts_as_absent(server: EmbeddedServer) -> None:
    reader = Reader()
    heads = [
        b"Event.1\0\0\0\0\0[1]\0", b"Event.2\0\0id\0\0soon\0\0", b"Event.3\0\0\0\0\0{\0",
        b"Event.4\0\0\0\0\0" b'{"a": {"decimal": "many"}}\0', b"Event.5\0\0\xff\0\0\0\0",
        b"Event.6\0\0\0\0" b"1e300\0\0", b"Event.7\0\0id\0\0\0" b'{"a": 1}\0',
    ]  # fmt: skip
    with opened(server.url) as transport, raw_client(server.port) as client:
        transport.open_inbox(["#"], reader, InboxOptions())
        for head in heads:
            client.send(wire.PUBLISH + record(head, b"body"))
        assert reader.wait_for(7) == [b"body"] * 7
    assert [message.key for message in reader.messages] == [f"Event.{n}" for n in range(1, 8)]
    assert [dict(message.headers) for message in reader.messages] == [{}] * 6 + [{"a": 1}]
    assert {message.user for message in reader.messages} == {None}


def test_a_server_of_another_version_is_told_from_none() -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        port = router.bind_to_random_port("tcp://127.0.0.1")

        def refuse() -> None:
            identity, *_ = router.recv_multipart()
            router.send_multipart((identity, wire.REFUSED, b"\x07"))

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(ConnectFailed, match="the server speaks version 7 only"):
            opened(f"zmq://127.0.0.1:{port}").__enter__()
        thread.join()


def test_who_speaks_another_version_is_told_so(server: EmbeddedServer) -> None:
    with raw_client(server.port) as client:
        client.send_multipart((b"\x02A", b"whatever"))
        assert client.poll(10_000)
        assert client.recv_multipart() == [wire.REFUSED, wire.VERSION]
