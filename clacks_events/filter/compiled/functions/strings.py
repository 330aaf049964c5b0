"""Functions on strings (XPath and XQuery Functions 3.1 §5)."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from clacks_events.errors import EvaluationError
from clacks_events.filter.compiled.functions.arguments import (
    double,
    integer,
    optional,
    optional_text,
    text,
    text_of,
    text_or_empty,
)
from clacks_events.filter.compiled.functions.function import Function, Items
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import string_of
from clacks_events.filter.xquery.lexical import collapsed, trimmed

__all__ = ["FUNCTIONS", "concat", "of_strings"]

_Plain = Callable[..., Any]


def of_strings(kind: Kind, plain: _Plain, *required: int) -> Function:
    """Return a function of strings with one result; arguments but ``required`` may be empty."""

    def read(place: int, items: Items) -> str:
        return text(items) if place in required else text_or_empty(items)

    def call(*arguments: Items) -> Items:
        return [plain(*(read(place, items) for place, items in enumerate(arguments)))]

    return Function(kind, call, plain, frozenset(required), is_single=True)


def _with_collation(plain: _Plain) -> _Plain:
    # It is known to be the codepoint collation when the query is parsed.
    return lambda left, right, collation: plain(left, right)


def _contains(left: str, right: str) -> bool:
    return right in left


def _before(left: str, right: str) -> str:
    return left.partition(right)[0] if right and right in left else ""


def _after(left: str, right: str) -> str:
    return left.partition(right)[2] if right else left


@lru_cache(maxsize=256)
def _mapping(replaced: str, replacements: str) -> Mapping[int, str | None]:
    pairs = zip(replaced, [*replacements, *[None] * len(replaced)], strict=False)
    return {ord(one): other for one, other in reversed(list(pairs))}


def _translate(value: str, replaced: str, replacements: str) -> str:
    return value.translate(_mapping(replaced, replacements))


def _rounded(value: float) -> float:
    return float(math.floor(value + 0.5)) if math.isfinite(value) else value


def _substring(value: Items, start: Items, length: Items | None = None) -> Items:
    given = text_or_empty(value)
    begin = _rounded(double(start))
    end = math.inf if length is None else begin + _rounded(double(length))
    first = max(begin, 1.0)
    if not first < end or first > len(given):
        return [""]
    return [given[int(first) - 1 : int(min(end, len(given) + 1.0)) - 1]]


def _compare(left: Items, right: Items, _collation: Items | None = None) -> Items:
    one, other = optional_text(left), optional_text(right)
    return [] if one is None or other is None else [int(one > other) - int(one < other)]


def _codepoint_equal(left: Items, right: Items) -> Items:
    one, other = optional_text(left), optional_text(right)
    return [] if one is None or other is None else [one == other]


def _contains_token(values: Items, token: Items, _collation: Items | None = None) -> Items:
    wanted = trimmed(text(token))
    texts = [text_of(value) for value in values]
    return [any(wanted in collapsed(value).split(" ") for value in texts) if wanted else False]


def _string_join(values: Items, separator: Items | None = None) -> Items:
    between = "" if separator is None else text(separator)
    return [between.join(string_of(value) for value in values)]


def _to_codepoints(value: Items) -> Items:
    return [ord(character) for character in text_or_empty(value)]


def _from_codepoints(values: Items) -> Items:
    return ["".join(_character(integer([value])) for value in values)]


def _character(code: int) -> str:
    is_xml = (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )
    if not is_xml:
        raise EvaluationError("a codepoint is no character of XML", "FOCH0001")
    return chr(code)


def _escape(safe: str) -> _Plain:
    return lambda value: quote(value.encode("utf-8", "surrogatepass"), safe=safe)


_PRINTABLE: Final = "".join(map(chr, range(32, 127)))
_IN_IRI: Final = "".join(c for c in _PRINTABLE if c not in '<>" {}|\\^`')


def _normalize_unicode(value: str, form: str = "NFC") -> str:
    match form.strip(" ").upper():
        case "":
            return value
        case "NFC" | "NFD" | "NFKC" | "NFKD" as known:
            return unicodedata.normalize(known, value)
        case _:
            raise EvaluationError(f"there is no normal form {form!r}", "FOCH0003")


def concat(arity: int) -> Function:
    """Return ``concat`` with so many arguments."""

    def call(*arguments: Items) -> Items:
        values = (optional(items) for items in arguments)
        return ["".join(string_of(value) for value in values if value is not None)]

    plain: _Plain = _concat_two if arity == 2 else lambda *texts: "".join(texts)
    return Function(Kind.STRING, call, plain, is_single=True)


def _concat_two(left: str, right: str) -> str:
    return left + right


_COLLATION: Final = "http://www.w3.org/2005/xpath-functions/collation/codepoint"
_TESTS: Final[dict[str, _Plain]] = {
    "contains": _contains,
    "starts-with": str.startswith,
    "ends-with": str.endswith,
}
_CUTS: Final[dict[str, _Plain]] = {"substring-before": _before, "substring-after": _after}
_TEXTS: Final[dict[str, _Plain]] = {
    "normalize-space": collapsed,
    "upper-case": str.upper,
    "lower-case": str.lower,
    "normalize-unicode": _normalize_unicode,
    "encode-for-uri": _escape("~"),
    "iri-to-uri": _escape(_IN_IRI),
    "escape-html-uri": _escape(_PRINTABLE),
}
FUNCTIONS: Final[dict[tuple[str, int], Function]] = {
    **{(name, 2): of_strings(Kind.BOOLEAN, plain) for name, plain in _TESTS.items()},
    **{
        (name, 3): of_strings(Kind.BOOLEAN, _with_collation(plain), 2)
        for name, plain in _TESTS.items()
    },
    **{(name, 2): of_strings(Kind.STRING, plain) for name, plain in _CUTS.items()},
    **{
        (name, 3): of_strings(Kind.STRING, _with_collation(plain), 2)
        for name, plain in _CUTS.items()
    },
    **{(name, 1): of_strings(Kind.STRING, plain) for name, plain in _TEXTS.items()},
    ("normalize-unicode", 2): of_strings(Kind.STRING, _normalize_unicode, 1),
    ("string-length", 1): of_strings(Kind.NUMBER, len),
    ("translate", 3): of_strings(Kind.STRING, _translate, 1, 2),
    ("substring", 2): Function(Kind.STRING, _substring, is_single=True),
    ("substring", 3): Function(Kind.STRING, _substring, is_single=True),
    ("compare", 2): Function(Kind.NUMBER, _compare, is_optional=True),
    ("compare", 3): Function(Kind.NUMBER, _compare, is_optional=True),
    ("codepoint-equal", 2): Function(Kind.BOOLEAN, _codepoint_equal, is_optional=True),
    ("contains-token", 2): Function(Kind.BOOLEAN, _contains_token, is_single=True),
    ("contains-token", 3): Function(Kind.BOOLEAN, _contains_token, is_single=True),
    ("string-join", 1): Function(Kind.STRING, _string_join, is_single=True),
    ("string-join", 2): Function(Kind.STRING, _string_join, is_single=True),
    ("string-to-codepoints", 1): Function(Kind.NUMBER, _to_codepoints),
    ("codepoints-to-string", 1): Function(Kind.STRING, _from_codepoints, is_single=True),
    ("default-collation", 0): Function(Kind.STRING, lambda: [_COLLATION], is_single=True),
}
"""By local name and number of arguments."""
