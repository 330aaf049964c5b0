"""Read what a broker sends, and hand deliveries on without a detour.

py-amqp reads each frame with three calls of ``recv`` and turns three frames into a message in
five layers, which takes longer than parsing the XML in it. Here a whole buffer is read, and a
delivery that is complete in it is decoded at once. Every other frame goes to py-amqp.

Source: AMQP 0-9-1, 2.3.5 (frames), 4.2.6 (content), 1.8 (class basic).
"""

from __future__ import annotations

import ssl
import struct
from collections.abc import Callable
from typing import TypeAlias

import amqp
from amqp.exceptions import UnexpectedFrame

from clacks_events.transport.amqp.codec import DELIVER, legible, message_of
from clacks_events.transport.base import Message

__all__ = ["FrameReader", "Take"]

Take: TypeAlias = Callable[[int, Message], None]
"""Takes a delivery: its tag and the message."""

_CHUNK = 65536
_METHOD, _HEADER, _BODY = 1, 2, 3
_END = 0xCE
_OVERHEAD = 8  # bytes of a frame beside its payload; the last one is the end octet
_FRAME = struct.Struct(">BHI")  # type, channel, size
_CONTENT = struct.Struct(">BHIIQ")  # of a header frame: those three, class, size of the body
_BASIC = 60 << 16  # class basic, and a weight that is always zero
_TAG = struct.Struct(">Q")


class FrameReader:
    """Reads one connection, for the thread that owns it."""

    def __init__(self, connection: amqp.Connection) -> None:
        self._connection = connection
        self._largest = connection.frame_max - _OVERHEAD
        self._takers: dict[int, tuple[bytes, Take]] = {}

    def expect(self, channel: int, consumer: str, take: Take) -> None:
        """Hand on what arrives on a channel for a consumer.

        What py-amqp itself reads, while it waits for a reply, goes to the consumer's callback.
        """
        tag = consumer.encode()
        self._takers[channel] = DELIVER + bytes((len(tag),)) + tag, take

    def forget(self, channel: int) -> None:
        """Leave a channel to py-amqp again."""
        self._takers.pop(channel, None)

    def read(self) -> None:
        """Read what has arrived, and deal with all that is complete.

        Call it when the socket is readable.
        """
        transport, sock = self._connection.transport, self._connection.sock
        data = sock.recv(_CHUNK)
        if not data:
            raise ConnectionResetError("the broker closed the connection")
        if isinstance(sock, ssl.SSLSocket):
            while pending := sock.pending():
                data += sock.recv(pending)
        # py-amqp takes a broker for dead when this number stands still.
        self._connection.bytes_recv += 1
        buffer = transport._read_buffer + data
        # Should a callback raise, nothing that was read is dispatched twice.
        transport._read_buffer = b""
        transport._read_buffer = buffer[self._dispatch(buffer) :]

    def _dispatch(self, buffer: bytes) -> int:
        """Deal with complete frames; return where the first other one begins."""
        at, handle, takers = 0, self._connection.on_inbound_frame, self._takers
        while len(buffer) - at >= _OVERHEAD:
            kind, channel, size = _FRAME.unpack_from(buffer, at)
            start, end = at + 7, at + 7 + size
            if end >= len(buffer):
                break
            _check_end(buffer, end)
            if kind == _METHOD and channel in takers:
                after = self._hand_on(buffer, start, end, channel)
                if after > len(buffer):
                    break
                if after:
                    at = after
                    continue
            handle((kind, channel, legible(kind, buffer[start:end])))
            at = end + 1
        return at

    def _hand_on(self, buffer: bytes, start: int, end: int, channel: int) -> int:
        """Hand on the delivery whose method is between ``start`` and ``end``.

        Return where it ends: beyond the buffer if it is not complete, 0 if it is for py-amqp.
        """
        expected, take = self._takers[channel]
        if not buffer.startswith(expected, start):
            return 0
        body, after = self._content(buffer, end + 1, channel)
        if 0 < after <= len(buffer):
            tag_at = start + len(expected)
            # After the tag and a flag: the exchange, and the routing key to the end.
            key_at = tag_at + 10 + buffer[tag_at + 9]
            key = buffer[key_at + 1 : end]
            properties = buffer[end + 1 + _CONTENT.size : body - _OVERHEAD]
            message = message_of(buffer[body : after - 1], key, properties)
            take(_TAG.unpack_from(buffer, tag_at)[0], message)
        return after

    def _content(self, buffer: bytes, at: int, channel: int) -> tuple[int, int]:
        """Return where the body begins and where the frame after it does.

        That is beyond the buffer for a content that is not complete, and 0 for one that is not
        made of one header and one body.
        """
        if len(buffer) - at < _CONTENT.size:
            return 0, len(buffer) + 1
        kind, its_channel, size, basic, length = _CONTENT.unpack_from(buffer, at)
        is_usual = (kind, its_channel, basic) == (_HEADER, channel, _BASIC)
        if not is_usual or not 0 < length <= self._largest:
            return 0, 0
        end = at + 7 + size
        body, after = end + _OVERHEAD, end + _OVERHEAD + length + 1
        if after <= len(buffer):
            if _FRAME.unpack_from(buffer, end + 1) != (_BODY, channel, length):
                return 0, 0
            _check_end(buffer, end)
            _check_end(buffer, after - 1)
        return body, after


def _check_end(buffer: bytes, at: int) -> None:
    if buffer[at] != _END:
        raise UnexpectedFrame(f"frame end {buffer[at]:#x} instead of 0xce")
