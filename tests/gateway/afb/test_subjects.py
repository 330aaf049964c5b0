"""Names, globs and queries."""

from __future__ import annotations

import pytest

from clacks_events import Catalog, EventMaker, compile_filter
from clacks_events.event import Event, JsonValue
from clacks_events.gateway.afb.refusals import Refusal
from clacks_events.gateway.afb.subjects import Subject, subject_of, type_and_source

CATALOG = Catalog()
NOTE = "{http://www.gonicus.de/Events}PhoneStatus"


def event(source: str) -> Event:
    e = EventMaker()
    call = e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status("busy"))
    return Event(e.Event(call, source=source), decoder=CATALOG)


def matches(subject: Subject, source: str) -> bool:
    compiled = compile_filter(
        subject.query,
        catalog=CATALOG,
        types=subject.types,
        source=subject.source,
        trusted=False,
    )
    return compiled.matches(event(source))


@pytest.mark.parametrize(
    ("text", "fits", "others"),
    [
        ("PhoneStatus", ["pbx", "a/b"], []),
        ("*/PhoneStatus", ["pbx", "a/b"], []),
        (NOTE, ["pbx"], []),
        (f"pbx/{NOTE}", ["pbx"], ["exchange"]),
        ("pbx/PhoneStatus", ["pbx"], ["exchange", "pbx/2", "a/pbx"]),
        ("plant/pbx 2/PhoneStatus", ["plant/pbx 2"], ["plant", "pbx 2"]),
        ("00:11:22/PhoneStatus", ["00:11:22"], ["00:11:23"]),
        ("pbx/*", ["pbx"], ["exchange"]),
        ("pbx/Asterisk*", [], ["pbx"]),
        ("*", ["pbx", "a/b"], []),
        ("*/*", ["pbx", "a/b"], []),
        ("p*/PhoneStatus", ["pbx", "p"], ["exchange"]),
        ("*x/PhoneStatus", ["pbx", "x"], ["exchange"]),
        ("pb*bx/PhoneStatus", ["pbbx", "pb-bx"], ["pbx"]),
        ("a&b*/PhoneStatus", ["a&b", "a&b2"], ["a&amp;b"]),
        ("pbx/Phone*", ["pbx"], ["exchange"]),
        ("pbx/*Status", ["pbx"], ["exchange"]),
        ("p*/Ph*us", ["pbx"], ["exchange"]),
        ("plant/*/Phone*", ["plant/pbx", "plant/a/b"], ["plant", "pbx"]),
        ("p*/PhoneSta*atus", [], ["pbx"]),
        ("/e:Event/e:PhoneStatus", ["pbx"], []),
        ("//e:Status = 'busy'", ["pbx"], []),
        ("/e:Event/@source = 'pbx'", ["pbx"], ["exchange"]),
        (".", ["pbx"], []),
        ("exists(//e:CallerId)", ["pbx"], []),
        ("not(//e:CallerId)", [], ["pbx"]),
    ],
)
def test_a_text_stands_for_events(text: str, fits: list[str], others: list[str]) -> None:
    subject = subject_of(text)

    assert [source for source in fits if not matches(subject, source)] == []
    assert [source for source in others if matches(subject, source)] == []


def test_all_ways_to_say_the_same_are_the_same() -> None:
    assert (
        subject_of("PhoneStatus")
        == subject_of("*/PhoneStatus")
        == subject_of({"value": "PhoneStatus"})
        == subject_of({"event": "*/PhoneStatus"})
    )
    assert subject_of("/e:Event") == subject_of({"query": "/e:Event"})
    # Said to be a query, it is one, although it looks like a name.
    assert subject_of({"query": "PhoneStatus"}) != subject_of("PhoneStatus")


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (None, "what to receive"),
        ([], "what to receive"),
        ({}, "what to receive"),
        (7, "what to receive"),
        ({"name": "x"}, "what to receive"),
        ({"value": "x", "event": "y"}, "what to receive"),
        ({"value": None}, "value is text"),
        ({"query": ["."]}, "query is text"),
        ("", "empty"),
        ("  ", "empty"),
        ("p*b*x/PhoneStatus", "one \\*"),
        ("pbx/*hone*", "one \\*"),
    ],
)
def test_what_says_nothing_is_refused(args: JsonValue, reason: str) -> None:
    with pytest.raises(Refusal, match=reason) as caught:
        subject_of(args)

    assert (caught.value.status, caught.value.code) == ("invalid-request", -12)


def test_the_name_of_one_kind_is_taken_apart() -> None:
    assert type_and_source("PhoneStatus") == ("PhoneStatus", None)
    assert type_and_source("a/b/PhoneStatus") == ("PhoneStatus", "a/b")
    assert type_and_source(f"pbx/{NOTE}") == (NOTE, "pbx")


@pytest.mark.parametrize("name", ["", "*", "pbx/*", "*/PhoneStatus", "/e:Event", "a b"])
def test_only_one_kind_can_be_pushed(name: str) -> None:
    with pytest.raises(Refusal, match="not the name of an event"):
        type_and_source(name)
