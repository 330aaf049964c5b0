"""Read and write XML from outside, safely.

Rule: whoever parses bytes that came from another process does it here.
"""

from __future__ import annotations

import copy
import re
from typing import Any, NamedTuple

from lxml import etree

from clacks_events.errors import MalformedEvent

__all__ = [
    "MAX_SIZE",
    "Frame",
    "check_size",
    "decoded",
    "detached",
    "enclosed",
    "local_name",
    "parse_xml",
    "serialise",
    "sound",
]

MAX_SIZE = 10_000_000
"""How many bytes one document may have unless told otherwise."""

# Entities stay unresolved, nothing is fetched, and without huge_tree libxml2 itself
# refuses more than 256 levels and amplification.
_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "decompress": False,
}
_PARSER = etree.XMLParser(**_SAFE)
# For what we have written ourselves: a tree that was built may be of any depth.
_DEEP_PARSER = etree.XMLParser(**_SAFE | {"huge_tree": True})
_HIGHEST_LINE = 65535
_DECLARATION = re.compile(r"^\ufeff?\s*<\?xml\s[^>]*\?>")
_PROLOG = re.compile(r"(?:[\ufeff\s]|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_POSITION = re.compile(r", line \d+, column \d+.*$", re.DOTALL)


def parse_xml(data: bytes | str, *, max_size: int = MAX_SIZE) -> etree._Element:
    """Parse one document from an untrusted place and return its root.

    Text may carry an XML declaration; its encoding is then ignored. Raises MalformedEvent for
    whatever is not well-formed, too large (``max_size`` in bytes), too deep, or has a DOCTYPE.
    """
    if isinstance(data, str):
        data = _encoded(data)
    check_size(data, max_size)
    try:
        root: etree._Element = etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError as error:
        raise _malformed(error) from error
    if not _begins_with_root(data) and root.getroottree().docinfo.internalDTD is not None:
        line = _doctype_line(data, root.getroottree().docinfo.encoding)
        raise MalformedEvent("a DOCTYPE is not allowed: it could define entities", line=line)
    return root


def _begins_with_root(data: bytes) -> bool:
    # A DOCTYPE stands before the root. Nothing does where the first bytes are "<" and a letter:
    # in UTF-16 the second one is zero, and in EBCDIC the first one is no "<".
    return data[:1] == b"<" and data[1:2].isalpha()


def check_size(data: bytes, max_size: int) -> None:
    """Raise MalformedEvent for more than ``max_size`` bytes."""
    if len(data) > max_size:
        raise MalformedEvent(f"{len(data)} bytes are more than the {max_size} allowed")


def _doctype_line(data: bytes, encoding: str | None) -> int:
    try:
        text = data.decode(encoding or "utf-8", "replace")
    except LookupError:
        # libxml2 knows encodings that Python does not.
        text = data.decode("latin-1")
    found = _PROLOG.match(text)
    return 1 + (found[0].count("\n") if found else 0)


def _encoded(text: str) -> bytes:
    try:
        # Blanks take its place, so that errors name the caller's lines and columns.
        return _DECLARATION.sub(lambda found: re.sub(r"\S", " ", found[0]), text).encode()
    except UnicodeEncodeError as error:
        raise MalformedEvent(f"not Unicode text: {error.reason}") from error


def _malformed(error: etree.XMLSyntaxError) -> MalformedEvent:
    line, column = error.position
    at = f" (column {column})" if line and column > 1 else ""
    return MalformedEvent(f"not well-formed XML: {_reason(error)}{at}", line=line or 0)


def _reason(error: etree.XMLSyntaxError) -> str:
    return _POSITION.sub("", error.msg or "") or "not XML"


def decoded(data: bytes) -> str:
    """Return the text of a document, whatever its encoding; raise as ``parse_xml`` does.

    An XML declaration stays in it.
    """
    encoding = parse_xml(data).getroottree().docinfo.encoding or "utf-8"
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        # libxml2 knows encodings that Python does not.
        return serialise(parse_xml(data)).decode()


def serialise(element: etree._Element) -> bytes:
    """Write an element as UTF-8, without declaration and tail."""
    return etree.tostring(element, encoding="utf-8", with_tail=False)


def sound(element: etree._Element) -> etree._Element:
    """Return an element, or a copy of it if lxml would write names of its tree wrong.

    In memory an element in no namespace may stand below a default namespace, and append() may
    leave a name with a prefix that its element declares anew: written, each would be another
    name. The copy declares what it needs. A tree that was parsed is always sound.
    """
    data = serialise(element)
    if not _may_be_miswritten(data):
        return element
    try:
        written = etree.fromstring(data, _DEEP_PARSER)
    except etree.XMLSyntaxError:
        return _explicit(element)
    return _explicit(element) if _differs(element, written) else element


def _may_be_miswritten(data: bytes) -> bool:
    # One prefix alone is never in the way of another.
    return b"xmlns=" in data or data.count(b"xmlns:") > 1


def _differs(element: etree._Element, written: etree._Element) -> bool:
    pairs = zip(element.iter("*"), written.iter("*"), strict=True)
    return any(old.tag != new.tag or old.attrib != new.attrib for old, new in pairs)


def detached(element: etree._Element) -> etree._Element:
    """Copy a sound element so that every name in the copy means what it meant.

    That holds for the prefixes in values such as ``xsi:type`` as well.
    """
    twin = copy.deepcopy(element)
    if element.getparent() is not None and _loses(element, twin):
        twin = _reread(serialise(element))
        _copy_lines(element, twin)
    twin.tail = None
    return twin


class Frame(NamedTuple):
    """The two tags around an element, and the namespace declaration of the first."""

    start: bytes
    declaration: bytes
    end: bytes


def enclosed(
    element: etree._Element, frame: Frame, *, is_parsed: bool
) -> tuple[bytes, etree._Element]:
    """Write an element between two tags; return what was written, and its root.

    Names and lines of the element stay the same; the declaration is not repeated. A tree that
    was parsed (``is_parsed``) is known to be sound. Raises MalformedEvent for what cannot be read
    again: too deep, or with entities.
    """
    # Not by append(): it drops declarations that the new parent has under another prefix, and
    # prefixes in values are lost with them.
    inner = serialise(element)
    data, root = _framed(inner, frame)
    if not is_parsed and _may_be_miswritten(inner) and (root is None or _differs(element, root[0])):
        data, root = _framed(serialise(_explicit(element)), frame)
    if root is None:
        root = _reread(data)
    if (element.sourceline or 1) > 1 or b"\n" in inner:
        _copy_lines(element, root[0])
    return data, root


def _framed(inner: bytes, frame: Frame) -> tuple[bytes, etree._Element | None]:
    data = frame.start + _without(frame.declaration, inner) + frame.end
    try:
        return data, etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError:
        return data, None


def _without(declaration: bytes, data: bytes) -> bytes:
    # In the start tag only: that ends at the first ">", which values have as "&gt;".
    at = data.find(declaration, 0, data.find(b">"))
    return data if at < 0 else data[:at] + data[at + len(declaration) :]


def _loses(element: etree._Element, twin: etree._Element) -> bool:
    lost = element.nsmap.items() - twin.nsmap.items()
    if not lost:
        return False
    data = serialise(twin)
    return any(prefix is None or f"{prefix}:".encode() in data for prefix, _ in lost)


def _reread(data: bytes) -> etree._Element:
    try:
        root: etree._Element = etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError as error:
        raise MalformedEvent(f"not XML that can be read again: {_reason(error)}") from error
    return root


def _copy_lines(old: etree._Element, new: etree._Element) -> None:
    if not old.sourceline:
        return
    for before, after in zip(old.iter(), new.iter(), strict=True):
        line = before.sourceline or 0
        # lxml sets no line above.
        if line <= _HIGHEST_LINE:
            after.sourceline = line  # type: ignore[misc]  # read-only in the stubs alone


def _explicit(element: etree._Element) -> etree._Element:
    """Copy a tree, with ``xmlns=""`` where an element in no namespace needs it."""
    twin = etree.Element(element.tag, dict(element.attrib), nsmap=_declared(element))
    # An explicit stack: the depth of a tree built in memory has no limit.
    pending = [(element, twin)]
    while pending:
        old, new = pending.pop()
        new.text = old.text
        for child in old:
            if isinstance(child.tag, str):
                added = etree.SubElement(new, child.tag, dict(child.attrib), _declared(child))
                pending.append((child, added))
            else:
                added = copy.deepcopy(child)
                new.append(added)
            added.tail = child.tail
    return twin


def _declared(element: etree._Element) -> dict[str | None, str]:
    found = dict(element.nsmap)
    if found.get(None) and not str(element.tag).startswith("{"):
        found[None] = ""
    return found


def local_name(tag: str) -> str:
    """Return a Clark name without its namespace."""
    return tag.rpartition("}")[2]
