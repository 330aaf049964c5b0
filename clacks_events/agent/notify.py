"""Telling systemd how a service is doing.

Source: sd_notify(3): datagrams of KEY=VALUE lines to the socket in $NOTIFY_SOCKET.
"""

from __future__ import annotations

import logging
import os
import socket

__all__ = ["notify"]

log = logging.getLogger(__name__)


def notify(state: str) -> bool:
    """Send a state such as ``READY=1``, and tell whether anybody is there to hear it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        # The abstract namespace of Linux.
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
            door.connect(address)
            door.sendall(state.encode())
    except OSError:
        # A service that runs is worth more than one that is supervised.
        log.warning("systemd cannot be told %r", state, exc_info=True)
        return False
    return True
