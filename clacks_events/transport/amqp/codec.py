"""Messages of ours as AMQP messages, and back."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import amqp

from clacks_events.envelope import LONGEST_NAME
from clacks_events.errors import PublishFailed
from clacks_events.event import HeaderValue
from clacks_events.transport.base import Message

__all__ = ["decode", "encode"]

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
    """Return a message that arrived, from whatever client."""
    properties: dict[str, Any] = raw.properties
    body = raw.body
    return Message(
        body=body.encode() if isinstance(body, str) else bytes(body),
        key=raw.delivery_info.get("routing_key", ""),
        headers=_headers(properties.get("application_headers")),
        content_type=properties.get("content_type", ""),
        id=properties.get("message_id"),
        type=properties.get("type"),
        time=_moment(properties.get("timestamp")),
        user=properties.get("user_id"),
    )


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
