"""Frames from a broker, in whatever pieces they arrive."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import amqp
import pytest
from amqp.exceptions import UnexpectedFrame
from hypothesis import given
from hypothesis import strategies as st

from clacks_events.transport.amqp.codec import legible
from clacks_events.transport.amqp.reader import FrameReader
from clacks_events.transport.base import Message

TAG = "amq.ctag-1"
LARGEST = 4096
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"
USUAL: dict[str, Any] = {
    "content_type": "application/xml",
    "delivery_mode": 1,
    "message_id": "i",
    "timestamp": int(NOON.timestamp()),
    "type": "{urn:x}Tür",
    "user_id": "guest",
}


class Wire:
    """A connection whose broker has sent some bytes; it collects what is left to py-amqp."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.transport = SimpleNamespace(_read_buffer=b"")
        self.sock = self
        self.bytes_recv = 0
        self.frame_max = LARGEST
        self.left = data
        self._sizes = sizes
        self.frames: list[tuple[int, int, bytes]] = []

    def recv(self, most: int) -> bytes:
        size = self._sizes.pop(0) if self._sizes else most
        data, self.left = self.left[:size], self.left[size:]
        return data

    def on_inbound_frame(self, frame: tuple[int, int, bytes]) -> None:
        self.frames.append(frame)


def short(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def frame(kind: int, payload: bytes, channel: int = 1) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def method(number: int, key: bytes = b"Event.T.s", tag: str = TAG) -> bytes:
    return (
        struct.pack(">HH", 60, 60)
        + short(tag.encode())
        + struct.pack(">QB", number, 0)
        + short(b"clacks.events")
        + short(key)
    )


def header(size: int, properties: bytes) -> bytes:
    return struct.pack(">HHQ", 60, 0, size) + properties


def properties(**given: Any) -> bytes:
    return bytes(amqp.Message(b"", **given)._serialize_properties())


def delivery(number: int, body: bytes, written: bytes | None = None, key: bytes = b"k") -> bytes:
    """Return the three frames of a delivery to the consumer."""
    written = properties(**USUAL) if written is None else written
    return frame(1, method(number, key)) + frame(2, header(len(body), written)) + frame(3, body)


def received(data: bytes, *sizes: int) -> tuple[list[tuple[int, Message]], Wire]:
    """Read all of it; return what was handed on, with the wire."""
    wire = Wire(data, list(sizes))
    taken: list[tuple[int, Message]] = []
    reader = FrameReader(wire)
    reader.expect(1, TAG, lambda tag, message: taken.append((tag, message)))
    while wire.left:
        reader.read()
    return taken, wire


def test_what_our_publisher_writes() -> None:
    ((tag, message),), wire = received(delivery(2**40, b"<a/>", key="Event.Tür.s".encode()))
    assert tag == 2**40
    assert message == Message(
        b"<a/>", "Event.Tür.s", {}, "application/xml", "i", "{urn:x}Tür", NOON, "guest"
    )
    assert wire.frames == []
    assert wire.bytes_recv == 1


def test_what_other_clients_write() -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    written = properties(
        content_type="text/xml",
        content_encoding="utf-8",
        priority=0,
        application_headers={"n": 1, "when": when, "nested": {"a": 1}, "list": [1]},
    )
    ((_, message),), _ = received(delivery(1, b"<a/>", written))
    assert message == Message(b"<a/>", "k", {"n": 1, "when": when}, "text/xml")


def test_a_message_without_properties() -> None:
    ((_, message),), _ = received(delivery(1, b"<a/>", b"\x00\x00"))
    assert message == Message(b"<a/>", "k", {}, "")


@given(st.lists(st.integers(1, 400), max_size=60))
def test_pieces_make_no_difference(sizes: list[int]) -> None:
    bodies = [b"<%d/>" % number + b" " * (number * 37) for number in range(1, 9)]
    data = HEARTBEAT.join(delivery(tag, body) for tag, body in enumerate(bodies, 1))
    taken, wire = received(data, *sizes)
    assert [(tag, message.body) for tag, message in taken] == list(enumerate(bodies, 1))
    assert wire.frames == [(8, 0, b"")] * 7
    assert wire.transport._read_buffer == b""


BODY = b"<a/>"
M, H = method(1), header(4, b"\x00\x00")
UNUSUAL = {
    "another method": [(1, 1, struct.pack(">HH", 60, 30) + short(TAG.encode()))],
    "another consumer": [(1, 1, method(1, tag="other")), (2, 1, H), (3, 1, BODY)],
    "another channel": [(1, 2, M), (2, 2, H), (3, 2, BODY)],
    "a body in two frames": [(1, 1, M), (2, 1, H), (3, 1, BODY[:2]), (3, 1, BODY[2:])],
    "no body": [(1, 1, M), (2, 1, header(0, b"\x00\x00")), (8, 0, b"")],
    "a frame of another channel in between": [(1, 1, M), (1, 2, M), (2, 1, H), (3, 1, BODY)],
    "a frame before the body": [(1, 1, M), (2, 1, H), (8, 0, b""), (3, 1, BODY)],
    "too long for one frame": [
        (1, 1, M), (2, 1, header(LARGEST, b"\x00\x00")), (3, 1, bytes(LARGEST - 8)),
        (3, 1, bytes(8)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("cut", [0, 1, 7, 40, 95, 100])
@pytest.mark.parametrize("frames", UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_unusual_is_left_to_py_amqp(frames: list[tuple[int, int, bytes]], cut: int) -> None:
    data = b"".join(frame(kind, payload, channel) for kind, channel, payload in frames)
    sizes = [cut] if cut else []
    taken, wire = received(data + delivery(2, b"<b/>"), *sizes)
    assert wire.frames == frames
    assert [(tag, message.body) for tag, message in taken] == [(2, b"<b/>")]


def test_a_message_without_a_body_does_not_wait_for_the_next_one() -> None:
    frames = [(1, 1, M), (2, 1, header(0, b"\x00\x00"))]
    _, wire = received(b"".join(frame(kind, payload) for kind, _, payload in frames))
    assert wire.frames == frames


def test_a_channel_that_is_forgotten() -> None:
    wire = Wire(delivery(1, BODY), [])
    reader = FrameReader(wire)
    taken: list[int] = []
    reader.expect(1, TAG, lambda tag, _: taken.append(tag))
    reader.forget(1)
    reader.read()
    assert taken == []
    assert [kind for kind, _, _ in wire.frames] == [1, 2, 3]


@pytest.mark.parametrize("part", range(3))
def test_a_frame_without_its_end(part: int) -> None:
    pieces = [frame(1, M), frame(2, H), frame(3, BODY)]
    pieces[part] = pieces[part][:-1] + b"\x00"
    with pytest.raises(UnexpectedFrame):
        received(b"".join(pieces))


def test_a_connection_that_ends() -> None:
    with pytest.raises(ConnectionResetError):
        FrameReader(Wire(b"", [])).read()


def nested(depth: int) -> bytes:
    table = b""
    for _ in range(depth):
        table = b"\x01aF" + struct.pack(">I", len(table)) + table
    return struct.pack(">HI", 1 << 13, len(table)) + table


HOSTILE = {
    "an id that is no text": struct.pack(">H", 1 << 7) + short(b"\xff\xfe"),
    "a date beyond the calendar": struct.pack(">HI", 1 << 13, 11) + b"\x01tT\x7f" + b"\xff" * 7,
    "a type that there is not": struct.pack(">HI", 1 << 13, 3) + b"\x01tz",
    "a string longer than the frame": struct.pack(">HI", 1 << 13, 7) + b"\x01tS\xff\xff\xff\xff",
    "a table in a table in a table": nested(3000),
    "flags without values": b"\xff\xfc",
}


@pytest.mark.parametrize("written", HOSTILE.values(), ids=HOSTILE)
def test_properties_that_cannot_be_read_stop_nothing(written: bytes) -> None:
    taken, _ = received(delivery(1, BODY, written) + delivery(2, b"<b/>"))
    assert [(tag, message.body) for tag, message in taken] == [(1, BODY), (2, b"<b/>")]
    assert taken[0][1].user is None
    # py-amqp, too, is given what it can read.
    left = legible(2, header(4, written))
    amqp.Message().inbound_header(left)
    assert left[:12] == header(4, b"")


@pytest.mark.parametrize("cut", range(2, 60))
def test_properties_that_end_too_early_take_nothing_from_what_follows(cut: int) -> None:
    written = properties(**USUAL)[:cut]
    taken, _ = received(delivery(1, BODY, written) + delivery(2, b"<b/>"))
    assert [(tag, message.body) for tag, message in taken] == [(1, BODY), (2, b"<b/>")]
    said = (taken[0][1].content_type, taken[0][1].type, taken[0][1].user)
    assert not any("<" in (text or "") for text in said)


def test_a_text_that_is_none_in_the_usual_properties() -> None:
    written = properties(**USUAL).replace(b"guest", b"\xff\xfe\xffst")
    ((_, message),), _ = received(delivery(1, BODY, written))
    assert message.user == "\ufffd\ufffd\ufffdst"


def test_a_routing_key_that_is_no_text() -> None:
    hostile = method(7, b"Event.\xff\xfeT")
    ((_, message),), _ = received(delivery(1, BODY, key=b"Event.\xff\xfeT"))
    assert message.key == "Event.T"
    assert legible(1, hostile) == method(7, b"Event.T")
    assert legible(1, M) == M


def test_other_payloads_stay_as_they_are() -> None:
    for kind, payload in ((1, b"\x00\x0a\x00\x0a\xff"), (3, b"\xff"), (8, b"")):
        assert legible(kind, payload) == payload
