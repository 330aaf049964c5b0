"""What a catalog says about element declarations and types that a query names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from clacks_events.filter.items import has_type
from clacks_events.filter.nodes import SchemaTypeTest
from clacks_events.filter.xquery.base import Item
from clacks_events.xml import local_name

if TYPE_CHECKING:
    from clacks_events.catalog import TypeLineage
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["SchemaTypes", "element_names", "is_of_type", "types_of"]


class SchemaTypes(Protocol):
    """What knows the types of schemas; a Catalog does."""

    def derived_from_type(self, name: str) -> TypeLineage | None:
        """Return what has the type of a Clark name or one derived from it; None if unknown."""

    def near_types(self, name: str) -> Sequence[str]:
        """Return the types that look like a Clark name, as Clark names, best first."""


def element_names(parser: XQueryParser, name: str, span: tuple[int, int]) -> frozenset[str]:
    """Return the elements that ``schema-element(name)`` stands for, as Clark names."""
    if parser.derived is None:
        raise parser.unsupported("schema-element() needs a catalog of event types", span)
    derived = parser.derived(name)
    if not derived:
        raise parser.type_error(f"No schema declares the element {name}", span, "XPST0008")
    return frozenset((name, *derived))


def types_of(
    parser: XQueryParser, type_name: str, element: str | None, span: tuple[int, int]
) -> SchemaTypeTest:
    """Return what ``element(name, type)`` stands for; the name is None for any."""
    if parser.schema_types is None:
        raise parser.unsupported("Types of a schema need a catalog of event types", span)
    lineage = parser.schema_types.derived_from_type(type_name)
    if lineage is None:
        near = ", ".join(map(local_name, parser.schema_types.near_types(type_name)))
        hint = f"; did you mean {near}?" if near else ""
        reason = f"No schema declares the type {type_name}{hint}"
        raise parser.type_error(reason, span, "XPST0008")
    wanted = lineage.candidates if element is None else lineage.candidates & {element}
    if not wanted.isdisjoint(lineage.conditional):
        names = ", ".join(sorted(map(local_name, wanted & lineage.conditional)))
        raise parser.unsupported(f"The type of {names} depends on its content", span)
    return SchemaTypeTest(lineage.elements & wanted, lineage.types, wanted)


def is_of_type(test: SchemaTypeTest) -> Callable[[Item], bool]:
    """Return the test of an element node."""
    return lambda item: has_type(item.elem, test)
