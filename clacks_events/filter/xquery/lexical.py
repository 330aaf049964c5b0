"""The lexical forms of XML Schema's atomic types, and text of numbers."""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal
from typing import Final, NoReturn

from elementpath.datatypes import Float

from clacks_events.errors import EvaluationError

__all__ = [
    "boolean",
    "collapsed",
    "decimal",
    "double",
    "integer",
    "refuse",
    "single",
    "text_of_decimal",
    "text_of_double",
    "text_of_integer",
    "trimmed",
    "unsigned",
]

_SPACE: Final = " \t\r\n"
_SPACES: Final = re.compile(f"[{_SPACE}]+")
_DOUBLE: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?").fullmatch
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)").fullmatch
_INTEGER: Final = re.compile(r"[+-]?[0-9]+").fullmatch
_SPECIAL: Final = {"INF": math.inf, "+INF": math.inf, "-INF": -math.inf, "NaN": math.nan}
_BOOLEAN: Final = {"true": True, "1": True, "false": False, "0": False}


def trimmed(text: str) -> str:
    """Return a text without the white space of XML around it."""
    return text.strip(_SPACE)


def collapsed(text: str) -> str:
    """Return a text with one space for each run of white space, none around it."""
    return _SPACES.sub(" ", text).strip(" ")


def refuse(text: str, type: str) -> NoReturn:
    """Raise FORG0001."""
    shown = text if len(text) <= 40 else text[:40] + "…"
    raise EvaluationError(f"{shown!r} is not of the type xs:{type}", "FORG0001")


def double(text: str) -> float:
    """Return the xs:double of a text; raise FORG0001."""
    # float() takes some texts that are none here: 1_0, infinity, digits of other scripts. What
    # is left over after this test is rare, or not a number.
    if text.isascii() and text.isprintable() and "_" not in text:
        try:
            value = float(text)
        except ValueError:
            return _double(text)
        if value - value == 0.0:
            return value
    return _double(text)


def _double(text: str) -> float:
    text = trimmed(text)
    if _DOUBLE(text):
        return float(text)
    if text not in _SPECIAL:
        refuse(text, "double")
    return _SPECIAL[text]


def single(value: float) -> float:
    """Return the xs:float that is nearest."""
    try:
        return Float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return Float(math.copysign(math.inf, value))


def decimal(text: str) -> Decimal:
    """Return the xs:decimal of a text; raise FORG0001."""
    text = trimmed(text)
    if not _DECIMAL(text):
        refuse(text, "decimal")
    return unsigned(Decimal(text))


def unsigned(value: Decimal) -> Decimal:
    """Return a decimal; XML Schema has one zero only, without a sign."""
    return value if value else value.copy_abs()


def integer(text: str) -> int:
    """Return the xs:integer of a text; raise FORG0001, or FOCA0003 beyond Python's limit."""
    text = trimmed(text)
    if not _INTEGER(text):
        refuse(text, "integer")
    try:
        return int(text)
    except ValueError as fault:
        raise EvaluationError("an integer has too many digits", "FOCA0003") from fault


def boolean(text: str) -> bool:
    """Return the xs:boolean of a text; raise FORG0001."""
    value = _BOOLEAN.get(trimmed(text))
    if value is None:
        refuse(text, "boolean")
    return value


def text_of_integer(value: int) -> str:
    """Return the text of an integer; raise FOCA0003 beyond Python's limit."""
    try:
        return int.__str__(value)
    except ValueError as fault:
        raise EvaluationError("an integer has too many digits", "FOCA0003") from fault


def text_of_decimal(value: Decimal) -> str:
    """Return the canonical text: no exponent, no zeros behind."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def text_of_double(value: float) -> str:
    """Return the canonical text of a double or float (F&O 3.1 §19.1.2.2)."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    exact = Decimal(_shortest(value)).normalize()
    if 1e-6 <= abs(value) < 1e6:
        return format(exact, "f")
    sign, digits, _ = exact.as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{exact.adjusted()}"


def _shortest(value: float) -> str:
    """Return the fewest digits that give the same value back."""
    if isinstance(value, Float):
        for digits in range(1, 9):
            text = format(float(value), f".{digits}g")
            if float(single(float(text))) == float(value):
                return text
        return format(float(value), ".9g")
    return float.__repr__(value)
