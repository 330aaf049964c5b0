"""An event to give to the command line."""

from __future__ import annotations

__all__ = ["event"]


def event(status: str = "busy", **attributes: str) -> bytes:
    """Return an event in its envelope, with ``attributes`` on the envelope, over five lines."""
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f'<Event xmlns="http://www.gonicus.de/Events"{given}><PhoneStatus>\n'
        f"<CallerId>100</CallerId>\n<ReceiverId>300</ReceiverId>\n<Status>{status}</Status>\n"
        "</PhoneStatus></Event>"
    ).encode()
