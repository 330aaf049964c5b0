"""What does an event cost with a thousand, ten thousand, a hundred thousand filters?

Each event has 10 to 30 fields and is about one thing of many; about 30 filters match it, however
many there are. ``median`` is from bytes to keys, parsing included; ``adding`` is the median for a
compiled filter. Give numbers of filters as arguments for other sizes, for instance 1000000.
"""

from __future__ import annotations

import gc
import random
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import NAMESPACE, Event, Filter, compile_filter
from clacks_events.filter.index import FilterIndex
from tests.bench.bench import headline, table

SIZES = (1_000, 10_000, 100_000)
MOST_MEASURED = 20_000  # filters whose memory is measured: tracemalloc is slow
EVENTS = 400
ROUNDS = 5
WATCHERS = 40
TYPES = {"PhoneStatus": 10, "Delivery": 16, "Reading": 22, "Order": 30, "Login": 12}
STATES = ("busy", "idle", "ringing", "away")
ASKED, ASKED_GROWTH = 60.0, 3.0


@dataclass(frozen=True, slots=True)
class World:
    """Things that events are about, as many as it takes for WATCHERS filters for each."""

    things: int
    chance: random.Random

    def thing(self) -> tuple[str, int]:
        number = self.chance.randrange(self.things)
        return list(TYPES)[number % len(TYPES)], number

    def filter(self) -> str:
        """Return a query of the kinds that subscribers ask."""
        type, number = self.thing()
        field, own = f"/e:Event/e:{type}/e:Field", f"/e:Event/e:{type}/e:Id = 'id-{number:07}'"
        state, level = self.chance.choice(STATES), self.chance.randrange(100)
        text = "".join(self.chance.choices("abcdefgh", k=6))
        return self.chance.choices(
            (
                own,
                f"{own} and {field}1 = '{state}'",
                f"{own} and {field}2 > {level}",
                f"/e:Event/e:{type}[e:Id = 'id-{number:07}' and e:Field1 = ('busy', '{state}')]",
                f"/e:Event[@source = 'node-{number % 97}']/e:{type}/e:Id = 'id-{number:07}'",
                f"starts-with(/e:Event/e:{type}/e:Id, 'id-{number:07}')",
                f"{field}3 >= {number} and {field}3 < {number + 1}",
                f"{own} or {field}4 = 'note-{text}'",
                f"{own} and contains(lower-case({field}5), '{text[:1]}')",
            ),
            (30, 20, 12, 8, 8, 8, 8, 4, 2),
        )[0]

    def event(self) -> bytes:
        """Return an event about a thing."""
        type, number = self.thing()
        values = {
            "Id": f"id-{number:07}",
            "Field1": self.chance.choice(STATES),
            "Field2": str(self.chance.randrange(100)),
            "Field3": f"{number + self.chance.random():.3f}",
            "Field4": "note-" + "".join(self.chance.choices("abcdefgh", k=6)),
            "Field5": "Some words that somebody has written",
            **{f"Field{at}": f"value {at}" for at in range(6, TYPES[type])},
        }
        fields = "".join(f"<e:{name}>{value}</e:{name}>" for name, value in values.items())
        return (
            f'<e:Event xmlns:e="{NAMESPACE}" id="0190a5d2-7c3b-7e4f-8a1b-{number:012}"'
            f' source="node-{number % 97}" time="2026-01-01T00:00:00Z">'
            f"<e:{type}>{fields}</e:{type}></e:Event>"
        ).encode()


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured for a number of filters: microseconds and bytes."""

    filters: int
    median: float
    last_percent: float
    parsing: float
    matching_filters: float
    adding: float
    filter_bytes: float
    index_bytes: float

    def row(self, first: Figures) -> tuple[str, ...]:
        growth = self.median / first.median
        meets = self.median <= ASKED and growth <= ASKED_GROWTH
        return (
            f"{self.filters:,}",
            f"{self.matching_filters:.1f}",
            f"{self.median:.1f}",
            f"{self.last_percent:.1f}",
            f"{self.parsing:.1f}",
            f"{growth:.2f}",
            "yes" if meets else "NO",
            f"{self.adding:.1f}",
            f"{self.filter_bytes:,.0f}",
            f"{self.index_bytes:,.0f}",
        )


NAMES = (
    "filters",
    "matching",
    "median µs",
    "99 %",
    "parsing alone",
    f"growth ≤ {ASKED_GROWTH:g}",
    f"≤ {ASKED:g} µs",
    "adding µs",
    "bytes/filter",
    "bytes/entry",
)


def costs(index: FilterIndex[int] | None, events: list[bytes]) -> Iterator[float]:
    for data in events:
        begun = time.perf_counter()
        event = Event.from_xml(data)
        if index is not None:
            index.match(event)
        yield (time.perf_counter() - begun) * 1e6


def memory(world: World, many: int) -> tuple[float, float]:
    """Return how many bytes a filter takes, and its place in the index."""
    queries = [world.filter() for _ in range(many)]
    warm = FilterIndex[int]()
    for key, query in enumerate(queries[:100]):
        warm.add(key, compile_filter(query))
    gc.collect()
    tracemalloc.start()
    filters = [compile_filter(query) for query in queries]
    gc.collect()
    compiled = tracemalloc.get_traced_memory()[0]
    index = FilterIndex[int]()
    for key, each in enumerate(filters):
        index.add(key, each)
    gc.collect()
    indexed = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return compiled / many, (indexed - compiled) / many


def measure(many: int) -> Figures:
    world = World(max(1, many // WATCHERS), random.Random(many))
    per_filter = memory(world, min(many, MOST_MEASURED))
    index = FilterIndex[int]()
    adding: list[float] = []
    for key in range(many):
        compiled: Filter = compile_filter(world.filter())
        begun = time.perf_counter()
        index.add(key, compiled)
        adding.append((time.perf_counter() - begun) * 1e6)
    events = [world.event() for _ in range(EVENTS)]
    matching = sum(len(index.match(Event.from_xml(data))) for data in events)
    gc.collect()
    gc.freeze()  # as a program does that has set up what it keeps
    whole: list[float] = []
    parsing: list[float] = []
    for _ in range(ROUNDS):  # in turns, so that noise from outside hits both
        whole += costs(index, events)
        parsing += costs(None, events)
    gc.unfreeze()
    return Figures(
        many,
        median(whole),
        quantiles(whole, n=100)[-1],
        median(parsing),
        matching / len(events),
        median(adding),
        *per_filter,
    )


def main() -> None:
    headline("events through the index")
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    figures = [measure(many) for many in sizes]
    table(NAMES, [each.row(figures[0]) for each in figures])


if __name__ == "__main__":
    main()
