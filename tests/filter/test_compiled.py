"""The compiled evaluator means what the elementpath-based engine means, query by query."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from clacks_events import Event
from clacks_events.errors import EvaluationError, FilterError
from clacks_events.filter import Subject
from clacks_events.filter.compiled import NotLowerable, lower
from clacks_events.filter.xquery import Query, parse_query, to_module
from tests.filter.test_xquery import DOCUMENTS, HEADERS, SECTIONS

SUBJECTS = [Subject(Event.from_xml(xml), HEADERS) for xml in DOCUMENTS.values()]
# In an envelope, what was the root is a level further down.
ROOTS = re.compile(r"(?<![/\w.*)\]@}\"'])(\.?)/(?=(order|weather|a|r)\b)")


def letter(decide: Callable[[], bool]) -> str:
    try:
        return "FT"[decide()]
    except EvaluationError:
        return "E"


def parsed(text: str) -> Query | None:
    try:
        return parse_query(text)
    except FilterError:
        return None


def by_elementpath(query: Query) -> str:
    return "".join(
        letter(lambda s=subject: query.evaluate_wrapped(s.wrapped, HEADERS))  # type: ignore[misc]
        for subject in SUBJECTS
    )


def by_closures(query: Query) -> str:
    matcher = lower(to_module(query))
    return "".join(
        letter(lambda s=subject: matcher(s))  # type: ignore[misc]
        for subject in SUBJECTS
    )


@pytest.mark.parametrize("section", list(SECTIONS))
def test_both_engines_say_the_same(section: str) -> None:
    compiled = 0
    for case in SECTIONS[section]:
        for text in {case.query, ROOTS.sub(r"\1/*/", case.query)}:
            query = parsed(text)
            if query is None:
                continue
            try:
                found = by_closures(query)
            except NotLowerable:
                continue
            assert found == by_elementpath(query), text
            compiled += 1
    assert compiled > 0 or section in LEFT_TO_ELEMENTPATH


LEFT_TO_ELEMENTPATH = frozenset(("Lookup (3.11.3)", "lang()"))


def test_what_cannot_be_compiled_says_why() -> None:
    with pytest.raises(NotLowerable, match="parse-json"):
        lower(to_module(parse_query("exists(parse-json('{}'))")))


@pytest.mark.parametrize(
    "query",
    [
        "declare variable $when external; string($when) = '2024-05-01T12:00:00Z'",
        "declare variable $blob external; string($blob) = 'AAEC'",
    ],
)
def test_both_engines_take_a_header_for_the_same_value(query: str) -> None:
    parsed_query = parse_query(query)
    assert by_closures(parsed_query) == by_elementpath(parsed_query) == "T" * len(SUBJECTS)
