"""The XQuery front end: results, headers, threads, and Saxon as a judge."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from clacks_events import errors
from clacks_events.errors import EvaluationError, FilterError
from clacks_events.event import HeaderValue
from clacks_events.filter.xquery import Query, parse_query, wrap

CASES = Path(__file__).parent / "cases"
EVENTS = "http://www.gonicus.de/Events"
CODEPOINT = "http://www.w3.org/2005/xpath-functions/collation/codepoint"

HEADERS: Mapping[str, HeaderValue] = {
    "color": "blue",
    "count": 3,
    "ratio": 1.5,
    "urgent": True,
    "qpid.subject": "x",
    "s": "string",
    "i": 1,
    "d": 0.5,
    "price": Decimal("9.99"),
    "when": datetime(2024, 5, 1, 12, tzinfo=UTC),
    "blob": b"\0\1\2",
}


@dataclass(frozen=True)
class Case:
    """One query, what it gives for each document, and what Saxon makes of it."""

    query: str
    ours: str
    theirs: str


def sections(name: str) -> dict[str, list[str]]:
    """Return the lines of a case file by section, without comments and blank lines."""
    found: dict[str, list[str]] = {}
    for line in (CASES / name).read_text("utf-8").splitlines():
        if line.startswith("== "):
            found[line[3:]] = []
        elif line.strip() and not line.startswith("#"):
            found[list(found)[-1]].append(line)
    return found


DOCUMENTS = {name: "".join(lines) for name, lines in sections("xquery_documents.txt").items()}


def cases(lines: list[str]) -> Iterator[Case]:
    """Read the cases of one section."""
    for line in lines:
        results, _, query = line.partition(" | ")
        ours, _, theirs = results.strip().partition("/")
        refused = "E" * len(DOCUMENTS)
        yield Case(query, ours, theirs or (refused if ours == "P" else ours))


SECTIONS = {name: list(cases(lines)) for name, lines in sections("xquery_cases.txt").items()}


def document(xml: str) -> etree._ElementTree:
    return etree.ElementTree(etree.fromstring(xml))


def evaluated(text: str, xml: str = "<a><b>x</b></a>", **headers: HeaderValue) -> bool:
    return parse_query(text).evaluate(document(xml), headers)


def letter(query: Query, wrapped: Any) -> str:
    try:
        return "FT"[query.evaluate_wrapped(wrapped, HEADERS)]
    except EvaluationError:
        return "E"


# Results


@pytest.mark.parametrize("section", SECTIONS)
def test_results(section: str) -> None:
    documents = [wrap(document(xml)) for xml in DOCUMENTS.values()]
    wrong = []
    for case in SECTIONS[section]:
        try:
            query = parse_query(case.query)
        except FilterError:
            got = "P"
        else:
            got = "".join(letter(query, wrapped) for wrapped in documents)
        if got != case.ours:
            wrong.append((case.query, got, case.ours))
    assert wrong == []


def test_there_are_cases() -> None:
    assert len(DOCUMENTS) == 5
    assert sum(map(len, SECTIONS.values())) > 1000


class Saxon:
    """An XQuery 3.1 engine that nobody here wrote."""

    def __init__(self) -> None:
        self._saxon = pytest.importorskip("saxonche")
        self._processor = self._saxon.PySaxonProcessor(license=False)
        self._documents = {
            name: self._processor.parse_xml(xml_text=xml) for name, xml in DOCUMENTS.items()
        }

    def letter(self, query: str, name: str) -> str:
        """Return T, F or E for a query on a document."""
        engine = self._processor.new_xquery_processor()
        for prefix in ("map", "array", "math"):
            engine.declare_namespace(prefix, f"http://www.w3.org/2005/xpath-functions/{prefix}")
        engine.declare_namespace("err", "http://www.w3.org/2005/xqt-errors")
        engine.declare_namespace("e", EVENTS)
        for header, value in HEADERS.items():
            if re.search(rf"\${re.escape(header)}\b[^;]*external", query):
                engine.set_parameter(header, self._value(value))
        engine.set_context(xdm_item=self._documents[name])
        prolog, body = halves(query)
        wrapped = f"{prolog} fn:boolean((\n{body}\n))"
        try:
            return "T" if str(engine.run_query_to_value(query_text=wrapped)) == "true" else "F"
        except self._saxon.PySaxonApiError:
            return "E"

    def _value(self, value: HeaderValue) -> Any:
        make = self._processor
        if isinstance(value, bytes):
            return make.make_atomic_value("base64Binary", base64.b64encode(value).decode())
        if isinstance(value, datetime):
            return make.make_atomic_value("dateTime", value.isoformat())
        if isinstance(value, Decimal):
            return make.make_atomic_value("decimal", str(value))
        makers: dict[type, Callable[..., Any]] = {
            bool: make.make_boolean_value,
            int: make.make_integer_value,
            float: make.make_double_value,
            str: make.make_string_value,
        }
        return makers[type(value)](value)


_PIECES = re.compile(r"\(:.*?:\)|``\[.*?\]``|\"[^\"]*\"|'[^']*'|[{};]", re.DOTALL)


def halves(query: str) -> tuple[str, str]:
    """Split a query after its prolog: after the last semicolon that is not inside of something."""
    end = depth = 0
    for piece in _PIECES.finditer(query):
        depth += {"{": 1, "}": -1}.get(piece.group(), 0)
        if piece.group() == ";" and not depth:
            end = piece.end()
    return query[:end], query[end:]


@pytest.fixture(scope="module")
def saxon() -> Saxon:
    return Saxon()


@pytest.mark.parametrize("section", SECTIONS)
def test_saxon_says_the_same(section: str, saxon: Saxon) -> None:
    wrong = []
    for case in SECTIONS[section]:
        got = "".join(saxon.letter(case.query, name) for name in DOCUMENTS)
        if got != case.theirs:
            wrong.append((case.query, got, case.theirs))
    assert wrong == []


# The outside world


def test_entities_of_parsed_text_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    text = f"""parse-xml('<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&amp;x;</a>')"""
    with pytest.raises(EvaluationError):
        evaluated(f"contains({text}, 'secret')")


def test_the_static_context_says_nothing_about_the_machine() -> None:
    assert evaluated("empty(static-base-uri()) and empty(document-uri(.))")
    assert evaluated("default-language() = 'en'")
    assert evaluated(f"default-collation() = '{CODEPOINT}'")
    assert evaluated("implicit-timezone() = xs:dayTimeDuration('PT0S')")
    assert evaluated("timezone-from-dateTime(current-dateTime()) = xs:dayTimeDuration('PT0S')")
    assert evaluated("xs:dateTime('2024-01-01T00:00:00') = xs:dateTime('2024-01-01T00:00:00Z')")


def test_the_time_stands_still_during_one_evaluation() -> None:
    text = "let $a := current-dateTime() return every $x in 1 to 300 satisfies $a = "
    assert evaluated(text + "current-dateTime()")


# Headers and variables


def test_headers_are_typed_by_their_wire_type() -> None:
    for name, type_name in {
        "color": "string",
        "count": "integer",
        "ratio": "double",
        "urgent": "boolean",
        "price": "decimal",
        "when": "dateTime",
        "blob": "base64Binary",
    }.items():
        query = parse_query(f"declare variable $x as xs:{type_name} external; exists($x)")
        assert query.evaluate(document("<a/>"), {"x": HEADERS[name]})


def test_only_declared_headers_are_seen() -> None:
    assert evaluated("declare variable $a external; $a = 1", a=1, b=2)
    with pytest.raises(errors.FilterTypeError, match="XPST0008"):
        evaluated("declare variable $a external; $b", a=1, b=2)


def test_a_header_without_a_type_in_xquery_is_no_match() -> None:
    query = parse_query("declare variable $x external; $x")
    headers: Any = {"x": ["a list"]}
    with pytest.raises(EvaluationError, match="list"):
        query.evaluate(document("<a/>"), headers)


def test_a_missing_header_is_no_match() -> None:
    with pytest.raises(EvaluationError, match="color") as caught:
        evaluated("declare variable $color external; true()")
    assert caught.value.code == "XPDY0002"


def test_a_query_tells_its_externals() -> None:
    query = parse_query(
        "declare namespace p = 'urn:p'; declare variable $a external; "
        "declare variable $p:b as  xs:string? external; declare variable $c external := 1; "
        "declare variable $d := 2; true()"
    )
    externals = [(e.name, e.type, e.has_default) for e in query.externals]
    assert externals == [
        ("a", None, False),
        ("{urn:p}b", "xs:string?", False),
        ("c", None, True),
    ]
    headers: Mapping[str, HeaderValue] = {"a": 1, "{urn:p}b": "x"}
    assert query.evaluate(document("<a/>"), headers)


def test_namespaces_of_the_query_win() -> None:
    given_ = {"p": "urn:given", "q": "urn:q"}
    query = parse_query("declare namespace p = 'urn:own'; ./p:a", given_)
    assert query.namespaces["p"] == "urn:own"
    assert query.namespaces["q"] == "urn:q"
    assert query.namespaces["e"] == EVENTS
    assert query.evaluate(document("<a xmlns='urn:own'/>"), {})
    assert not query.evaluate(document("<a xmlns='urn:given'/>"), {})
    assert parse_query("./p:a", given_).evaluate(document("<a xmlns='urn:given'/>"), {})
    assert given_ == {"p": "urn:given", "q": "urn:q"}


def test_schema_element_follows_what_derives() -> None:
    derived = {f"{{{EVENTS}}}Base": frozenset({f"{{{EVENTS}}}Special"})}
    query = parse_query(
        "./e:Event/schema-element(e:Base)", derived=lambda name: derived.get(name, frozenset())
    )
    for payload, expected in {"Base": True, "Special": True, "Other": False}.items():
        event = document(f"<Event xmlns='{EVENTS}'><{payload}/></Event>")
        assert query.evaluate(event, {}) is expected


def test_errors_carry_their_code() -> None:
    for text, code in {
        "1 div 0": "FOAR0001",
        "(1, 2)": "FORG0006",
        "xs:integer(//b)": "FORG0001",
        "//b + 1": "FORG0001",
        "error(xs:QName('e:mine'), 'text')": "mine",
    }.items():
        with pytest.raises(EvaluationError) as caught:
            evaluated(text)
        assert caught.value.code == code, text


# Queries as objects


def test_a_query_does_not_change() -> None:
    query = parse_query("//b")
    with pytest.raises(AttributeError):
        query.text = "//c"
    with pytest.raises(TypeError):
        query.namespaces["x"] = "urn:x"  # type: ignore[index]


def test_a_document_serves_many_queries_and_stays_as_it_is() -> None:
    tree = document("<a><b>x</b><b>y</b></a>")
    before = etree.tostring(tree)
    wrapped = wrap(tree)
    for _ in range(3):
        assert parse_query("count(//b) = 2").evaluate_wrapped(wrapped, {})
        assert parse_query("./a/b[2] = 'y'").evaluate_wrapped(wrapped, {})
        assert not parse_query("//b[3]").evaluate_wrapped(wrapped, {})
    assert etree.tostring(tree) == before


SHARED = {
    "paths": "some $x in //n, $y in //n satisfies $x + $y = 2 * {n}",
    "closures": "let $f := for $i in //n return function($x) { $x + $i } return $f[1](1) = {n} + 1",
    "partial": "let $f := concat(?, '-', //n[1]) return $f('a') = concat('a-', {n})",
    "references": "for-each(//n, string#1)[1] = string({n})",
    "arrows": "//n[1] => concat('x') => string-length() = string-length(concat({n}, 'x'))",
    "maps": "let $m := map { 'k': //n[1] } return $m?k = {n} and map:keys($m) = 'k'",
    "arrays": "array:fold-left(array { //n }, 0, function($a, $b) { $a + $b }) = 4 * {n}",
    "declared": "declare function local:f($x as xs:integer) { $x * 2 }; local:f(//n[1]) = 2 * {n}",
    "sorting": "(for $x in //n order by $x/@i descending return string($x/@i))[1] = '3'",
    "errors": "try { error(xs:QName('e:x'), //n[1]) } catch * { $err:description = string({n}) }",
}


@pytest.mark.parametrize("name", SHARED)
def test_many_threads_evaluate_one_query(name: str) -> None:
    prolog, body = halves(SHARED[name].replace("{n}", "$n"))
    query = parse_query(f"declare variable $n as xs:integer external; {prolog} {body}")
    wrong: list[object] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        tree = document("<r>" + "".join(f"<n i='{i}'>{number}</n>" for i in range(4)) + "</r>")
        start.wait()
        for _ in range(60):
            try:
                if not query.evaluate(tree, {"n": number}):
                    wrong.append(number)
            except EvaluationError as fault:
                wrong.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Schemas and messages of others


def samples() -> tuple[Path, list[dict[str, Any]]]:
    for parent in Path(__file__).resolve().parents:
        folder = parent / "shared" / "data"
        if (folder / "filters.json").is_file():
            return folder, json.loads((folder / "filters.json").read_text("utf-8"))
    return Path(), []


FOLDER, FILTERS = samples()


def as_event(path: Path) -> etree._ElementTree:
    """Put the root of a sample below an envelope, with its namespaces kept."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    envelope = etree.Element(f"{{{EVENTS}}}Event", nsmap={"e": EVENTS})
    envelope.append(etree.parse(path, parser).getroot())
    return etree.ElementTree(envelope)


@pytest.mark.skipif(not FILTERS, reason="the collection of real schemas is not here")
@pytest.mark.parametrize("entry", FILTERS, ids=lambda entry: str(entry["id"]))
def test_filters_on_real_messages(entry: dict[str, Any]) -> None:
    query = parse_query(entry["query"])
    found: dict[str, set[str]] = {"matches": set(), "misses": set(), "errors": set()}
    for path in sorted(FOLDER.glob("*/samples/*")):
        try:
            outcome = "matches" if query.evaluate(as_event(path), {}) else "misses"
        except EvaluationError:
            outcome = "misses"
            found["errors"].add(path.name)
        found[outcome].add(path.name)
    assert found == {outcome: set(entry[outcome]) for outcome in found}
