"""Write a message as AMQP frames, without py-amqp's general serialiser.

Packing the three frames of a message by hand takes a fifth of the time. What this does not know
(user headers, bodies over one frame) goes the general way.

Source: AMQP 0-9-1, 2.3.5 (frames), 4.2.6 (content), 1.8 (class basic).
"""

from __future__ import annotations

import struct

import amqp

from clacks_events.transport.amqp.codec import STAMP, USUAL_FLAGS
from clacks_events.transport.base import Message

__all__ = ["FrameWriter"]

_METHOD, _HEADER, _BODY = b"\x01", b"\x02", b"\x03"
_END = b"\xce"
_PUBLISH = struct.pack(">HHH", 60, 40, 0)  # class basic, method publish, reserved-1
_START = struct.Struct(">HI")  # channel, size
_CONTENT = struct.Struct(">HHQH")  # class, weight, body size, property flags
_FRAME_OVERHEAD = 8
_MOST_KEYS = 10_000


class FrameWriter:
    """Writes messages to one exchange over one channel."""

    def __init__(self, connection: amqp.Connection, channel: int, exchange: str) -> None:
        self._connection = connection
        self._channel = channel
        self._exchange = _short(exchange)
        self._methods: dict[str, bytes] = {}
        self._largest = connection.frame_max - _FRAME_OVERHEAD

    def write(self, message: Message, *, persistent: bool) -> bool:
        """Send a message and return True; return False for one that this cannot write."""
        identity, kind, moment, user = message.id, message.type, message.time, message.user
        if identity is None or kind is None or moment is None or user is None:
            return False
        body = message.body
        kind_bytes = kind.encode()
        if message.headers or len(body) > self._largest or len(kind_bytes) > 255:
            return False
        content = b"".join((
            _CONTENT.pack(60, 0, len(body), USUAL_FLAGS),
            _short(message.content_type),
            b"\x02" if persistent else b"\x01",
            _short(identity),
            STAMP.pack(int(moment.timestamp())),
            bytes((len(kind_bytes),)), kind_bytes,
            _short(user),
        ))  # fmt: skip
        channel = self._channel
        self._connection.transport.write(b"".join((
            self._method(message.key),
            _HEADER, _START.pack(channel, len(content)), content, _END,
            _BODY, _START.pack(channel, len(body)), body, _END,
        )))  # fmt: skip
        # py-amqp sends no heartbeat where it sees that something was sent.
        self._connection.bytes_sent += 1
        return True

    def _method(self, key: str) -> bytes:
        frame = self._methods.get(key)
        if frame is None:
            payload = _PUBLISH + self._exchange + _short(key) + b"\x00"
            frame = _METHOD + _START.pack(self._channel, len(payload)) + payload + _END
            if len(self._methods) >= _MOST_KEYS:
                self._methods = {}
            self._methods[key] = frame
        return frame


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data
