"""The disagreements between engines that were found, each with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from clacks_events import Event
from clacks_events.filter.xquery import wrap
from tests.filter.fuzz.engines import compiled, filter_verdict, interpreted
from tests.filter.fuzz.oracles import Elementpath, Saxon
from tests.filter.fuzz.samples import QuerySample

FILE: Final = Path(__file__).parents[1] / "cases" / "disagreements.txt"
E: Final = "http://www.gonicus.de/Events"

Entry = dict[str, str]


def entries() -> list[Entry]:
    text = "\n".join(line for line in FILE.read_text("utf-8").splitlines() if line[:1] != "#")
    blocks = (block.strip().splitlines() for block in text.split("\n\n") if block.strip())
    return [dict(line.split(": ", 1) for line in block) for block in blocks]


@pytest.fixture(scope="module")
def saxon() -> Saxon:
    return Saxon()


def letter(verdict: str) -> str:
    return verdict if verdict in "TF" else "E"


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["query"])
def test_each_engine_says_what_is_written(entry: Entry, saxon: Saxon) -> None:
    query = QuerySample("", entry["query"])
    text = f"<e:Event xmlns:e='{E}'>{entry['payload']}</e:Event>"
    event = Event.from_xml(text)
    filter = compiled(query, None)
    assert filter is not None
    found = {
        "compiled": filter_verdict(filter, event, {}),
        "engine": interpreted(query.text, None, [wrap(event.document)], {})[0],
        "saxon": letter(saxon.verdicts(query, saxon.documents([text]))[0]),
        "elementpath": letter(Elementpath().verdict(query, event.document)),
    }
    expected = {name: entry.get(name, entry.get("expected", "")) for name in found}
    if expected["elementpath"] == "-":
        found["elementpath"] = "-"
    assert found == expected, entry["note"]


def test_there_are_entries() -> None:
    assert len(entries()) > 20
