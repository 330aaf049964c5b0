"""What does a query cost per event, beside elementpath and Saxon?

``match`` works on an event that was parsed before, as elementpath.Selector does; ``parse and
match`` starts from bytes, as Saxon's precompiled function does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import elementpath
import saxonche
from elementpath.xpath31 import XPath31Parser

from clacks_events import NAMESPACE, Event, Filter, compile_filter
from clacks_events.filter import Subject
from tests.bench.bench import Contender, alternate, headline, table, timed

ROUNDS = 7
TIMES = 100  # per round
NAMESPACES = {"f": NAMESPACE}
DECLARED = f"declare namespace f='{NAMESPACE}'; "

CALL = b"""<e:Event xmlns:e="http://www.gonicus.de/Events" source="pbx"><e:PhoneStatus>
<e:CallerId>+49293312345</e:CallerId><e:ReceiverId>300</e:ReceiverId><e:Status>busy</e:Status>
</e:PhoneStatus></e:Event>"""
MISSED = b"""<e:Event xmlns:e="http://www.gonicus.de/Events" source="pbx"><e:AMINotification>
<e:Call><e:Type>CallMissed</e:Type><e:Identity>1</e:Identity><e:From>100</e:From><e:To>200</e:To>
<e:Timestamp>1.5</e:Timestamp></e:Call></e:AMINotification></e:Event>"""
JOB = b"""<e:Event xmlns:e="http://www.gonicus.de/Events" source="one"><e:SchedulerUpdate>
<e:Id>17</e:Id></e:SchedulerUpdate></e:Event>"""
WEATHER = b"""<e:Event xmlns:e="http://www.gonicus.de/Events" source="station"><weather>
<station>Raleigh-Durham International Airport (KRDU)</station><wind_speed_mph>16</wind_speed_mph>
<temperature_f>70</temperature_f><dewpoint>35</dewpoint></weather></e:Event>"""
STRING_INTEGER_DOUBLE = {"s": "string", "i": 1, "d": 0.5}


@dataclass(frozen=True, slots=True)
class Case:
    """A query as Clacks and Qpid users write it, and its body alone as XPath."""

    query: str
    data: bytes
    path: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)


CASES = (
    Case(".", CALL),
    Case("true()", CALL),
    Case(
        f"{DECLARED}let $e := ./f:Event return $e/f:PhoneStatus",
        CALL,
        "let $e := ./f:Event return $e/f:PhoneStatus",
    ),
    Case(
        f"{DECLARED}let $e := ./f:Event return $e/f:A or $e/f:B or $e/f:C or $e/f:D or "
        "$e/f:PhoneStatus",
        CALL,
        "let $e := ./f:Event return $e/f:A or $e/f:B or $e/f:C or $e/f:D or $e/f:PhoneStatus",
    ),
    Case(
        f"{DECLARED}let $e := ./f:Event/f:AMINotification return $e/f:Call",
        MISSED,
        "let $e := ./f:Event/f:AMINotification return $e/f:Call",
    ),
    Case(
        f"{DECLARED}let $e := ./f:Event/f:SchedulerUpdate return $e and $e/f:Id != 'ID'",
        JOB,
        "let $e := ./f:Event/f:SchedulerUpdate return $e and $e/f:Id != 'ID'",
    ),
    Case("./*/weather", WEATHER),
    Case(
        "let $w := ./*/weather return $w/station = 'Raleigh-Durham International Airport (KRDU)'"
        " and $w/temperature_f > 50 and $w/temperature_f - $w/dewpoint > 5"
        " and $w/wind_speed_mph > 7 and $w/wind_speed_mph < 20",
        WEATHER,
    ),
    Case(
        f"{DECLARED}declare variable $color external; "
        "(./f:Event/f:SchedulerUpdate/f:Id mod 2 = 1) and ($color = 'blue')",
        JOB,
        "(./f:Event/f:SchedulerUpdate/f:Id mod 2 = 1) and ($color = 'blue')",
        {"color": "blue"},
    ),
    Case(
        f"{DECLARED}./f:Event/f:PhoneStatus/f:Status = 'busy'",
        CALL,
        "./f:Event/f:PhoneStatus/f:Status = 'busy'",
    ),
    Case(
        "declare variable $s external; declare variable $i external; "
        "declare variable $d external; $s = 'string' and $i = 1 and $d < 1",
        CALL,
        "$s = 'string' and $i = 1 and $d < 1",
        STRING_INTEGER_DOUBLE,
    ),
    Case(
        "declare variable $s as xs:string external; declare variable $i as xs:integer external; "
        "$s = 'string' and $i = 1",
        CALL,
        "$s = 'string' and $i = 1",
        {"s": "string", "i": 1},
    ),
    Case(
        "declare variable $qpid.subject external; $qpid.subject = 'x'",
        CALL,
        "$qpid.subject = 'x'",
        {"qpid.subject": "x"},
    ),
)


def by_elementpath(case: Case) -> Callable[[], bool]:
    """Return elementpath's own way, on a document that was parsed before."""
    document: Any = Event.from_xml(case.data).document
    selector = elementpath.Selector(
        f"boolean({case.path or case.query})", NAMESPACES, XPath31Parser
    )
    variables = dict(case.headers) or None
    return lambda: bool(selector.select(document, variables=variables))


class Saxon:
    """XQuery 3.1 by SaxonC-HE; a query is compiled to a function once."""

    def __init__(self) -> None:
        self._processor: Any = saxonche.PySaxonProcessor(license=False)
        self._queries: Any = self._processor.new_xquery_processor()

    def function(self, case: Case) -> Callable[[], bool]:
        names = list(case.headers)
        parameters = ", ".join(["$document", *(f"${name}" for name in names)])
        body = case.path or case.query
        self._queries.set_query_content(
            f"{DECLARED} function({parameters}) {{ $document ! boolean({body}) }}"
        )
        function = self._queries.run_query_to_value().head.get_function_value()
        values = [self._value(case.headers[name]) for name in names]
        text = case.data.decode()

        def match() -> bool:
            node = self._processor.parse_xml(xml_text=text)
            found = function.call([node, *values])
            return bool(found.head.get_atomic_value().boolean_value)

        return match

    def _value(self, header: object) -> Any:
        if isinstance(header, str):
            return self._processor.make_string_value(header)
        if isinstance(header, int):
            return self._processor.make_integer_value(header)
        return self._processor.make_double_value(header)


def parse_and_match(compiled: Filter, case: Case) -> bool:
    return compiled.matches(Event.from_xml(case.data, headers=case.headers))


def match(compiled: Filter, event: Event) -> bool:
    return compiled.evaluate(Subject(event))


def compare(case: Case, saxon: Saxon) -> list[Contender]:
    compiled = compile_filter(case.query)
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


def main() -> None:
    saxon = Saxon()
    headline("queries; µs for each event, and how many times as fast as the rival")
    rows = []
    for number, case in enumerate(CASES, 1):
        print(f"{number:>3}  {case.query.removeprefix(DECLARED)}")
        ours, elementpath_, whole, saxons = compare(case, saxon)
        rows.append(
            (
                str(number),
                f"{ours.wall:,.1f}",
                f"{elementpath_.wall:,.1f}",
                f"{ours.ratio():.2f}",
                f"{whole.wall:,.1f}",
                f"{saxons.wall:,.1f}",
                f"{whole.ratio():.2f}",
            )
        )
    print()
    names = ("query", "match", "elementpath", "ratio", "parse and match", "saxon", "ratio")
    table(names, rows)


if __name__ == "__main__":
    main()
