"""The index finds exactly the filters that match, whatever comes and goes meanwhile."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clacks_events import ConfigError, Event, Filter, compile_filter
from clacks_events.event import HeaderValue
from clacks_events.filter import Subject
from clacks_events.filter.analysis.interest import Interest
from clacks_events.filter.index import FilterIndex, Indexable
from clacks_events.filter.nodes import External, Node

E = "http://www.gonicus.de/Events"
HEADERS: dict[str, HeaderValue] = {"color": "blue"}

PATHS = [
    *(f"./e:Event/e:{kind}/e:{name}" for kind in ("A", "B") for name in ("Id", "Status", "Size")),
    "/e:Event/e:A/e:Call/e:Id",
    "/e:Event/e:A/e:Call/@mode",
    "/e:Event/e:A/@mode",
    "/e:Event/@source",
    "/e:Event/@id",
    "/e:Event/e:A",
    "/e:Event",
    "/e:Event/*/e:Id",
    "/e:Event/*:A/*:Status",
    "/e:Event/e:B/e:*",
    "/*/*/*",
    "//e:Id",
    "//e:Call/@mode",
    "//*:Status",
    "/e:Other/e:A",
    "/e:Event/Bare",
]
TEXTS = ["1", "2", "7", "busy", "b", "", " 7 ", "7.0", "NaN", "INF", "-1", "1_0", "+3"]
NUMBERS = ["0", "1", "7", "7.0", "2.5", "-1", "1e1", "-3.5", "4", "6", "12", "100"]
NAMES = ["Id", "Status", "Size", "Call"]

paths = st.sampled_from(PATHS)
strings = st.sampled_from(TEXTS).map("'{}'".format)
numbers = st.sampled_from(NUMBERS)
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=3).map(lambda each: f"({', '.join(each)})")


leaves = st.one_of(
    paths,
    st.builds("{} = {}".format, paths, strings),
    st.builds("{} = {}".format, paths, strings),
    st.builds("{} = {}".format, strings, paths),
    st.builds("{} = {}".format, paths, listed(strings)),
    st.builds("{} != {}".format, paths, strings),
    st.builds("{} eq {}".format, paths, strings),
    st.builds("{} {} {}".format, paths, orders, numbers),
    st.builds("{} {} {}".format, numbers, orders, paths),
    st.builds("{} {} {}".format, paths, orders, listed(numbers)),
    st.builds("{0} >= {1} and {0} < {2}".format, paths, numbers, numbers),
    st.builds("starts-with({}, {})".format, paths, strings),
    st.builds("contains({}, {})".format, paths, strings),
    st.builds("ends-with({}, {})".format, paths, strings),
    st.builds("not({})".format, paths),
    st.builds("not({} = {})".format, paths, strings),
    st.builds("exists({})".format, paths),
    st.builds("empty({})".format, paths),
    st.builds("{} mod 2 = 1".format, paths),
    st.builds("count({}) = {}".format, paths, numbers),
    st.builds("{} = {}".format, paths, paths),
    st.builds("/e:Event/e:A[e:Id = {} and e:Size > {}]".format, strings, numbers),
    st.sampled_from([".", "true()", "false()", "'x'", "/e:Event[@source = ('n1', 'n2')]"]),
)
queries = st.recursive(
    leaves.map("({})".format),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda each: f"({' and '.join(each)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: f"({' or '.join(each)})"),
        inner.map("not({})".format),
    ),
    max_leaves=6,
)
filters = st.one_of(
    queries.map(compile_filter),
    queries.map(lambda text: compile_filter(text, types=(f"{{{E}}}A", "B"))),
    queries.map(lambda text: compile_filter(text, source="n1")),
    queries.map(
        lambda text: compile_filter(f"declare variable $color external; {text} and $color = 'blue'")
    ),
    st.sampled_from([compile_filter(None, types=("A",)), compile_filter(None, source="n2")]),
)

fields = st.recursive(
    st.builds("<e:{0}>{1}</e:{0}>".format, st.sampled_from(NAMES), st.sampled_from(TEXTS)),
    lambda inner: st.builds(
        "<e:{0}{1}>{2}</e:{0}>".format,
        st.sampled_from(NAMES),
        st.sampled_from(["", " mode='1'", " mode='busy'"]),
        st.lists(inner, max_size=3).map("<!-- 7 -->".join),
    ),
    max_leaves=4,
)
events = st.builds(
    "<e:Event xmlns:e='{0}'{2}><e:{1}{3}>{4}</e:{1}></e:Event>".format,
    st.just(E),
    st.sampled_from(["A", "A", "B", "C"]),
    st.sampled_from(["", " source='n1'", " source='n2' id='7'"]),
    st.sampled_from(["", " mode='busy'"]),
    st.lists(fields, max_size=6).map("".join),
).map(Event.from_xml)


@dataclass
class Reference:
    """What the index has to find, the slow way."""

    filters: dict[int, Filter] = field(default_factory=dict)

    def match(self, event: Event, headers: dict[str, HeaderValue] | None) -> list[int]:
        return [key for key, each in self.filters.items() if each.matches(event, headers)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(filters, min_size=1, max_size=40),
    st.lists(events, min_size=1, max_size=8),
    st.data(),
)
def test_finds_what_one_after_the_other_would_find(
    chosen: list[Filter], arriving: list[Event], data: st.DataObject
) -> None:
    index: FilterIndex[int] = FilterIndex()
    reference = Reference()
    for number, each in enumerate(chosen):
        index.add(number, each)
        reference.filters[number] = each
    leaving = data.draw(st.lists(st.sampled_from(range(len(chosen))), unique=True))
    gone: list[int | None] = [None, *leaving]
    for key in gone:
        if key is not None:
            index.remove(key)
            del reference.filters[key]
        for event in arriving:
            for headers in (None, HEADERS):
                assert index.match(event, headers) == reference.match(event, headers)
    assert len(index) == len(reference.filters)


def reading(*texts: str, name: str = "Size") -> Event:
    values = "".join(f"<e:{name}>{text}</e:{name}>" for text in texts)
    return Event.from_xml(f"<e:Event xmlns:e='{E}'><e:A>{values}</e:A></e:Event>")


BOUNDS = st.one_of(
    st.integers(-40, 40).map(str),
    st.decimals(-3, 3, places=2).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:e}"),
)
SIZE = "/e:Event/e:A/e:Size"
ranges = st.one_of(
    st.builds(f"{SIZE} {{}} {{}}".format, orders.filter(lambda each: each != "!="), BOUNDS),
    st.builds(f"{SIZE} >= {{}} and {SIZE} <= {{}}".format, BOUNDS, BOUNDS),
    st.builds(f"{SIZE} > {{}} and {SIZE} < {{}}".format, BOUNDS, BOUNDS),
)
SIZES = st.one_of(BOUNDS, st.sampled_from(["INF", "-INF", "NaN", "0", "-0.0", "none", ""]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ranges, min_size=14, max_size=30),
    st.lists(st.lists(SIZES, max_size=3), min_size=1, max_size=4),
    st.data(),
)
def test_finds_the_intervals_that_numbers_lie_in(
    chosen: list[str], arriving: list[list[str]], data: st.DataObject
) -> None:
    index: FilterIndex[int] = FilterIndex()
    reference = Reference()
    for number, text in enumerate(chosen):
        reference.filters[number] = compile_filter(text)
        index.add(number, reference.filters[number])
    for key in data.draw(st.lists(st.sampled_from(range(len(chosen))), unique=True)):
        index.remove(key)
        del reference.filters[key]
    for texts in arriving:
        assert index.match(reading(*texts)) == reference.match(reading(*texts), None)


@pytest.mark.parametrize("seed", range(3))
def test_finds_conjunctions_of_any_set_of_fields(seed: int) -> None:
    chance = random.Random(seed)
    index: FilterIndex[int] = FilterIndex()
    reference = Reference()
    names = [f"F{at}" for at in range(9)]
    for number in range(300):
        asked = chance.sample(names, chance.randint(1, 4))
        values = [chance.choice(["'0'", "('0', '1')", "1", "'1'"]) for _ in asked]
        text = " and ".join(
            f"/e:Event/e:A/e:{name} = {value}" for name, value in zip(asked, values, strict=True)
        )
        reference.filters[number] = compile_filter(text)
        index.add(number, reference.filters[number])
    for step in range(300):  # until none is left
        event = Event.from_xml(
            f"<e:Event xmlns:e='{E}'><e:A>"
            + "".join(field_of(chance, names) for _ in range(10))
            + "</e:A></e:Event>"
        )
        if step % 30 == 0:
            assert index.match(event) == reference.match(event, None)
        key = chance.choice(list(reference.filters))
        index.remove(key)
        del reference.filters[key]
    assert len(index) == 0


def field_of(chance: random.Random, names: list[str]) -> str:
    name = chance.choice(names)
    return f"<e:{name}>{chance.choice('012')}</e:{name}>"


def test_a_key_is_in_use_until_it_is_removed() -> None:
    index: FilterIndex[str] = FilterIndex()
    index.add("a", compile_filter("."))
    assert "a" in index
    assert len(index) == 1
    with pytest.raises(ConfigError, match="'a' is in use"):
        index.add("a", compile_filter("true()"))
    index.remove("a")
    assert "a" not in index
    with pytest.raises(ConfigError, match="no filter with the key 'a'"):
        index.remove("a")
    assert index.match(reading("1")) == []


def test_keys_come_in_the_order_of_their_adding() -> None:
    index: FilterIndex[str] = FilterIndex()
    for key, text in {"z": SIZE, "a": ".", "m": f"{SIZE} > 0", "b": f"{SIZE} = '1'"}.items():
        index.add(key, compile_filter(text))
    assert index.match(reading("1")) == ["z", "a", "m", "b"]


def test_an_empty_sequence_of_filters_matches_nothing() -> None:
    assert FilterIndex[str]().match(reading("1")) == []


@dataclass
class Counting:
    """A filter that counts how often it is evaluated."""

    filter: Filter
    evaluated: list[Event] = field(default_factory=list)

    @property
    def interest(self) -> Interest:
        return self.filter.interest

    @property
    def residual(self) -> Node:
        return self.filter.residual

    @property
    def externals(self) -> tuple[External, ...]:
        return self.filter.externals

    def evaluate(self, subject: Subject) -> bool:
        self.evaluated.append(subject.event)
        return self.filter.evaluate(subject)


BLUE = f"declare variable $color external; $color = 'blue' and {SIZE} = '1'"


def test_equal_filters_are_evaluated_once_for_each_event() -> None:
    same = [Counting(compile_filter(BLUE)) for _ in range(50)]
    index: FilterIndex[int] = FilterIndex()
    for number, each in enumerate(same):
        index.add(number, each)
    assert index.match(reading("1"), HEADERS) == list(range(50))
    assert sum(len(each.evaluated) for each in same) == 1


def test_what_the_values_rule_out_is_not_evaluated() -> None:
    counting = Counting(compile_filter(BLUE))
    index: FilterIndex[str] = FilterIndex()
    index.add("blue", counting)
    assert index.match(reading("2"), HEADERS) == []
    assert counting.evaluated == []


def test_filters_that_fail_are_named_once_with_their_error() -> None:
    failures: list[tuple[str, str]] = []
    index = FilterIndex[str](lambda key, error: failures.append((key, error.code)))
    index.add("fails", compile_filter(f"{SIZE} mod 2 = 1"))
    index.add("fails too", compile_filter(f"{SIZE} mod 2 = 1"))
    index.add("needs a header", compile_filter(BLUE))
    index.add("holds", compile_filter(f"{SIZE} = '1' or {SIZE} mod 2 = 1"))
    assert index.match(reading("1", "x")) == ["holds"]
    assert failures == [
        ("fails", "XPTY0004"),
        ("fails too", "XPTY0004"),
        ("needs a header", "XPDY0002"),
    ]


def test_an_alternative_that_fails_hides_those_behind_it() -> None:
    index: FilterIndex[str] = FilterIndex()
    index.add("before", compile_filter(f"{SIZE} > 5 or {SIZE} = 'x'"))
    index.add("behind", compile_filter(f"{SIZE} = 'x' or {SIZE} > 5"))
    assert index.match(reading("x")) == ["behind"]
    assert index.match(reading("7", "x")) == ["before", "behind"]


def test_a_stand_in_for_a_filter_will_do() -> None:
    index: FilterIndex[str] = FilterIndex()
    stand_in: Indexable = Counting(compile_filter(SIZE))
    index.add("a", stand_in)
    assert index.match(reading("1")) == ["a"]


def test_filters_that_stay_are_found_while_others_come_and_go() -> None:
    index: FilterIndex[int] = FilterIndex()
    texts = [f"{SIZE} = '1'", f"{SIZE} > 0", ".", f"{SIZE} mod 2 = 1", f"starts-with({SIZE}, '1')"]
    for number, text in enumerate(texts):
        index.add(number, compile_filter(text))
    others = [compile_filter(f"{SIZE} > {at / 99} and {SIZE} = ('1', '{at}')") for at in range(99)]
    others += [compile_filter(f"{SIZE} > {at / 99}") for at in range(99)]
    done = threading.Event()
    found: list[set[int]] = []

    def watch() -> None:
        event = reading("1")
        while not done.is_set():
            found.append(set(index.match(event)))

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    for _ in range(5):
        for number, each in enumerate(others):
            index.add(100 + number, each)
        for number in range(len(others)):
            index.remove(100 + number)
    done.set()
    for watcher in watchers:
        watcher.join()
    assert found
    assert all(each >= {0, 1, 2, 3, 4} for each in found)


@dataclass
class Adding(Counting):
    """A filter that adds another one to the index while it is evaluated."""

    index: FilterIndex[str] = field(default_factory=FilterIndex)

    def evaluate(self, subject: Subject) -> bool:
        self.index.add("late", compile_filter("not(/e:Event/*/e:Id = '1')"))
        return super().evaluate(subject)


def test_a_filter_that_is_added_during_a_match_is_not_mistaken_for_a_matching_one() -> None:
    adding = Adding(compile_filter(BLUE))
    adding.index.add("early", adding)
    adding.index.add("any", compile_filter("."))
    event = Event.from_xml(f"<A xmlns='{E}'><Size>1</Size><Id>1</Id></A>")
    assert adding.index.match(event, HEADERS) == ["early", "any"]
    adding.index.remove("early")
    assert adding.index.match(event) == ["any"]
    assert adding.index.match(reading("1")) == ["any", "late"]
