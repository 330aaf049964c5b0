"""Routing keys, patterns, and the table that brings them together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clacks_events.topic import (
    ALL,
    TopicTable,
    matches,
    routing_key,
    simplified,
    source_pattern,
    split_words,
    type_pattern,
)


def reference(pattern: list[str], words: list[str]) -> bool:
    """The rules of AMQP 0-9-1, 3.1.3.3, as they are written."""
    if not pattern:
        return not words
    first, rest = pattern[0], pattern[1:]
    if first == "#":
        return any(reference(rest, words[at:]) for at in range(len(words) + 1))
    if not words:
        return False
    return first in ("*", words[0]) and reference(rest, words[1:])


KEYS = st.lists(st.sampled_from(["a", "b", "Event", ""]), max_size=7).map(".".join)
PATTERNS = st.lists(st.sampled_from(["a", "b", "Event", "", "*", "#", "#"]), max_size=6).map(
    ".".join
)


@given(PATTERNS, KEYS)
@example("#", "")
@example("*", "")
@example("", "")
@example("#.*.#", "a")
@example("#.a.#.b", "a.a.b.a.b")
@example("a.#", "a")
@example("*.#.*", "a")
def test_matching_follows_the_rules(pattern: str, key: str) -> None:
    expected = reference(split_words(pattern), split_words(key))
    assert matches(pattern, key) is expected
    table: TopicTable[str] = TopicTable()
    table.add(pattern, "target")
    assert list(table.route(key)) == ["target"] * expected


@given(st.lists(st.tuples(PATTERNS, st.integers(0, 3))), KEYS, st.data())
def test_a_table_routes_like_its_patterns(
    entries: list[tuple[str, int]], key: str, data: st.DataObject
) -> None:
    table: TopicTable[int] = TopicTable()
    for pattern, target in entries:
        table.add(pattern, target)
        table.route(key)
    left = set(entries)
    for pattern, target in data.draw(
        st.lists(st.sampled_from(entries)) if entries else st.just([])
    ):
        table.remove(pattern, target)
        left.discard((pattern, target))
    expected = {target for pattern, target in left if matches(pattern, key)}
    routed = list(table.route(key))
    assert set(routed) == expected
    assert len(routed) == len(expected)


def test_what_is_not_there_is_removed_in_silence() -> None:
    table: TopicTable[int] = TopicTable()
    table.add("a.b", 1)
    table.remove("a.b", 2)
    table.remove("a.b.c", 1)
    table.remove("", 1)
    assert list(table.route("a.b")) == [1]


def test_a_table_does_not_remember_every_key() -> None:
    table: TopicTable[int] = TopicTable()
    table.add("#", 1)
    for number in range(25_000):
        assert list(table.route(f"k.{number}")) == [1]
    table.remove("#", 1)
    assert list(table.route("k.1")) == []


NAMES = st.one_of(
    st.sampled_from(
        [
            "Phone",
            "a.b",
            "*",
            "#",
            "-",
            "%2E",
            "a b",
            "Größe",
            "x" * 61,
            "é" * 40,
            "a" * 300,
            "\U0001f4de",
        ]
    ),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=90),
)
LINEAGES = st.lists(
    NAMES.map(lambda name: "{urn:x}" + name.replace("}", "")), min_size=1, max_size=9
)
SOURCES = st.none() | NAMES


@given(LINEAGES, SOURCES)
def test_keys_are_short_and_well_formed(lineage: list[str], source: str | None) -> None:
    key = routing_key(lineage, source)
    words = key.split(".")
    assert len(key.encode()) <= 255
    assert words[0] == "Event"
    assert 3 <= len(words) <= len(lineage) + 2
    assert not any(char in "*# \t\n" for char in key)
    assert matches(ALL, key)


@given(LINEAGES, SOURCES)
def test_each_pattern_of_an_event_selects_it(lineage: list[str], source: str | None) -> None:
    key = routing_key(lineage, source)
    kept = len(key.split(".")) - 2
    for name in lineage[-kept:]:
        assert matches(type_pattern(name), key)
        if source:
            assert matches(type_pattern(name, source), key)
    if source:
        assert matches(source_pattern(source), key)


@given(LINEAGES, SOURCES)
def test_patterns_are_short_as_well(lineage: list[str], source: str | None) -> None:
    for name in lineage:
        assert len(type_pattern(name, source).encode()) <= 255
    assert len(source_pattern(source or "-").encode()) <= 255


def test_the_own_type_and_the_source_are_never_left_out() -> None:
    lineage = [f"{{urn:x}}{letter * 60}" for letter in "abcdef"]
    words = routing_key(lineage, "s" * 60).split(".")
    assert words == ["Event", "d" * 60, "e" * 60, "f" * 60, "s" * 60]


@pytest.mark.parametrize(
    ("lineage", "source", "key"),
    [
        (["{u}Phone"], "pbx", "Event.Phone.pbx"),
        (["Plain"], None, "Event.Plain.-"),
        (["Plain"], "", "Event.Plain.-"),
        (["Plain"], "-", "Event.Plain.%2D"),
        (["{u}Base", "{v}Sub"], "a.b", "Event.Base.Sub.a%2Eb"),
        (["a.b"], "x y*#%", "Event.a%2Eb.x%20y%2A%23%25"),
        (["Größe"], "tür\u00a0", "Event.Größe.tür%C2%A0"),
    ],
)
def test_spelling(lineage: list[str], source: str | None, key: str) -> None:
    assert routing_key(lineage, source) == key


def test_patterns() -> None:
    assert type_pattern("{u}Phone") == "Event.#.Phone.#"
    assert type_pattern("{u}a.b", "x y") == "Event.#.a%2Eb.#.x%20y"
    assert source_pattern("pbx") == "#.pbx"
    assert source_pattern("-") == "#.%2D"


def test_no_source_and_the_source_dash_are_two() -> None:
    assert not matches(source_pattern("-"), routing_key(["T"], None))
    assert not matches(type_pattern("T", "-"), routing_key(["T"], None))
    assert matches("#.-", routing_key(["T"], None))


def test_other_types_and_sources_are_not_selected() -> None:
    key = routing_key(["{u}Base", "{u}Sub"], "pbx")
    for pattern in (type_pattern("Ba"), type_pattern("Sub", "other"), source_pattern("Sub")):
        assert not matches(pattern, key)


@given(NAMES, NAMES)
@example("x" * 61, "x" * 62)
@example("a.b", "a%2Eb")
def test_different_names_are_different_words(one: str, other: str) -> None:
    keys = {routing_key(["T"], one), routing_key(["T"], other)}
    assert len(keys) == len({one, other})


def test_long_words_end_in_a_hash() -> None:
    word = routing_key(["T"], "é" * 100).split(".")[-1]
    assert len(word.encode()) <= 60
    assert word.startswith("é" * 20)
    assert word == routing_key(["T"], "é" * 100).split(".")[-1]


@given(st.lists(PATTERNS))
def test_simplified_selects_the_same(patterns: list[str]) -> None:
    found = simplified(patterns)
    assert set(found) <= set(patterns)
    assert all(one < other for one, other in pairwise(found))
    assert found == ((ALL,) if ALL in patterns else tuple(sorted(set(patterns))))


def test_a_table_is_not_led_astray_by_many_wildcards() -> None:
    # Without care each "#" would try each place again: 40 to the power of 20.
    table: TopicTable[str] = TopicTable()
    table.add(".".join(["#", "a"] * 20), "target")
    assert set(table.route(".".join(["a"] * 40))) == {"target"}
    assert not table.route(".".join(["a"] * 39 + ["b"]))
