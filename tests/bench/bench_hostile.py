"""What does a filter from a stranger cost, at worst?

Each filter of the hostile and the ordinary corpus is registered and matched against one event of
a usual size, and then against large ones, in a process of its own. Asked for: 50 ms for
registering and one match, and 64 MB.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import Event, Filter, FilterError, compile_filter
from tests.bench.bench import headline, table
from tests.filter.test_hostile import broad, deep, long, queries, shown, wide

ASKED_MILLISECONDS = 50.0
ASKED_MEGABYTES = 64.0
SHOWN = 20
USUAL = 120  # elements
LARGE = 20_000
TRIES = 3


@dataclass(frozen=True, slots=True)
class Measure:
    """One filter: milliseconds and megabytes."""

    query: str
    accepted: bool
    registering: float
    usual: float
    large: float
    memory: float

    @property
    def asked(self) -> float:
        """Registering and one match on an event of a usual size."""
        return self.registering + self.usual


def elapsed(action: Callable[[], object], tries: int = TRIES) -> float:
    """Return the milliseconds that an action takes: the best of a few tries."""
    best = float("inf")
    for _ in range(tries):
        start = time.perf_counter()
        action()
        best = min(best, (time.perf_counter() - start) * 1e3)
    return best


def peak() -> float:
    """Return the most memory that this process had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def registered(query: str) -> list[Filter]:
    try:
        return [compile_filter(query, trusted=False)]
    except FilterError:
        return []


def slowest(filters: list[Filter], events: list[Event]) -> float:
    actions = [partial(each.matches, event) for each in filters for event in events]
    return max(map(elapsed, actions), default=0.0)


def measure(query: str, number: int, usual: list[Event], large: list[Event]) -> Measure:
    before, filters = peak(), list[Filter]()
    registering = elapsed(lambda: filters.extend(registered(query)), tries=1)
    costs = slowest(filters, usual), slowest(filters, large)
    return Measure(f"{number} {shown(query)}", bool(filters), registering, *costs, peak() - before)


def apart(query: str, number: int, usual: list[Event], large: list[Event]) -> Measure:
    """Measure in a process of its own, so that no filter finds what another has left."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        try:
            found = measure(query, number, usual, large)
            os.write(writing, json.dumps(asdict(found)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    if not text:
        sys.exit(f"no answer for {shown(query)}")
    return Measure(**json.loads(text))


def main() -> None:
    usual = [wide(USUAL), deep(USUAL, 20), long(USUAL), broad(USUAL)]
    large = [wide(LARGE), deep(LARGE), long(LARGE * 5), broad(LARGE)]
    # What is imported late is imported before the processes part.
    warm = compile_filter("//a[matches(., 'x')] and count(//b) = 1", trusted=False)
    warm.matches(usual[0])
    corpus = [query for name in ("hostile.txt", "bounded.txt") for _, query in queries(name)]
    found = [apart(query, number, usual, large) for number, query in enumerate(corpus, 1)]
    headline(f"{len(found)} filters from strangers; ms and MB, the worst first")
    names = ("filter", "taken", "register", "usual event", "both", "large event", "memory")
    for key in ("asked", "large", "memory"):
        worst = sorted(found, key=attrgetter(key), reverse=True)[:SHOWN]
        table(names, [row(m) for m in worst])
        print()
    slow = [m for m in found if m.asked > ASKED_MILLISECONDS]
    fat = [m for m in found if m.memory > ASKED_MEGABYTES]
    print(
        f"over {ASKED_MILLISECONDS:.0f} ms: {len(slow)}; over {ASKED_MEGABYTES:.0f} MB: {len(fat)}"
    )


def row(m: Measure) -> tuple[str, ...]:
    numbers = (m.registering, m.usual, m.asked, m.large, m.memory)
    return (m.query, "yes" if m.accepted else "no", *(f"{number:,.1f}" for number in numbers))


if __name__ == "__main__":
    main()
