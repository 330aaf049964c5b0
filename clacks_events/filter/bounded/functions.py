"""What the functions of the library cost; what is not here has no bound that we know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from clacks_events.filter import nodes
from clacks_events.filter.bounded.matching import MATCHING, Cost
from clacks_events.filter.bounded.size import NOTHING, ONE, Size
from clacks_events.filter.bounded.value import BOOLEAN, DOCUMENT, NUMBER, Kind, Value, number, text

if TYPE_CHECKING:
    from clacks_events.filter.bounded.judge import Judge

__all__ = ["ADVICE", "KNOWN", "refusal"]

_GROWTH_OF_CASE: Final = 3  # one character may become three
_GROWTH_OF_ESCAPES: Final = 12  # and one of four bytes twelve
_MOST_PLACES: Final = 100
_ITEMS_AND_ALL: Final = "maps, arrays, function items and other languages"


def refusal(local: str) -> str:
    """Return why a function is refused that is not known here."""
    advice = ADVICE.get(local, "write it with other functions, paths and comparisons")
    return f"{local}() has no bound on what it costs: {advice}"


def _read(judge: Judge, call: nodes.Call, given: list[Value]) -> Size:
    """Charge for reading all arguments, and return how much text they are together."""
    judge.spend(sum((value.near + value.count for value in given), NOTHING), call)
    return sum((value.written for value in given), NOTHING)


def _number(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given)
    return NUMBER


def _boolean(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given)
    return BOOLEAN


def _truth(_judge: Judge, _call: nodes.Call, _given: list[Value]) -> Value:
    return BOOLEAN


def _counted(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    judge.spend(sum((value.count for value in given), NOTHING), call)
    return NUMBER


def _rounded(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given)
    places = call.arguments[1] if len(call.arguments) > 1 else nodes.Literal(0)
    if isinstance(places, nodes.Negation):
        places = places.operand
    known = places.value if isinstance(places, nodes.Literal) else None
    if type(known) is not int or known > _MOST_PLACES:
        bounds = f"from -{_MOST_PLACES} to {_MOST_PLACES}"
        reason = f"The second argument of {_local(call)}() is a number {bounds}"
        raise judge.refused(reason, call)
    return _same_number(given[0])


def _same_number(value: Value) -> Value:
    if value.kind is Kind.NUMBER:
        return replace(value.one(), place=value.place)
    return NUMBER


def _abs(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given)
    return _same_number(given[0])


def _extreme(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given)
    # Untyped values are compared as doubles.
    return NUMBER if given[0].kind.is_nodes else given[0].one()


def _total(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given)
    if given[0].kind is not Kind.NUMBER:
        return NUMBER
    # One digit more for each power of ten of items: no event has more than ten to the tenth.
    return number(given[0].digits + 10)


def _text(growth: int = 1) -> Cost:
    def cost(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
        size = _read(judge, call, given) * growth
        judge.spend(size, call)
        judge.check_text(size, call)
        return text(size)

    return cost


def _joined(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    size = _read(judge, call, given)
    if len(given) > 1:
        size += given[0].count.times(given[1].written)
    judge.spend(size, call)
    judge.check_text(size, call)
    return text(size)


def _translated(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    size = _read(judge, call, given)
    if any(value.literal is None for value in given[1:]):
        raise judge.refused("The last two arguments of translate() are literals", call)
    return text(size)


def _sequence(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    judge.spend(sum((value.count for value in given), NOTHING), call)
    return replace(given[0], kind=given[0].kind.mixed, literal=None)


def _single(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    judge.spend(ONE, call)
    return given[0].one()


def _inserted(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    judge.spend(given[0].count + given[2].count, call)
    return given[0] + given[2]


def _atoms(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given)
    kind = Kind.TEXT if given[0].kind.is_nodes else given[0].kind
    return replace(given[0], kind=kind, below=NOTHING, literal=None)


def _distinct(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    if given[0].kind is Kind.OTHER and given[0].count.constant is None:
        reason = "distinct-values() is linear for nodes, texts and numbers only, not for a mixture"
        raise judge.refused(reason, call)
    return _atoms(judge, call, given)


def _places(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    judge.spend(given[0].near + given[0].count.times(given[1].near + ONE), call)
    return Value(given[0].count, NOTHING, kind=Kind.NUMBER)


def _codepoints(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    size = _read(judge, call, given)
    return Value(size, NOTHING, kind=Kind.NUMBER)


def _from_codepoints(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given)
    judge.check_text(given[0].count, call)
    return text(given[0].count)


def _root(_judge: Judge, _call: nodes.Call, _given: list[Value]) -> Value:
    return DOCUMENT


def _error(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _read(judge, call, given[:2])
    return Value(NOTHING, NOTHING)


def _local(call: nodes.Call) -> str:
    return call.name.rpartition("}")[2]


def _named(cost: Cost, *names: str, namespace: str = nodes.FN) -> dict[str, Cost]:
    return {namespace + name: cost for name in names}


_IN_MATH: Final = "{http://www.w3.org/2005/xpath-functions/math}"
_MATH: Final = "acos asin atan atan2 cos exp exp10 log log10 pi pow sin sqrt tan"
_DATES: Final = ("date", "dateTime", "time")
_PARTS: Final = ("year", "month", "day", "hours", "minutes", "seconds", "timezone")

KNOWN: Final[Mapping[str, Cost]] = {
    **MATCHING,
    **_named(_truth, "not", "boolean", "exists", "empty", "true", "false", "has-children"),
    **_named(_counted, "count", "position", "last"),
    **_named(_number, "number", "string-length", "avg"),
    **_named(_total, "sum"),
    **_named(_extreme, "max", "min"),
    **_named(_abs, "abs", "ceiling", "floor"),
    **_named(_rounded, "round", "round-half-to-even"),
    **_named(_boolean, "contains", "starts-with", "ends-with", "contains-token", "lang"),
    **_named(_number, "compare", "codepoint-equal", "nilled"),
    **_named(_text(), "string", "concat", "normalize-space", "substring", "substring-before"),
    **_named(_text(), "substring-after", "name", "local-name", "namespace-uri", "node-name"),
    **_named(_text(_GROWTH_OF_CASE), "upper-case", "lower-case"),
    **_named(_text(_GROWTH_OF_ESCAPES), "encode-for-uri", "escape-html-uri", "iri-to-uri"),
    **_named(_joined, "string-join"),
    **_named(_translated, "translate"),
    **_named(_sequence, "tail", "subsequence", "remove", "reverse", "unordered", "one-or-more"),
    **_named(_single, "head", "zero-or-one", "exactly-one"),
    **_named(_inserted, "insert-before"),
    **_named(_atoms, "data"),
    **_named(_distinct, "distinct-values"),
    **_named(_places, "index-of"),
    **_named(_codepoints, "string-to-codepoints"),
    **_named(_from_codepoints, "codepoints-to-string"),
    **_named(_root, "root"),
    **_named(_error, "error"),
    **_named(_number, "dateTime", "current-dateTime", "current-date", "current-time"),
    **_named(_number, "implicit-timezone"),
    **_named(_number, *(f"{part}-from-{kind}" for part in _PARTS for kind in _DATES)),
    **_named(_number, *(f"{part}s-from-duration" for part in ("year", "month", "day"))),
    **_named(_number, *(f"{part}-from-duration" for part in ("hours", "minutes", "seconds"))),
    **_named(_number, *(f"adjust-{kind}-to-timezone" for kind in _DATES)),
    **_named(_number, *_MATH.split(), namespace=_IN_MATH),
}
"""The cost of each function by its Clark name."""

ADVICE: Final = {
    **dict.fromkeys(("format-date", "format-dateTime", "format-time"), "compare dates as dates"),
    **dict.fromkeys(("format-number", "format-integer"), "compare numbers as numbers"),
    **dict.fromkeys(
        ("apply", "filter", "fold-left", "fold-right", "for-each", "for-each-pair"),
        "write a path, for, some or every",
    ),
    **dict.fromkeys(("sort",), "take min() or max(), or use order by"),
    **dict.fromkeys(("analyze-string",), "use matches(), contains() or tokenize()"),
    **dict.fromkeys(("deep-equal",), "compare the values that matter"),
    **dict.fromkeys(("id", "idref", "element-with-id"), "write //*[@id = …]"),
    **dict.fromkeys(
        ("innermost", "outermost", "path", "generate-id"), "a path finds nodes without it"
    ),
    **dict.fromkeys(
        (
            "json-to-xml",
            "parse-json",
            "parse-xml",
            "parse-xml-fragment",
            "serialize",
            "xml-to-json",
        ),
        f"a bounded filter does without {_ITEMS_AND_ALL}",
    ),
    "normalize-unicode": "events are compared as they are written",
}
