"""The network interfaces of this machine, as far as the standard library tells them."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import uuid
from ipaddress import IPv6Address
from pathlib import Path

from clacks_events.agent.peers import NetworkDevice

__all__ = ["network_devices"]

# netdevice(7) and linux/sockios.h; the field of the answer begins behind the name.
_FLAGS, _ADDRESS, _BROADCAST, _NETMASK, _HARDWARE = 0x8913, 0x8915, 0x8919, 0x891B, 0x8927
_NAME_SIZE = 16
_LOOPBACK = 0x8
_IF_INET6 = Path("/proc/net/if_inet6")
# Nothing is sent there: a UDP socket only learns which way it would go (RFC 5737).
_ELSEWHERE = ("192.0.2.1", 9)


def network_devices() -> tuple[NetworkDevice, ...]:
    """Return the interfaces that have an address: without the loopback, unless it is alone.

    Where only Linux could tell, it is one interface without netmask and broadcast address.
    """
    found = _linux_devices() if sys.platform == "linux" else []
    return tuple(found) or (_some_device(),)


def _linux_devices() -> list[NetworkDevice]:
    addresses6 = _addresses6()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        names = [name for _, name in socket.if_nameindex()]
        devices = {name: _linux_device(probe, name, addresses6.get(name, "")) for name in names}
        loops = [name for name in names if _is_loopback(probe, name)]
    there = [device for device in devices.values() if device.address or device.address6]
    return [device for device in there if device.name not in loops] or there


def _linux_device(probe: socket.socket, name: str, address6: str) -> NetworkDevice:
    return NetworkDevice(
        name=name,
        address=_ipv4(probe, _ADDRESS, name),
        address6=address6,
        mac=_asked(probe, _HARDWARE, name)[2:8].hex(":"),
        netmask=_ipv4(probe, _NETMASK, name),
        broadcast=_ipv4(probe, _BROADCAST, name),
    )


def _asked(probe: socket.socket, question: int, name: str) -> bytes:
    """Return the answer of the kernel; nothing if the interface does not have that."""
    request = struct.pack("256s", name.encode()[: _NAME_SIZE - 1])
    try:
        return fcntl.ioctl(probe.fileno(), question, request)[_NAME_SIZE:]
    except OSError:
        return b""


def _ipv4(probe: socket.socket, question: int, name: str) -> str:
    answer = _asked(probe, question, name)
    return socket.inet_ntoa(answer[4:8]) if answer else ""


def _is_loopback(probe: socket.socket, name: str) -> bool:
    answer = _asked(probe, _FLAGS, name)
    return bool(answer) and bool(struct.unpack_from("H", answer)[0] & _LOOPBACK)


def _addresses6() -> dict[str, str]:
    """Return an IPv6 address for each interface that has one, a global one first."""
    try:
        lines = [line.split() for line in _IF_INET6.read_text().splitlines()]
    except OSError:
        return {}
    found: dict[str, str] = {}
    for digits, _, _, _scope, _, name in sorted(lines, key=lambda line: line[3]):
        found.setdefault(name, str(IPv6Address(bytes.fromhex(digits))))
    return found


def _some_device() -> NetworkDevice:
    mac = uuid.getnode().to_bytes(6, "big").hex(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
            address = str(probe.getsockname()[0])
        except OSError:
            address = ""
    return NetworkDevice(name="default", address=address, mac=mac)
