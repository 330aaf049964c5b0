"""Patterns, their scores, and which of them a name gets."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clacks_events import NameTaken, NotRegistered
from clacks_events.signals.globs import GlobTable


def table(*patterns: str) -> GlobTable[str]:
    """Return a table in which each pattern is its own value."""
    made: GlobTable[str] = GlobTable()
    for pattern in patterns:
        made.add(pattern, pattern)
    return made


def test_an_exact_name_goes_before_each_glob() -> None:
    globs = table("kil*", "kili*il", "kilil")
    assert globs.find("kilil") == "kilil"
    assert globs.find("kililo") == "kil*"
    assert globs.find("kil") == "kil*"
    assert globs.find("ki") is None


def test_a_star_stands_for_any_characters_a_slash_among_them() -> None:
    globs = table("*/*", "zer*o*")
    assert globs.find("ryjt") is None
    assert globs.find("trhzrt/rztyrt") == "*/*"
    assert globs.find("/") == "*/*"
    assert [globs.find(name) for name in ("zero", "zerkozz", "zer/o", "zer/x/o/y")] == [
        "zer*o*"
    ] * 4


def test_the_glob_with_more_literal_characters_wins() -> None:
    names = {"alij": "a*", "azdf": "az*", "az": "az*", "azef": "aze*", "qsd": None}
    for globs in (table("a*", "az*", "aze*"), table("aze*", "az*", "a*")):
        assert {name: globs.find(name) for name in names} == names


def test_of_equal_scores_the_pattern_registered_first_wins() -> None:
    assert table("a*", "*b").find("ab") == "a*"
    assert table("*b", "a*").find("ab") == "*b"
    # Stars are no literal characters, however many.
    assert table("a*", "*a*", "**a").find("a") == "a*"
    globs = table("a*", "*b")
    globs.add("a*", globs.remove("a*"))
    assert globs.find("ab") == "*b"


def test_a_star_may_stand_for_nothing_and_a_character_counts_once() -> None:
    assert table("ab*ba").find("abba") == "ab*ba"
    assert table("ab*ba").find("aba") is None
    assert table("*a*a*").find("a") is None
    assert table("*").find("") == "*"
    assert table("").find("") == ""


def test_nothing_else_is_special_and_case_matters() -> None:
    globs = table("a?c*", "[ab]*", "a.c*", "\\d*", "A*")
    for name, found in {
        "abc": None,
        "a?c": "a?c*",
        "[ab]": "[ab]*",
        "a.c": "a.c*",
        "\\d5": "\\d*",
        "5": None,
        "A": "A*",
        "a": None,
    }.items():
        assert globs.find(name) == found


def test_a_name_that_holds_a_star_is_a_name() -> None:
    globs = table("a*", "a*b*")
    assert globs.find("a*") == "a*"
    assert globs.find("a*b") == "a*b*"


@pytest.mark.parametrize("pattern", ["exact", "glo*b"])
def test_a_pattern_is_registered_once_and_removed_once(pattern: str) -> None:
    globs: GlobTable[int] = GlobTable()
    globs.add(pattern, 1)
    with pytest.raises(NameTaken, match=re.escape(repr(pattern))):
        globs.add(pattern, 2)
    assert globs.find(pattern) == 1
    assert globs.remove(pattern) == 1
    assert globs.find(pattern) is None
    with pytest.raises(NotRegistered, match=re.escape(repr(pattern))):
        globs.remove(pattern)
    globs.add(pattern, 3)
    assert globs.find(pattern) == 3


def test_a_table_knows_its_patterns_in_the_order_of_trying() -> None:
    globs = table("*", "a*", "b", "*c*", "a", "ab*")
    assert list(globs.patterns) == ["b", "a", "ab*", "a*", "*c*", "*"]
    assert len(globs) == 6
    globs.remove("a*")
    globs.remove("a")
    assert list(globs.patterns) == ["b", "ab*", "*c*", "*"]
    assert len(globs) == 4


def test_patterns_with_many_stars_are_no_trap() -> None:
    # With backtracking, each of them would take longer than anybody waits.
    globs = table("*a" * 40 + "*b", "*" + "*ab" * 40 + "*c", "*" * 200 + "d")
    assert globs.find("a" * 20_000) is None
    assert globs.find("a" * 20_000 + "d") == "*" * 200 + "d"
    assert globs.find("ab" * 10_000) == "*a" * 40 + "*b"


PATTERNS = st.text("ab/*", max_size=6)


@given(st.lists(PATTERNS, unique=True, max_size=8), st.text("ab/", max_size=8))
def test_the_best_pattern_is_found(patterns: list[str], name: str) -> None:
    fitting = [
        pattern
        for pattern in patterns
        if re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name)
    ]
    best = max(fitting, key=lambda each: len(each.replace("*", "")), default=None)
    assert table(*patterns).find(name) == (name if name in patterns else best)
