"""How fast is Catalog.validate beside xmlschema on the same events?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import xmlschema
from lxml import etree

from clacks_events import Catalog, Event
from tests.bench.bench import Contender, alternate, headline, table, timed

ROUNDS = 5
FAST, SLOW = 200, 5  # events per round
ASKED = 50
CAP = Path(__file__).parents[3] / "shared" / "data" / "cap"


@dataclass(frozen=True, slots=True)
class Result:
    """What one event took, in microseconds."""

    name: str
    bus: Contender
    """As publishing and receiving do: nobody else has the event yet."""
    shared: Contender
    """An event that other threads may be reading, which costs a copy."""
    theirs: Contender


def compare(name: str, catalog: Catalog, schema: Any, payload: etree._Element) -> Result:
    """Validate the same payload as a bus does, in an event of others, and by xmlschema."""
    if not schema.is_valid(payload):
        sys.exit(f"xmlschema takes {name} for invalid")
    theirs = Contender("xmlschema", partial(timed, partial(schema.is_valid, payload), SLOW))
    event = Event(payload)
    bus, shared = (
        Contender(
            name, partial(timed, partial(catalog.validate, event, is_shared=form), FAST), theirs
        )
        for form in (False, True)
    )
    alternate([theirs, bus, shared], ROUNDS)
    return Result(name, bus, shared, theirs)


def builtin_types() -> list[Result]:
    catalog = Catalog()
    return [
        compare(
            each.local_name,
            catalog,
            xmlschema.XMLSchema10(str(each.file)),
            catalog.sample(each.name).payload,
        )
        for each in catalog.types
        if not each.is_abstract
    ]


def cap_alerts() -> list[Result]:
    if not CAP.is_dir():
        print(f"\nno alerts here: {CAP.relative_to(CAP.parents[2])} does not exist")
        return []
    catalog = Catalog([CAP / "schemas"])
    schema = xmlschema.XMLSchema10(str(CAP / "schemas" / "CAP-v1.2.xsd"))
    return [
        compare(file.name, catalog, schema, etree.parse(file).getroot())
        for file in sorted((CAP / "samples").iterdir())
    ]


def report(title: str, results: Sequence[Result]) -> None:
    headline(f"{title}, µs")
    rows = [
        (
            each.name,
            f"{each.theirs.wall:,.0f}",
            *(f"{text:,.{digits}f}" for text, digits in numbers(each)),
        )
        for each in results
    ]
    names = (
        "event",
        "xmlschema.is_valid",
        "as the bus does",
        "times",
        "of a shared event",
        "times",
    )
    table(names, rows)
    for form in ("bus", "shared"):
        ratios = [getattr(each, form).ratio() for each in results]
        verdict = "yes" if median(ratios) >= ASKED else "NO"
        print(
            f"{form}: {min(ratios):,.0f} to {max(ratios):,.0f} times as fast, "
            f"median {median(ratios):,.0f}; asked ≥ {ASKED}: {verdict}"
        )


def numbers(result: Result) -> list[tuple[float, int]]:
    return [
        pair
        for ours in (result.bus, result.shared)
        for pair in ((ours.wall, 1), (ours.ratio() or 0.0, 0))
    ]


def main() -> None:
    report("built-in types", builtin_types())
    alerts = cap_alerts()
    if alerts:
        report("alerts of the Common Alerting Protocol that others published", alerts)


if __name__ == "__main__":
    main()
