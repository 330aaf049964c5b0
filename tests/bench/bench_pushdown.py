"""Does a consumer of one type out of twenty get only that type's events from the broker?"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import Bus, connect
from clacks_events.filter import compile_filter
from tests.bench.bench import headline, running_broker, table

TYPES = 20
EACH = 100
WANTED = "PhoneStatus"
LAST = '<e:Event xmlns:e="http://www.gonicus.de/Events" source="done"><e:ClientPoll/></e:Event>'
QUERIES = (
    f"./e:Event/e:{WANTED}",
    f"./e:Event/e:{WANTED}[e:Status = 'nothing like it']",
    f"./e:Event[@source = 'one']/e:{WANTED}",
    f"./e:Event/e:{WANTED} or ./e:Event/e:NodeLeave",
    ".",
)


def count(url: str, publisher: Bus, query: str) -> tuple[str, int, int, int]:
    """Return what was published, and what of it was delivered and matched."""
    with connect(url) as bus:
        # The last event of a round comes after all others, whatever the query.
        done = bus.subscribe(source="done")
        with bus.subscribe(query, lambda _: None):
            samples = [publisher.catalog.sample(name) for name in names(publisher)]
            for _ in range(EACH):
                for sample in samples:
                    publisher.publish(sample)
            publisher.publish(LAST)
            done.get(timeout=30)
            return query, EACH * len(samples), bus.counters.received - 1, bus.counters.matched - 1


def names(bus: Bus) -> list[str]:
    concrete = [each.name for each in bus.catalog.types if not each.is_abstract]
    wanted = bus.catalog.resolve(WANTED)
    return [wanted, *(name for name in concrete if name != wanted)][:TYPES]


def main() -> None:
    with running_broker() as broker, connect(broker.url, source="one") as publisher:
        rows = []
        for query in QUERIES:
            text, published, received, matched = count(broker.url, publisher, query)
            bindings = " ".join(compile_filter(text, catalog=publisher.catalog).bindings)
            rows.append((text, bindings, str(published), str(received), str(matched)))
    headline(f"{TYPES} types, {EACH} events of each; received is what the broker delivered")
    table(("query", "bindings", "published", "received", "matched"), rows)
    received = int(rows[0][3])
    verdict = "yes" if received == EACH else "NO"
    print(f"asked: {EACH} received for the first query: {verdict}")


if __name__ == "__main__":
    main()
