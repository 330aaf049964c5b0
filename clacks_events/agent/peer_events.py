"""What nodes and clients say, written as events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from clacks_events.agent.peers import ClientMethod, NetworkDevice, NodeMethod, NodeObject
from clacks_events.maker import EventMaker

__all__ = [
    "Capabilities",
    "Status",
    "client_announce",
    "client_leave",
    "client_ping",
    "client_poll",
    "client_signature",
    "node_announce",
    "node_capabilities",
    "node_leave",
    "node_status",
]

_MAKER: Final = EventMaker()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a node offers."""

    methods: tuple[NodeMethod, ...] = ()
    objects: tuple[NodeObject, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """How busy a node is."""

    load: float
    """0 is idle, 1 is that nothing is free."""
    workers: int
    indexed: bool | None = None


# Each raises MalformedEvent for text that XML cannot hold.


def node_announce(id: str) -> etree._Element:
    """Write a NodeAnnounce."""
    return _MAKER.NodeAnnounce(_MAKER.Id(id))


def node_capabilities(id: str, capabilities: Capabilities) -> etree._Element:
    """Write a NodeCapabilities."""
    methods = map(_node_method, capabilities.methods)
    objects = map(_node_object, capabilities.objects)
    return _MAKER.NodeCapabilities(_MAKER.Id(id), *methods, *objects)


def _node_method(method: NodeMethod) -> etree._Element:
    e = _MAKER
    return e.NodeMethod(
        e.Name(method.name),
        e.Path(method.path),
        e.Target(method.target),
        e.Signature(method.signature),
        e.Type(method.type),
        e.QueueRequired(method.queue_required),
        e.Documentation(method.documentation),
    )


def _node_object(kind: NodeObject) -> etree._Element:
    signature = () if kind.signature is None else (_MAKER.Signature(kind.signature),)
    return _MAKER.NodeObject(_MAKER.OID(kind.oid), *signature)


def node_status(id: str, status: Status, latency: float) -> etree._Element:
    """Write a NodeStatus; ``latency`` is in seconds."""
    e = _MAKER
    return e.NodeStatus(
        e.Load(float(status.load)),
        e.Latency(float(latency)),
        e.Workers(status.workers),
        e.Id(id),
        *(() if status.indexed is None else (e.Indexed(status.indexed),)),
    )


def node_leave(id: str) -> etree._Element:
    """Write a NodeLeave."""
    return _MAKER.NodeLeave(_MAKER.Id(id))


def client_announce(id: str, name: str, devices: Iterable[NetworkDevice]) -> etree._Element:
    """Write a ClientAnnounce of one device or more."""
    e = _MAKER
    network = e.NetworkInformation(*map(_network_device, devices))
    return e.ClientAnnounce(network, e.Id(id), e.Name(name))


def _network_device(device: NetworkDevice) -> etree._Element:
    e = _MAKER
    return e.NetworkDevice(
        e.Name(device.name),
        e.IPAddress(device.address),
        e.IPv6Address(device.address6),
        e.MAC(device.mac),
        e.Netmask(device.netmask),
        e.Broadcast(device.broadcast),
    )


def client_signature(id: str, name: str, methods: Iterable[ClientMethod]) -> etree._Element:
    """Write a ClientSignature."""
    e = _MAKER
    offered = [_client_method(method) for method in methods]
    return e.ClientSignature(
        *((e.ClientCapabilities(*offered),) if offered else ()), e.Id(id), e.Name(name)
    )


def _client_method(method: ClientMethod) -> etree._Element:
    e = _MAKER
    return e.ClientMethod(
        e.Name(method.name),
        e.Path(method.path),
        e.Signature(method.signature),
        e.Documentation(method.documentation),
    )


def client_ping(id: str) -> etree._Element:
    """Write a ClientPing."""
    return _MAKER.ClientPing(_MAKER.Id(id))


def client_leave(id: str) -> etree._Element:
    """Write a ClientLeave."""
    return _MAKER.ClientLeave(_MAKER.Id(id))


def client_poll() -> etree._Element:
    """Write a ClientPoll."""
    return _MAKER.ClientPoll()
