"""Schema files and payloads for the tests of the catalog."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from clacks_events.catalog import Catalog
from clacks_events.envelope import NAMESPACE

T = "{urn:t}"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

_BOUND = (
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:o="urn:o"'
    f' xmlns:e="{NAMESPACE}" xmlns:vc="http://www.w3.org/2007/XMLSchema-versioning"'
)


def xsd(body: str, *, target: str | None = "urn:t", more: str = "") -> str:
    """Write a schema; the prefixes xs, t (urn:t), o (urn:o), e and vc are bound."""
    if target:
        more += f' targetNamespace="{target}"'
    return f'<xs:schema {_BOUND} elementFormDefault="qualified" {more}>\n{body}\n</xs:schema>'


def element(name: str, kind: str = "xs:int", more: str = "") -> str:
    """Declare an element."""
    return f'<xs:element name="{name}" type="{kind}" {more}/>'


def put(directory: Path, files: dict[str, str]) -> Path:
    """Write files below a directory and return it."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def catalog(directory: Path, files: dict[str, str], *, strict: bool = True) -> Catalog:
    """Load the files as the only schemas."""
    return Catalog([put(directory, files)], builtin=False, strict=strict)


def payload(text: str) -> etree._Element:
    """Parse a payload; the prefixes t, o and xsi are bound on its root."""
    end = min(at for at in (text.find(c) for c in " />") if at > 0)
    bound = f' xmlns:t="urn:t" xmlns:o="urn:o" xmlns:xsi="{XSI}"'
    return etree.fromstring(text[:end] + bound + text[end:])


def accepts(known: Catalog, text: str) -> bool:
    """Tell whether a payload of a known type is valid."""
    from clacks_events.errors import InvalidEvent

    try:
        known.validate(payload(text))
    except InvalidEvent:
        return False
    return True


def names(known: Catalog) -> list[str]:
    """Return the event types by local name."""
    return [kind.local_name for kind in known.types]
