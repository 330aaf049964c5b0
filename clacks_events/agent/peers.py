"""Nodes and clients: what is known of one that is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from clacks_events.errors import RpcError
from clacks_events.event import JsonValue

__all__ = [
    "ClientInfo",
    "ClientMethod",
    "NetworkDevice",
    "NodeInfo",
    "NodeMethod",
    "NodeObject",
    "PeerChange",
    "PeerInfo",
    "PeerKind",
    "PeerState",
    "as_json",
    "peers_from_json",
    "silence_of",
]


class PeerState(Enum):
    """Of an id: whether somebody has it, and what is known of that one."""

    ABSENT = "absent"
    ANNOUNCED = "announced"
    """It is there; it has not told yet what it offers."""
    READY = "ready"
    """It is there and has told what it offers."""


@dataclass(frozen=True, slots=True)
class NodeMethod:
    """A command that a node offers, as NodeCapabilities tells it."""

    name: str
    path: str = ""
    target: str = ""
    """The last part of the queue that takes the command."""
    signature: str = ""
    """The names of the parameters, separated by commas."""
    type: str = "NORMAL"
    queue_required: bool = False
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class NodeObject:
    """A kind of object that a node can make."""

    oid: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What is known of a node; the four measurements are None until its first status."""

    id: str
    state: PeerState
    last_seen: datetime
    methods: tuple[NodeMethod, ...] = ()
    objects: tuple[NodeObject, ...] = ()
    load: float | None = None
    """0 is idle, 1 is that nothing is free; None also for what is no finite number."""
    latency: float | None = None
    """Seconds that one of its events took through the broker and back."""
    workers: int | None = None
    indexed: bool | None = None
    """Whether it has built the object index; None if it does not say."""

    def offers(self, method: str) -> bool:
        """Tell whether the node has a command of this name."""
        return any(known.name == method for known in self.methods)


@dataclass(frozen=True, slots=True)
class ClientMethod:
    """A command that a client offers, as ClientSignature tells it."""

    name: str
    path: str = ""
    signature: str = ""
    """The names of the parameters, separated by commas."""
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class NetworkDevice:
    """A network interface; an address that it does not have is empty."""

    name: str
    address: str = ""
    """IPv4, dotted."""
    address6: str = ""
    mac: str = ""
    netmask: str = ""
    broadcast: str = ""


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """What is known of a client; one that was only heard to be alive has no name yet."""

    id: str
    state: PeerState
    last_seen: datetime
    name: str = ""
    methods: tuple[ClientMethod, ...] = ()
    devices: tuple[NetworkDevice, ...] = ()


PeerInfo: TypeAlias = NodeInfo | ClientInfo
_Peer = TypeVar("_Peer", NodeInfo, ClientInfo)


class PeerKind(Enum):
    """What became of a node or a client."""

    ANNOUNCED = "announced"
    CHANGED = "changed"
    """It tells something else of itself, or more, than before."""
    REPORTED = "reported"
    """A node measured something else than before."""
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class PeerChange:
    """What became of a node or a client, and why."""

    kind: PeerKind
    peer: PeerInfo
    """As it is now; of one that left, as it was."""
    reason: str = ""
    """Why it left: ``closed`` or ``expired``."""


def silence_of(peer: PeerInfo) -> float:
    """Return for how many seconds nothing was heard of a peer."""
    return max(0.0, (datetime.now(UTC) - peer.last_seen).total_seconds())


def as_json(peer: PeerInfo) -> dict[str, JsonValue]:
    """Return a peer as plain data, with ``silent``: the seconds since it was heard."""
    # Whoever writes JSON waits for it, and not whoever imports this.
    import msgspec

    # By way of the text, so that arrays are lists.
    plain: dict[str, JsonValue] = msgspec.json.decode(msgspec.json.encode(peer))
    return {**plain, "silent": round(silence_of(peer), 3)}


def peers_from_json(data: object, kind: type[_Peer]) -> list[tuple[_Peer, float]]:
    """Read a list of what :func:`as_json` gives: peers, each with its silence in seconds.

    The silence counts, not the time: the clocks of two machines differ. Without one it is 0.
    Raises RpcError for anything else.
    """
    import msgspec

    try:
        return [(msgspec.convert(each, kind), _silence(each)) for each in _list(data)]
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise RpcError(f"not a list of {kind.__name__}: {error}") from error


def _list(data: object) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError(f"expected an array, got {type(data).__name__}")
    return data


def _silence(data: dict[str, Any]) -> float:
    silence = float(data.get("silent", 0.0))
    if not 0 <= silence < float("inf"):
        raise ValueError(f"a silence of {silence!r} seconds")
    return silence
