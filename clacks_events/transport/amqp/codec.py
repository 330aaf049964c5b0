"""Messages of ours as AMQP messages, and back."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import amqp
from amqp.serialization import decode_properties_basic

from clacks_events.envelope import LONGEST_NAME
from clacks_events.errors import PublishFailed
from clacks_events.event import HeaderValue
from clacks_events.transport.base import Message

__all__ = ["DELIVER", "STAMP", "USUAL_FLAGS", "decode", "encode", "legible", "message_of"]

DELIVER = struct.pack(">HH", 60, 60)  # class basic, method deliver
STAMP = struct.Struct(">Q")
USUAL_FLAGS = 1 << 15 | 1 << 12 | 1 << 7 | 1 << 6 | 1 << 5 | 1 << 4
"""content-type, delivery-mode, message-id, timestamp, type, user-id; in this order on the wire."""

_XML = "application/xml"
_USUAL = struct.pack(">HB", USUAL_FLAGS, len(_XML)) + _XML.encode()
_METHOD, _HEADER = 1, 2
_BEFORE_FLAGS = 12  # bytes of a content header: class, weight, size of the body
_SCALARS = (str, bool, int, float, Decimal, datetime, bytes)
_DELIVERY_MODE = {False: 1, True: 2}  # AMQP 0-9-1, 1.8.1: 1 is non-persistent, 2 persistent


def encode(message: Message, *, persistent: bool, **properties: Any) -> amqp.Message:
    """Return the AMQP form of a message."""
    if message.id is not None:
        properties["message_id"] = message.id
    if message.type is not None and len(message.type.encode()) <= LONGEST_NAME:
        # A longer one, with a long namespace, is in the XML anyway.
        properties["type"] = message.type
    if message.time is not None:
        properties["timestamp"] = int(message.time.timestamp())
    if message.user is not None:
        properties["user_id"] = message.user
    if message.headers:
        properties["application_headers"] = dict(message.headers)
    return amqp.Message(
        message.body,
        content_type=message.content_type,
        delivery_mode=_DELIVERY_MODE[persistent],
        **properties,
    )


def checked(encoded: amqp.Message, url: str) -> amqp.Message:
    """Raise PublishFailed for a header that AMQP has no form for."""
    try:
        encoded._serialize_properties()
    except (struct.error, ValueError, OverflowError, amqp.AMQPError) as error:
        headers = encoded.properties.get("application_headers", {})
        raise PublishFailed(f"headers that AMQP cannot carry: {headers!r}", url=url) from error
    return encoded


def decode(raw: amqp.Message) -> Message:
    """Return a message that py-amqp has received, from whatever client."""
    body = raw.body
    data = body.encode() if isinstance(body, str) else bytes(body)
    return _message(data, raw.delivery_info.get("routing_key", ""), raw.properties)


def _message(body: bytes, key: str, properties: Mapping[str, Any]) -> Message:
    return Message(
        body=body,
        key=key,
        headers=_headers(properties.get("application_headers")),
        content_type=properties.get("content_type", ""),
        id=properties.get("message_id"),
        type=properties.get("type"),
        time=_moment(properties.get("timestamp")),
        user=properties.get("user_id"),
    )


def message_of(body: bytes, key: bytes, written: bytes) -> Message:
    """Return a message that arrived, with its properties as they were written, flags first."""
    name = key.decode("utf-8", "ignore")
    try:
        if written.startswith(_USUAL):
            return _usual(body, name, written)
    except (IndexError, struct.error):
        return _message(body, name, {})
    return _message(body, name, _properties(written) or {})


def _usual(body: bytes, key: str, written: bytes) -> Message:
    # After content-type and delivery-mode: message-id, timestamp, type, user-id.
    at = len(_USUAL) + 1
    end = at + 1 + written[at]
    identity = written[at + 1 : end].decode("utf-8", "replace")
    (seconds,) = STAMP.unpack_from(written, end)
    at = end + 8
    end = at + 1 + written[at]
    kind = written[at + 1 : end].decode("utf-8", "replace")
    user = written[end + 1 : end + 1 + written[end]].decode("utf-8", "replace")
    return Message(body, key, {}, _XML, identity, kind, _moment(seconds), user)


def _properties(written: bytes, at: int = 0) -> dict[str, Any] | None:
    try:
        properties: dict[str, Any] = decode_properties_basic(written, at)[0]
    except Exception:  # noqa: BLE001 - anything, up to a RecursionError: a stranger wrote them
        # The broker lets them pass. A filter that asks for a header does not match without it.
        return None
    return properties


def legible(kind: int, payload: bytes) -> bytes:
    """Return the payload of a frame so that py-amqp can decode it.

    A stranger who publishes may write what it stumbles over into the routing key and the
    properties; it would lose the connection, again and again while the message is in the queue.
    """
    if kind == _METHOD and payload.startswith(DELIVER):
        # A consumer tag, a delivery tag, a flag and an exchange are before the routing key.
        at = len(DELIVER) + 1 + payload[len(DELIVER)] + 9
        at += 1 + payload[at]
        key = payload[at + 1 :].decode("utf-8", "ignore").encode()
        return payload[:at] + bytes((len(key),)) + key
    if kind == _HEADER and _properties(payload, _BEFORE_FLAGS) is None:
        return payload[:_BEFORE_FLAGS] + b"\x00\x00"
    return payload


def _headers(table: Mapping[str, Any] | None) -> Mapping[str, HeaderValue]:
    if not table:
        return {}
    # Nested tables and arrays (x-death and its kin) have no form in a filter.
    return {
        name: value.replace(tzinfo=UTC)
        if isinstance(value, datetime) and value.tzinfo is None
        else value
        for name, value in table.items()
        if isinstance(value, _SCALARS)
    }


def _moment(timestamp: Any) -> datetime | None:
    if isinstance(timestamp, datetime):
        return timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    if isinstance(timestamp, int) and 0 <= timestamp < 253402300800:
        return datetime.fromtimestamp(timestamp, UTC)
    return None
