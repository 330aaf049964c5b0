"""The gateway: people without Python, browsers and devices get in through HTTP.

It needs the extra ``clacks-events[gateway]``. One protocol is one module or package here; all of
them stand on the gate, which stands on the hub and the bridge::

    sse  plain/  afb/  xerus/        protocols: each has routes(gate), listed in app.py
    ──────────────────────────
    access/                          who gets in: guard, credentials, hosts and origins, rates
    gate                             what they may do: policy and bounds
    hub ─ union ─ stream ─ history   one bus subscription, one filter index, many clients
    bridge                           the only crossing between threads and the event loop
    server ─ connection              uvicorn, and what a connection may cost
"""

from clacks_events.gateway.access import AccessOptions, Principal
from clacks_events.gateway.gateway import Gateway
from clacks_events.gateway.history import HistoryOptions
from clacks_events.gateway.options import (
    ConnectionLimits,
    GatewayOptions,
    Limits,
    Tls,
    XerusOptions,
)

__all__ = [
    "AccessOptions",
    "ConnectionLimits",
    "Gateway",
    "GatewayOptions",
    "HistoryOptions",
    "Limits",
    "Principal",
    "Tls",
    "XerusOptions",
]
