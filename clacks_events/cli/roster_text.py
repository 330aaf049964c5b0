"""Nodes, clients and senders for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from clacks_events.agent.peers import (
    ClientInfo,
    NodeInfo,
    PeerChange,
    PeerInfo,
    PeerState,
    as_json,
    silence_of,
)
from clacks_events.cli.output import plain
from clacks_events.lexical import utc_text
from clacks_events.presence import Announcement, Change
from clacks_events.xml import local_name

__all__ = ["Present", "change_as_json", "change_as_line", "present_as_json", "present_as_table"]

_NODES = ("node", "load", "latency", "workers", "methods", "seen")
_CLIENTS = ("client", "id", "address", "methods", "seen")
_SENDERS = ("sender", "on", "types", "methods")
_UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Present:
    """All that are there."""

    nodes: Sequence[NodeInfo]
    clients: Sequence[ClientInfo]
    senders: Sequence[Announcement]


def present_as_table(present: Present) -> list[str]:
    """Return three tables as lines, an empty one between two of them."""
    return [
        *_table(_NODES, map(_node_row, present.nodes)),
        "",
        *_table(_CLIENTS, map(_client_row, present.clients)),
        "",
        *_table(_SENDERS, map(_sender_row, present.senders)),
    ]


def present_as_json(present: Present) -> str:
    """Return one line: an object of three arrays."""
    return _json(
        {
            "nodes": [as_json(node) for node in present.nodes],
            "clients": [as_json(client) for client in present.clients],
            "senders": [asdict(sender) for sender in present.senders],
        }
    )


def change_as_line(change: PeerChange | Change, now: datetime) -> str:
    """Return what became of one, and when, as one line."""
    what, name, offers = _subject(change)
    more = change.reason if change.reason else offers
    line = f"{now:%H:%M:%S} {what} {name} {change.kind.value}: {more}"
    return plain(" ".join(line.split()))


def change_as_json(change: PeerChange | Change, now: datetime) -> str:
    """Return the same as one JSON object on a line."""
    if isinstance(change, PeerChange):
        told: object = as_json(change.peer)
    else:
        told = asdict(change.announcement)
    what, _, _ = _subject(change)
    return _json(
        {
            "time": utc_text(now),
            "what": what,
            "change": change.kind.value,
            "reason": change.reason,
            what: told,
        }
    )


def _subject(change: PeerChange | Change) -> tuple[str, str, str]:
    """Return what it is, which one, and what it offers."""
    if isinstance(change, Change):
        sender = change.announcement
        types = ", ".join(map(local_name, sender.types)) or "no types"
        return "sender", sender.name, f"{types}, {_methods(sender.methods)}"
    peer = change.peer
    if isinstance(peer, NodeInfo):
        return "node", peer.id, _peer_methods(peer)
    return "client", f"{peer.name or _UNKNOWN} {peer.id}", _peer_methods(peer)


def _peer_methods(peer: PeerInfo) -> str:
    is_told = peer.state is PeerState.READY
    return _methods(peer.methods) if is_told else "it has not told what it offers"


def _methods(methods: Sequence[object]) -> str:
    return f"{len(methods)} method{'' if len(methods) == 1 else 's'}"


def _node_row(node: NodeInfo) -> tuple[str, ...]:
    return (
        node.id,
        _UNKNOWN if node.load is None else f"{node.load:.0%}",
        _UNKNOWN if node.latency is None else f"{node.latency * 1000:.1f} ms",
        _UNKNOWN if node.workers is None else str(node.workers),
        _offered(node),
        _seen(node),
    )


def _client_row(client: ClientInfo) -> tuple[str, ...]:
    addresses = [device.address or device.address6 for device in client.devices]
    return (
        client.name or _UNKNOWN,
        client.id,
        " ".join(filter(None, addresses)) or _UNKNOWN,
        _offered(client),
        _seen(client),
    )


def _sender_row(sender: Announcement) -> tuple[str, ...]:
    types = " ".join(map(local_name, sender.types)) or _UNKNOWN
    return sender.name, sender.origin, types, " ".join(sender.methods) or _UNKNOWN


def _offered(peer: PeerInfo) -> str:
    return str(len(peer.methods)) if peer.state is PeerState.READY else _UNKNOWN


def _seen(peer: PeerInfo) -> str:
    return f"{silence_of(peer):.0f} s ago"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    # What others call themselves must not break the lines.
    cells = [names, *([" ".join(plain(cell).split()) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(names))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells)
    return ["  ".join(row).rstrip() for row in padded]


def _json(data: Mapping[str, object]) -> str:
    return json.dumps(data).replace("\x7f", "\\u007f")
