"""A content-routed XML event bus: XSD in, XQuery filters out, RabbitMQ in between."""

from __future__ import annotations

from clacks_events.bus import Bus, connect
from clacks_events.catalog import BUILTIN_SCHEMAS, Catalog, EventType
from clacks_events.config import BusOptions
from clacks_events.consumer import AMQPEventConsumer
from clacks_events.embedded import ensure_server
from clacks_events.envelope import NAMESPACE
from clacks_events.errors import (
    AccessDenied,
    CatalogError,
    ClacksError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    EvaluationError,
    EventError,
    FilterError,
    FilterSyntaxError,
    FilterTypeError,
    InvalidEvent,
    LimitReached,
    MalformedEvent,
    NameTaken,
    NobodyListens,
    NotRegistered,
    PublishFailed,
    RemoteError,
    RpcError,
    RpcTimeout,
    TransportError,
    UnknownCommand,
    UnknownEventType,
    UnknownSender,
    UnsupportedFilter,
)
from clacks_events.event import Event
from clacks_events.filter import Filter, FilterIndex, compile_filter
from clacks_events.maker import EventMaker
from clacks_events.proxy import AMQPServiceProxy
from clacks_events.subscription import Subscription

__all__ = [
    "BUILTIN_SCHEMAS",
    "NAMESPACE",
    "AMQPEventConsumer",
    "AMQPServiceProxy",
    "AccessDenied",
    "Bus",
    "BusOptions",
    "Catalog",
    "CatalogError",
    "ClacksError",
    "ConfigError",
    "ConnectFailed",
    "ConnectionLost",
    "EvaluationError",
    "Event",
    "EventError",
    "EventMaker",
    "EventType",
    "Filter",
    "FilterError",
    "FilterIndex",
    "FilterSyntaxError",
    "FilterTypeError",
    "InvalidEvent",
    "LimitReached",
    "MalformedEvent",
    "NameTaken",
    "NobodyListens",
    "NotRegistered",
    "PublishFailed",
    "RemoteError",
    "RpcError",
    "RpcTimeout",
    "Subscription",
    "TransportError",
    "UnknownCommand",
    "UnknownEventType",
    "UnknownSender",
    "UnsupportedFilter",
    "compile_filter",
    "connect",
    "ensure_server",
]
