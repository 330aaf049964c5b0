"""JSON-RPC 2.0 between a caller and whoever serves a work queue.

Source: JSON-RPC 2.0 Specification, jsonrpc.org.
"""

from __future__ import annotations

from clacks_events.rpc.answering import Dispatch, answer
from clacks_events.rpc.calling import Asked, Parameters
from clacks_events.rpc.client import RpcClient
from clacks_events.rpc.counters import CallCounters
from clacks_events.rpc.protocol import (
    ACCESS_DENIED,
    COMMAND_FAILED,
    EVENT_REFUSED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MOST_CALLS,
    NO_REQUESTS,
    PARSE_ERROR,
    TOO_BUSY,
    RpcFault,
)
from clacks_events.rpc.server import RpcServer, ServerOptions

__all__ = [
    "ACCESS_DENIED",
    "COMMAND_FAILED",
    "DEFAULT_QUEUE",
    "EVENT_REFUSED",
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "MOST_CALLS",
    "NO_REQUESTS",
    "PARSE_ERROR",
    "TOO_BUSY",
    "Asked",
    "CallCounters",
    "Dispatch",
    "Parameters",
    "RpcClient",
    "RpcFault",
    "RpcServer",
    "ServerOptions",
    "answer",
]

DEFAULT_QUEUE = "clacks.agent"
"""The work queue of the agents that nobody gave another name."""
