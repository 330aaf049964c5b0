"""What a client subscribes to: the name of events, or a query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from clacks_events.event import JsonValue
from clacks_events.gateway.afb.refusals import invalid

__all__ = ["Subject", "subject_of", "type_and_source"]

# Letters of all alphabets, as XML allows them; a type may be a Clark name.
_NAME = re.compile(
    r"""(?:(?P<source>[^/.\[\](){}<>='"$@!|,;][^\[\](){}<>='"$@!|,;]*)/)?"""
    r"(?P<type>\{[^{}]*\}[^\W\d][\w.\-]*|(?:[^\W\d]|\*)[\w.\-*]*)"
)
_FORMS: Final = ("value", "event", "query")
_SOURCE: Final = "/e:Event/@source"
_TYPE: Final = "local-name(/e:Event/*)"


@dataclass(frozen=True, slots=True)
class Subject:
    """What to receive: all that is given must fit. Two that are equal mean the same."""

    text: str
    """What the client is told it has."""
    types: tuple[str, ...] = ()
    source: str | None = None
    query: str | None = None


def subject_of(args: JsonValue) -> Subject:
    """Return what a client wants: text, or the same as ``value``, ``event`` or ``query``.

    Text is a name if it has the form ``Type`` or ``source/Type``, where each of both may hold
    one ``*``, and a query otherwise. Raises Refusal.
    """
    if isinstance(args, str):
        return _subject(args)
    if not isinstance(args, dict) or len(args) != 1 or next(iter(args)) not in _FORMS:
        raise invalid('what to receive is text, or {"value": text}, or {"query": text}')
    ((form, text),) = args.items()
    if not isinstance(text, str):
        raise invalid(f"the {form} is text")
    return Subject(text, query=text) if form == "query" else _subject(text)


def _subject(text: str) -> Subject:
    if not text.strip():
        raise invalid("an empty name")
    found = _NAME.fullmatch(text)
    if found is None:
        return Subject(text, query=text)
    source, type = found["source"] or "*", found["type"]
    name = f"{source}/{type}"
    conditions = [*_conditions(source, _SOURCE, name), *_conditions(type, _TYPE, name)]
    return Subject(
        name,
        types=() if "*" in type else (type,),
        source=None if "*" in source else source,
        query=" and ".join(conditions) or None,
    )


def _conditions(glob: str, value: str, name: str) -> list[str]:
    """Return what a query asks of a value for a glob; nothing for ``*`` and for plain text."""
    if glob.count("*") > 1:
        raise invalid(f"{name!r}: a source and a type may have one * each")
    if "*" not in glob or glob == "*":
        return []
    start, _, end = glob.partition("*")
    found = []
    if start:
        found.append(f"starts-with({value}, {_literal(start)})")
    if end:
        found.append(f"ends-with({value}, {_literal(end)})")
    if start and end:
        # Else the two could share characters.
        found.append(f"string-length({value}) >= {len(start) + len(end)}")
    return found


def _literal(text: str) -> str:
    # XQuery 3.1, 2.4.1 and 3.1.1: a quote is doubled, an ampersand begins a reference.
    escaped = text.replace("&", "&amp;").replace('"', '""')
    return f'"{escaped}"'


def type_and_source(name: str) -> tuple[str, str | None]:
    """Take the name of one kind of events apart. Raises Refusal for a glob and for a query."""
    found = _NAME.fullmatch(name)
    if found is None or "*" in name:
        raise invalid(f"not the name of an event: {name[:200]!r}; that is Type or source/Type")
    return found["type"], found["source"]
