"""What does a query cost per event, beside elementpath and Saxon?

``match`` works on an event that was parsed before, as elementpath.Selector does; ``parse and
match`` starts from bytes, as Saxon's precompiled function does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import elementpath
import saxonche
from elementpath.collations import UNICODE_CODEPOINT_COLLATION
from elementpath.xpath31 import XPath31Parser

from clacks_events import Event, Filter, compile_filter
from tests.bench.bench import Contender, alternate, headline, table, timed
from tests.bench.queries import REALISTIC, SEEN, Case, Header

ROUNDS = 7
TIMES = 100  # per round
ASKED = 30.0, 3.0
"""How many times as fast as elementpath, and as Saxon, half of the queries are to be."""


def by_elementpath(case: Case) -> Callable[[], bool]:
    """Return elementpath's own way, on a document that was parsed before."""
    document: Any = Event.from_xml(case.data).document
    text = f"boolean(({case.xpath or case.body}))"
    selector = elementpath.Selector(
        text, dict(case.namespaces), XPath31Parser, default_collation=UNICODE_CODEPOINT_COLLATION
    )
    variables = dict(case.headers) or None
    return lambda: bool(selector.select(document, variables=variables))


class Saxon:
    """XQuery 3.1 by SaxonC-HE; a query is compiled to a function once."""

    def __init__(self) -> None:
        self._processor: Any = saxonche.PySaxonProcessor(license=False)
        self._queries: Any = self._processor.new_xquery_processor()

    def function(self, case: Case) -> Callable[[], bool]:
        parameters = ", ".join(["$document", *(f"${name}" for name in case.headers)])
        self._queries.set_query_content(
            f"{case.prolog} function({parameters}) {{ $document ! boolean(({case.body})) }}"
        )
        function = self._queries.run_query_to_value().head.get_function_value()
        values = [self._value(header) for header in case.headers.values()]
        text = case.data.decode()

        def match() -> bool:
            node = self._processor.parse_xml(xml_text=text)
            found = function.call([node, *values])
            return bool(found.head.get_atomic_value().boolean_value)

        return match

    def _value(self, header: Header) -> Any:
        if isinstance(header, str):
            return self._processor.make_string_value(header)
        if isinstance(header, int):
            return self._processor.make_integer_value(header)
        return self._processor.make_double_value(header)


def parse_and_match(compiled: Filter, case: Case) -> bool:
    return compiled.matches(Event.from_xml(case.data, headers=case.headers))


def match(compiled: Filter, event: Event) -> bool:
    return compiled.matches(event)


def compare(case: Case, compiled: Filter, saxon: Saxon) -> list[Contender]:
    event = Event.from_xml(case.data, headers=case.headers)
    actions: dict[str, Callable[[], bool]] = {
        "match": partial(match, compiled, event),
        "elementpath": by_elementpath(case),
        "parse and match": partial(parse_and_match, compiled, case),
        "saxon": saxon.function(case),
    }
    answers = {name: action() for name, action in actions.items()}
    if len(set(answers.values())) != 1:
        sys.exit(f"{case.query}: {answers}")
    contenders = [Contender(name, partial(timed, act, TIMES)) for name, act in actions.items()]
    for ours, theirs in (contenders[:2], contenders[2:]):
        ours.rival = theirs
    alternate(contenders, ROUNDS)
    return contenders


@dataclass(frozen=True, slots=True)
class Row:
    """What came out for one query."""

    number: int
    is_compiled: bool
    contenders: list[Contender]

    @property
    def ratios(self) -> tuple[float, float]:
        """How many times as fast as elementpath, and as Saxon."""
        ours, _, whole, _ = self.contenders
        return ours.ratio() or 0.0, whole.ratio() or 0.0

    def cells(self) -> tuple[str, ...]:
        ours, elementpath_, whole, saxon = (f"{each.wall:,.1f}" for each in self.contenders)
        one, other = (f"{ratio:.1f}" for ratio in self.ratios)
        by = "compiled" if self.is_compiled else "elementpath"
        return str(self.number), by, ours, elementpath_, one, whole, saxon, other


def measured(cases: Sequence[Case], first: int, saxon: Saxon) -> list[Row]:
    """Print the queries and return what they took."""
    rows = []
    for number, case in enumerate(cases, first):
        print(f"{number:>3}  {case.query.removeprefix(case.prolog)}")
        compiled = compile_filter(case.query)
        rows.append(Row(number, is_compiled(compiled), compare(case, compiled, saxon)))
    return rows


def is_compiled(compiled: Filter) -> bool:
    """Tell whether elementpath is out of the game."""
    return "\nengine    elementpath" not in compiled.explain()


def conclude(name: str, rows: Sequence[Row]) -> None:
    """Print the medians of some queries."""
    ratios = [median(column) for column in zip(*(row.ratios for row in rows), strict=True)]
    verdicts = (
        f"{ratio:.1f} times as fast as {rival} (asked: {asked:g}, {_answer(ratio >= asked)})"
        for ratio, rival, asked in zip(ratios, ("elementpath", "Saxon"), ASKED, strict=True)
    )
    by = sum(row.is_compiled for row in rows)
    print(f"{name}: median {', '.join(verdicts)}; {by} of {len(rows)} compiled")


def _answer(is_reached: bool) -> str:
    return "yes" if is_reached else "NO"


def main() -> None:
    saxon = Saxon()
    headline("queries; µs for each event, and how many times as fast as the rival")
    seen = measured(SEEN, 1, saxon)
    realistic = measured(REALISTIC, len(SEEN) + 1, saxon)
    print()
    names = ("query", "by", "match", "elementpath", "ratio", "parse and match", "saxon", "ratio")
    table(names, [row.cells() for row in (*seen, *realistic)])
    print()
    conclude("seen in the wild", seen)
    conclude("realistic", realistic)
    conclude("all", [*seen, *realistic])


if __name__ == "__main__":
    main()
