"""The values that events hold and that queries ask for: few, so that conditions hold often."""

from __future__ import annotations

from typing import Final

__all__ = ["KINDS", "LITERALS", "ODD", "TEXTS"]

TEXTS: Final = {
    "string": ("busy", "a", "busy", "a", "", "x y", " a ", "10", "02", "Ä\U0001f600b", "true"),
    "integer": ("5", "10", "5", "1", "0", "-3", "007", "+5", "9007199254740993", "-0"),
    "decimal": ("1.5", "5", "0.10", "10.0", "-0.0", ".5", "5.", "123456789.123456789", "+5"),
    "double": ("2.5", "1e3", "2.5", "NaN", "INF", "-INF", "-0", "0.1", "1E-7", "1000"),
    "boolean": ("true", "false", "1", "0"),
    "date": ("2024-01-31", "2024-02-29", "2023-12-31Z", "2024-01-01+05:00", "2023-12-31-05:00"),
    "dateTime": (
        "2024-01-31T12:00:00",
        "2024-01-31T12:00:00Z",
        "2024-01-01T00:10:00+05:00",
        "2023-12-31T23:30:00.5Z",
        "2023-12-31T24:00:00Z",
    ),
}
"""Texts of fields and attributes by the local name of their type."""

KINDS: Final = tuple(TEXTS)

ODD: Final = ("", "abc", "1 2", "1,5", "--1", "0x1", "NAN", "2024-13-01", "TRUE", "\u00a01")
"""Texts that are valid for strings only, or for nothing."""

LITERALS: Final = {
    "string": (
        "'busy'",
        "'a'",
        "'a'",
        '"busy"',
        "''",
        "'x y'",
        "'10'",
        "'2'",
        "'Ä\U0001f600b'",
        "' a '",
    ),
    "integer": ("5", "10", "1", "5", "0", "-3", "7", "2", "9007199254740993", "9007199254740992"),
    "decimal": ("1.5", "0.1", "10.0", "5.0", "123456789.123456789", "-0.0"),
    "double": ("2.5e0", "1e3", "0.1e0", "1e-7", "xs:double('NaN')", "xs:double('INF')", "-0e0"),
    "boolean": ("true()", "false()"),
    "date": ("xs:date('2024-01-31')", "xs:date('2023-12-31Z')", "xs:date('2024-01-01+05:00')"),
    "dateTime": (
        "xs:dateTime('2024-01-31T12:00:00Z')",
        "xs:dateTime('2023-12-31T19:10:00Z')",
        "xs:dateTime('2024-01-01T00:30:00.5+01:00')",
    ),
}
"""Expressions for the same values."""
