"""What nodes and clients say, read from events."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from lxml import etree

from clacks_events.agent.peer_table import Heard, Input
from clacks_events.agent.peers import (
    ClientInfo,
    ClientMethod,
    NetworkDevice,
    NodeInfo,
    NodeMethod,
    NodeObject,
    PeerInfo,
)
from clacks_events.catalog import Catalog
from clacks_events.envelope import NAMESPACE
from clacks_events.errors import InvalidEvent
from clacks_events.event import Event

__all__ = [
    "CLIENT_POLL",
    "LONGEST_ID",
    "NODE_ANNOUNCE",
    "NODE_CAPABILITIES",
    "NODE_STATUS",
    "TOLD",
    "PeerReader",
    "base_type",
    "id_of",
]

LONGEST_ID: Final = 255  # characters

_PREFIX: Final = f"{{{NAMESPACE}}}"
NODE_ANNOUNCE: Final = f"{_PREFIX}NodeAnnounce"
NODE_CAPABILITIES: Final = f"{_PREFIX}NodeCapabilities"
NODE_STATUS: Final = f"{_PREFIX}NodeStatus"
CLIENT_POLL: Final = f"{_PREFIX}ClientPoll"

_TRUE: Final = ("true", "1")


def base_type(event: Event, catalog: Catalog) -> str:
    """Return the type in TOLD that an event has or derives from, or else its own."""
    return next((known for known in catalog.lineage(event.type) if known in TOLD), event.type)


class PeerReader:
    """Reads events of nodes and clients; what many of them tell alike is kept once."""

    def __init__(self) -> None:
        self._once: Callable[[Any], Any] = lru_cache(maxsize=1024)(lambda value: value)

    def read(self, type: str, payload: etree._Element) -> tuple[type[PeerInfo], Heard]:
        """Read a payload of one of the types in TOLD: who says what.

        Raises InvalidEvent for an id that nobody can have.
        """
        told = TOLD[type]
        facts = {name: self._shared(name, value) for name, value in told.facts(payload).items()}
        return told.who, Heard(id_of(payload), told.input, facts)

    def _shared(self, name: str, value: Any) -> Any:
        if name == "methods":
            return self._once(value)
        if name == "devices":
            return tuple(self._shared_device(device) for device in value)
        return value

    def _shared_device(self, device: NetworkDevice) -> NetworkDevice:
        name, netmask, broadcast = map(self._once, (device.name, device.netmask, device.broadcast))
        return NetworkDevice(name, device.address, device.address6, device.mac, netmask, broadcast)


def id_of(payload: etree._Element) -> str:
    """Return whom a payload is about; raise InvalidEvent for an id that nobody can have."""
    id = _text(payload, "Id")
    if not 0 < len(id) <= LONGEST_ID:
        local = etree.QName(payload).localname
        raise InvalidEvent(
            f"an id has 1 to {LONGEST_ID} characters", path=f"/Event/{local}/Id", value=id[:80]
        )
    return id


def _nothing(_: etree._Element) -> dict[str, Any]:
    return {}


def _capabilities(payload: etree._Element) -> dict[str, Any]:
    return {
        "methods": tuple(map(_read_node_method, _children(payload, "NodeMethod"))),
        "objects": tuple(
            NodeObject(_text(each, "OID"), _optional(each, "Signature"))
            for each in _children(payload, "NodeObject")
        ),
    }


def _read_node_method(element: etree._Element) -> NodeMethod:
    return NodeMethod(
        name=_text(element, "Name"),
        path=_text(element, "Path"),
        target=_text(element, "Target"),
        signature=_text(element, "Signature"),
        type=_text(element, "Type"),
        queue_required=_text(element, "QueueRequired").strip() in _TRUE,
        documentation=_text(element, "Documentation"),
    )


def _status(payload: etree._Element) -> dict[str, Any]:
    indexed = _optional(payload, "Indexed")
    return {
        "load": _finite(payload, "Load"),
        "latency": _finite(payload, "Latency"),
        "workers": int(_text(payload, "Workers")),
        "indexed": None if indexed is None else indexed.strip() in _TRUE,
    }


def _announced_client(payload: etree._Element) -> dict[str, Any]:
    network = _children(payload, "NetworkInformation")
    devices = [device for each in network for device in _children(each, "NetworkDevice")]
    return {"name": _text(payload, "Name"), "devices": tuple(map(_read_device, devices))}


def _read_device(element: etree._Element) -> NetworkDevice:
    return NetworkDevice(
        name=_text(element, "Name"),
        address=_text(element, "IPAddress"),
        address6=_text(element, "IPv6Address"),
        mac=_text(element, "MAC"),
        netmask=_text(element, "Netmask"),
        broadcast=_text(element, "Broadcast"),
    )


def _signature(payload: etree._Element) -> dict[str, Any]:
    offered = _children(payload, "ClientCapabilities")
    methods = [method for each in offered for method in _children(each, "ClientMethod")]
    return {"name": _text(payload, "Name"), "methods": tuple(map(_read_client_method, methods))}


def _read_client_method(element: etree._Element) -> ClientMethod:
    return ClientMethod(
        name=_text(element, "Name"),
        path=_text(element, "Path"),
        signature=_text(element, "Signature"),
        documentation=_text(element, "Documentation"),
    )


class _Told(NamedTuple):
    """What an event type says, and of whom."""

    who: type[PeerInfo]
    input: Input
    facts: Callable[[etree._Element], dict[str, Any]] = _nothing


TOLD: Final[Mapping[str, _Told]] = {
    NODE_ANNOUNCE: _Told(NodeInfo, Input.ANNOUNCE),
    NODE_CAPABILITIES: _Told(NodeInfo, Input.DESCRIBE, _capabilities),
    NODE_STATUS: _Told(NodeInfo, Input.LIFE, _status),
    f"{_PREFIX}NodeLeave": _Told(NodeInfo, Input.LEAVE),
    f"{_PREFIX}ClientAnnounce": _Told(ClientInfo, Input.ANNOUNCE, _announced_client),
    f"{_PREFIX}ClientSignature": _Told(ClientInfo, Input.DESCRIBE, _signature),
    f"{_PREFIX}ClientPing": _Told(ClientInfo, Input.LIFE),
    f"{_PREFIX}ClientLeave": _Told(ClientInfo, Input.LEAVE),
}
"""What is said of nodes and clients, by the Clark name of the event type."""


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return element.findall(f"{_PREFIX}{name}")


def _text(element: etree._Element, name: str) -> str:
    found = element.find(f"{_PREFIX}{name}")
    if found is None:
        local = etree.QName(element).localname
        raise InvalidEvent(f"{name} is missing", path=f"/Event/{local}")
    # With the text behind comments.
    return (found.text or "") + "".join(each.tail or "" for each in found)


def _optional(element: etree._Element, name: str) -> str | None:
    return None if element.find(f"{_PREFIX}{name}") is None else _text(element, name)


def _finite(element: etree._Element, name: str) -> float | None:
    value = float(_text(element, name))
    return value if math.isfinite(value) else None
