"""A generated query and the headers that it is called with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from clacks_events.event import HeaderValue
from tests.filter.fuzz.grammar import XQUERY_ONLY

__all__ = ["Header", "QuerySample"]


@dataclass(frozen=True, slots=True)
class Header:
    """A header that a query declares: its type, its default and what it is called with."""

    name: str
    declared: str | None
    default: str | None
    value: HeaderValue | None
    kind: str

    @property
    def is_wrong(self) -> bool:
        """Whether it is missing or not of its type."""
        return self.default is None if self.value is None else self.name == "wrong"

    def declaration(self) -> str:
        """Return the line of the prolog."""
        declared = f" as {self.declared}" if self.declared else ""
        default = f" := {self.default}" if self.default else ""
        return f"declare variable ${self.name}{declared} external{default};"


@dataclass(frozen=True, slots=True)
class QuerySample:
    """A query in its parts."""

    prolog: str
    body: str
    headers: tuple[Header, ...] = ()
    schema_tests: Mapping[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> str:
        """The prolog with the declarations of the headers."""
        declared = " ".join(header.declaration() for header in self.headers)
        return " ".join(part for part in (self.prolog, declared) if part)

    @property
    def text(self) -> str:
        """The whole query."""
        return f"{self.declared} {self.body}".strip()

    @property
    def needs_schema(self) -> bool:
        """Whether it only means something with a catalog."""
        return any(test in self.text for test in self.schema_tests)

    @property
    def is_xpath(self) -> bool:
        """Whether the body is XPath and the prolog only declares headers."""
        is_plain = not self.prolog and not self.needs_schema
        return is_plain and not any(word in self.body for word in XQUERY_ONLY)

    @property
    def is_doomed(self) -> bool:
        """Whether a header is missing or of a wrong type: then nothing matches."""
        return any(header.is_wrong for header in self.headers)

    def without_schema(self) -> QuerySample:
        """Return the same query for an engine that knows no schemas."""
        prolog, body = self.prolog, self.body
        for test, meaning in self.schema_tests.items():
            prolog, body = prolog.replace(test, meaning), body.replace(test, meaning)
        return replace(self, prolog=prolog, body=body, schema_tests={})

    def values(self) -> Mapping[str, HeaderValue]:
        """Return the headers that are there."""
        return {h.name: h.value for h in self.headers if h.value is not None}
