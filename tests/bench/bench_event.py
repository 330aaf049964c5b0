"""What does it cost to make an event of bytes, and to ask it what every filter asks?

``lxml.fromstring`` with our parser is what cannot be saved; the rest is the envelope.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from lxml import etree

from clacks_events import Event
from clacks_events.xml import parse_xml
from tests.bench.bench import Contender, alternate, headline, show, timed
from tests.bench.rivals import CALL, call_event

ROUNDS = 50
TIMES = 2000  # per round
# As clacks_events.xml has it: nothing is resolved, nothing fetched.
HARDENED: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "decompress": False,
}


def contenders(data: bytes) -> list[Contender]:
    event = call_event()
    parser = etree.XMLParser(**HARDENED)
    alone = contender("lxml.fromstring, hardened parser", lambda: etree.fromstring(data, parser))
    actions: dict[str, Callable[[], object]] = {
        "parse_xml": lambda: parse_xml(data),
        "Event.from_xml": lambda: Event.from_xml(data),
        "Event.from_xml of a bare payload": lambda: Event.from_xml(CALL),
        "event.type": lambda: event.type,
        "event.source": lambda: event.source,
        "event.element": lambda: event.element,
        "event.document": lambda: event.document,
        "nothing": lambda: None,
    }
    return [alone, *(contender(name, action, alone) for name, action in actions.items())]


def contender(name: str, action: Callable[[], object], rival: Contender | None = None) -> Contender:
    return Contender(name, partial(timed, action, TIMES), rival)


def main() -> None:
    data = call_event().xml
    found = contenders(data)
    alternate(found, ROUNDS)
    headline(f"an event of {len(data)} bytes; the ratio is to lxml alone")
    show(found)


if __name__ == "__main__":
    main()
