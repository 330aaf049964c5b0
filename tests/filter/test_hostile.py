"""Filters from strangers who mean harm: each is refused with its reason, or it is cheap.

Nothing here looks at a clock. The cost of an accepted filter is the number of lines of Python
that it runs on an event and on one twice as large; and all of them run on large events in
processes that are killed when they take too much of the processor or of the memory.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from clacks_events import Event, Filter, FilterError, UnsupportedFilter, compile_filter
from clacks_events.filter.bounded import check_bounded
from clacks_events.filter.nodes import Module

ROOT: Final = Path(__file__).parents[2]
CASES: Final = Path(__file__).parent / "cases"
MOST_SECONDS: Final = 20  # of the processor, for one filter with all its events
MOST_MEMORY: Final = 256 << 20  # in bytes, beyond what the process has before
_REPEATED: Final = re.compile(r"«([^»]*)»\*(\d+)")


def queries(name: str) -> Iterator[tuple[str, str]]:
    """Yield each query of a case file behind the heading that it stands under."""
    heading = ""
    for line in (CASES / name).read_text("utf-8").replace("\\\n", "").splitlines():
        if line.startswith("== "):
            heading = line.removeprefix("== ")
        elif line and not line.startswith("#"):
            yield heading, _REPEATED.sub(_written_out, line)


def _written_out(match: re.Match[str]) -> str:
    text = match[1].replace("\\x00", "\0").replace("\\ud800", "\ud800")
    return "".join(
        text.replace("##", str(number + 1)).replace("#", str(number))
        for number in range(int(match[2]))
    )


def shown(query: str) -> str:
    """Return a short form of a query without odd characters."""
    text = query if len(query) < 70 else f"{query[:60]} ({len(query)})"
    return text.encode("ascii", "backslashreplace").decode()


# Events that are large in different ways


def wide(size: int) -> Event:
    """Return an event with many small items."""
    items = (
        f'<item sku="A{i}" id="{i}"><price>{i % 97}</price><qty>{i % 7}</qty><a>v{i}</a><b>x</b>'
        f"<tag>t{i % 5}</tag></item>"
        for i in range(size // 6)
    )
    return Event.from_xml(f"<Order><subject>s</subject><n>12</n>{''.join(items)}</Order>")


def deep(size: int, depth: int = 100) -> Event:
    """Return an event with elements inside of elements."""
    nest = "<a id='1'>" * depth + "x" + "</a>" * depth
    return Event.from_xml(f"<Order>{nest * (size // depth)}</Order>")


def long(size: int) -> Event:
    """Return an event with long texts."""
    return Event.from_xml(f"<Order><a>{'abcdefgh 9' * size}</a><n>{'9' * 10 * size}</n></Order>")


def broad(size: int) -> Event:
    """Return an event with an element that has many attributes."""
    attributes = " ".join(f"k{i}='v{i}'" for i in range(size))
    return Event.from_xml(f"<Order><a id='x' {attributes}/></Order>")


SHAPES: Final[dict[str, Callable[[int], Event]]] = {
    "wide": wide,
    "deep": deep,
    "long": long,
    "broad": broad,
}

# What is refused

HOSTILE: Final = list(queries("hostile.txt"))
REFUSED: Final = [(h.removeprefix("refused: "), q) for h, q in HOSTILE if h != "accepted"]
ACCEPTED: Final = [query for heading, query in HOSTILE if heading == "accepted"]
ORDINARY: Final = [query for _, query in queries("bounded.txt")]


@pytest.mark.parametrize(("reason", "query"), REFUSED, ids=[shown(query) for _, query in REFUSED])
def test_what_may_be_expensive_is_refused(reason: str, query: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(query, trusted=False)
    assert reason in caught.value.reason
    start, end = caught.value.span
    assert 0 <= start < end <= len(query)
    assert str(caught.value).endswith("^")


# What an accepted filter costs


def lines(action: Callable[[], object]) -> int:
    """Return how many lines of Python an action runs."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("query", [*ACCEPTED, *ORDINARY], ids=shown)
def test_the_work_grows_with_the_event(query: str) -> None:
    compiled = compile_filter(query, trusted=False)
    for shape, event in SHAPES.items():
        matched = partial(compiled.matches, event(600))
        matched()  # makes what is made once
        one, two = lines(matched), lines(partial(compiled.matches, event(1200)))
        assert two <= 2.5 * one + 100, shape


@pytest.mark.parametrize("query", [*ACCEPTED, *ORDINARY], ids=shown)
def test_rules_do_not_make_the_work_larger(query: str) -> None:
    compiled = compile_filter(query, trusted=False)
    check_bounded(query, Module(compiled.externals, compiled.residual))


# What holds for all filters


@pytest.mark.parametrize(
    "query",
    [
        "json-to-xml('{}', map { 'validate': true() })",
        "json-to-xml#2",
        "json-to-xml(?, ?)",
        "apply(json-to-xml#2, ['{}', map { 'validate': true() }])",
    ],
)
def test_nobody_may_have_a_schema_read(query: str) -> None:
    with pytest.raises(UnsupportedFilter, match="schema"):
        compile_filter(query)


def test_no_filter_reads_or_connects() -> None:
    code = "from tests.filter.test_hostile import run_watched; run_watched()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["watched"]


def run_watched() -> None:
    """Print whatever is opened while all known queries run; for the child process."""
    event = Event.from_xml("<a xmlns:x='urn:x' id='1'><b>x</b><b>2</b></a>")
    known = [line.partition(" | ")[2] for line in _lines("xquery_cases.txt")]
    filters = [each for query in known for each in _compiled(query)]
    for each in filters:
        each.matches(event)  # imports what is imported late
    sys.addaudithook(_watch)
    sys.stdout.write("watched\n")
    for each in filters:
        each.matches(event)
    for query in known:
        _compiled(query + " ")


def _lines(name: str) -> list[str]:
    text = (CASES / name).read_text("utf-8").replace("\\\n", "")
    return [line for line in text.splitlines() if " | " in line]


def _compiled(query: str) -> list[Filter]:
    try:
        return [compile_filter(query)]
    except FilterError:
        return []


def _watch(name: str, arguments: tuple[object, ...]) -> None:
    if name in ("open", "os.listdir", "os.putenv", "subprocess.Popen") or name.startswith(
        ("socket.", "urllib.", "ctypes.")
    ):
        sys.stdout.write(f"{name} {arguments[:1]}\n")


# Processes with limits


@pytest.mark.timeout(300)
def test_no_accepted_filter_exhausts_a_process() -> None:
    found = limited()
    assert [case for case in found if case["end"] != "done"] == []
    assert len(found) == len(ACCEPTED) + len(ORDINARY)


def limited() -> list[dict[str, Any]]:
    """Run all accepted filters, each in a process of its own, and return how they ended."""
    command = [sys.executable, "-c", "from tests.filter.test_hostile import run_all; run_all()"]
    done = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_all() -> None:
    """Print one line of JSON for each accepted filter; for the child process."""
    events = [wide(20_000), deep(20_000), long(50_000), broad(10_000)]
    # What is imported late is imported before the processes part.
    compile_filter("//a[matches(., 'x')] and count(//b) = 1", trusted=False).matches(events[0])
    for query in [*ACCEPTED, *ORDINARY]:
        pid = os.fork()
        if not pid:
            run_one(query, events)
        _, status = os.waitpid(pid, 0)
        end = "done" if status == 0 else f"status {status}"
        sys.stdout.write(json.dumps({"query": shown(query), "end": end}) + "\n")


def run_one(query: str, events: list[Event]) -> None:
    """Compile a filter and match it within the limits, and leave the process."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        compiled = compile_filter(query, trusted=False)
        for event in events:
            compiled.matches(event)
    except BaseException as fault:  # noqa: BLE001, the parent tells by the status
        os.write(2, repr(fault).encode())
        os._exit(3)
    os._exit(0)
