"""``POST /filters/explain``: what becomes of a query, and of an event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from clacks_events.errors import MalformedEvent
from clacks_events.event import Event
from clacks_events.filter import Filter, Subject
from clacks_events.gateway.access import Principal, principal_of
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.plain.answers import json_body, live
from clacks_events.gateway.plain.entry import ANY, JSON, TEXT, Entry, Operation, answer
from clacks_events.gateway.problem import Problem

__all__ = ["entries"]

_LARGEST: Final = 1024 * 1024
_STAGES: Final = frozenset(
    ("query", "parsed", "rule", "types", "sources", "headers", "bindings", "residual", "engine")
) | {"index"}
_TEXTS: Final = {"type": "array", "items": TEXT}
_ANY_OF: Final = {"type": ["array", "null"], "items": TEXT, "description": "null is any"}
_ASKED: Final[dict[str, Any]] = {
    "query": {**TEXT, "description": "XQuery"},
    "types": {**_TEXTS, "description": "Event types, each with those that derive from it."},
    "source": {**TEXT, "description": "Where events come from."},
    "namespaces": {**ANY, "additionalProperties": TEXT, "description": "Prefixes of the query."},
    "event": {**TEXT, "description": "An event as XML: does it match?"},
    "headers": {**ANY, "description": "The headers that come with the event."},
}
_EXPLAINED: Final[dict[str, Any]] = {
    "types": _ANY_OF,
    "sources": _ANY_OF,
    "bindings": {**_TEXTS, "description": "The topic patterns that the broker decides by."},
    "stages": {
        "type": "array",
        "items": {**ANY, "properties": {"stage": TEXT, "says": TEXT, "lines": _TEXTS}},
    },
    "event": {
        **ANY,
        "properties": {"matches": {"type": "boolean"}, "says": TEXT, "lines": _TEXTS},
    },
    "text": {**TEXT, "description": "All of it, as `clacks-events explain` prints it."},
}
_EXPLAIN: Final = Operation(
    id="explainFilter",
    tag="events",
    summary="Explain a filter",
    text=(
        "What a query is parsed to, what each rule makes of it, what the broker decides, and what"
        " is left; with an event, whether it matches and why not. The bounds are those of"
        " subscriptions. A query at fault is refused with `line` and `column`."
    ),
    body={JSON: {"type": "object", "properties": _ASKED, "additionalProperties": False}},
    answers={200: answer("The stages of the filter.", json={**ANY, "properties": _EXPLAINED})},
    problems=(403, 413, 415, 422, 429),
)


def entries(gate: Gate) -> list[Entry]:
    """Return the endpoint."""

    async def explain(request: Request) -> Response:
        asked = _checked(json_body(await _body(request)))
        principal = principal_of(request.scope)
        return live(await gate.bridge.run(_explained, gate, principal, asked))

    return [Entry("POST", "/filters/explain", _EXPLAIN, explain)]


async def _body(request: Request) -> bytes:
    # To its end, so that whoever is refused is not cut off while sending.
    body = await request.body()
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != JSON:
        raise Problem(415, f"this is asked in {JSON}", {"Accept": JSON})
    if len(body) > _LARGEST:
        raise Problem(413, f"a question has at most {_LARGEST} bytes")
    return body


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _is_headers(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, str | bool | int | float) for each in value.values()
    )


_FORMS: Final[dict[str, tuple[Callable[[object], bool], str]]] = {
    "query": (_is_text, "text"),
    "types": (_is_texts, "a list of names"),
    "source": (_is_text, "text"),
    "namespaces": (_is_mapping, "an object of texts"),
    "event": (_is_text, "text: an event as XML"),
    "headers": (_is_headers, "an object of texts, numbers and booleans"),
}


def _checked(asked: dict[str, Any]) -> dict[str, Any]:
    for key, value in asked.items():
        if key not in _FORMS:
            raise MalformedEvent(f"no member {key[:100]!r}; known: {', '.join(_FORMS)}", path="$")
        is_right, form = _FORMS[key]
        if value is not None and not is_right(value):
            raise MalformedEvent(f"{form} is needed here", path=f"$.{key}")
    return {key: value for key, value in asked.items() if value is not None}


def _explained(gate: Gate, principal: Principal, asked: dict[str, Any]) -> dict[str, Any]:
    compiled = gate.compile(
        principal,
        query=asked.get("query"),
        types=asked.get("types", ()),
        source=asked.get("source"),
        namespaces=asked.get("namespaces"),
    ).filter
    text = compiled.explain()
    found: dict[str, Any] = {
        "types": None if compiled.types is None else sorted(compiled.types),
        "sources": None if compiled.sources is None else sorted(compiled.sources),
        "bindings": list(compiled.bindings),
        "stages": _stages(text.split("\n")),
    }
    if "event" in asked:
        verdict, says = _judged(gate, compiled, asked)
        found["event"] = verdict
        text += f"\n{says}"
    return {**found, "text": text}


def _judged(gate: Gate, compiled: Filter, asked: dict[str, Any]) -> tuple[dict[str, Any], str]:
    # Behind it is what takes long to import.
    from clacks_events.filter.explain import judge

    headers = asked.get("headers")
    subject = Subject(Event.from_xml(asked["event"], headers=headers, decoder=gate.catalog))
    found = judge(compiled, subject)
    first, *rest = found.text.split("\n")
    lines = [line.removeprefix("  ") for line in rest]
    return {"matches": found.matches, "says": first[10:].strip(), "lines": lines}, found.text


def _stages(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Take the lines of a person's explanation apart: a word, and what is indented below it."""
    found: list[dict[str, Any]] = []
    for line in lines:
        name = line[:10].strip()
        if name in _STAGES:
            found.append({"stage": name, "says": line[10:].strip(), "lines": []})
        else:
            # A string literal may go on at the beginning of a line.
            found[-1]["lines"].append(line.removeprefix("  "))
    return found
