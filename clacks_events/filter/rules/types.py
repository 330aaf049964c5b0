"""Types that an expression is sure to have, and types of the payload that are its name."""

from __future__ import annotations

from typing import Final

from clacks_events.filter.nodes import (
    FN,
    XS,
    And,
    Call,
    Cast,
    Comparison,
    Convert,
    InstanceOf,
    KindTest,
    Literal,
    NameTest,
    Node,
    Or,
    Path,
    Quantified,
    SchemaElementTest,
    SchemaTypeTest,
    SequenceType,
    Step,
    Treat,
)
from clacks_events.filter.nodes.facts import GENERAL, always_exists, at_most_one, kind
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.rules.making import exists
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["RULES", "fits"]

_ELEMENT: Final = frozenset(("element()", "element(*)"))
_ATTRIBUTE: Final = frozenset(("attribute()", "attribute(*)"))
_ANYTHING: Final = frozenset(("item()", "item()?", "item()*", "item()+"))


def fits(node: Node, declared: SequenceType, *, maybe_empty: bool = True) -> bool:
    """Tell whether the value of an expression is sure to be of a type.

    Without ``maybe_empty`` nothing is said of a value that is empty.
    """
    if declared.occurrence in ("", "?") and not at_most_one(node):
        return False
    if maybe_empty and declared.occurrence in ("", "+") and not _is_something(node):
        return False
    if declared.text in _ANYTHING:
        return True
    if declared.atomic is not None:
        return _is_atomic(node, declared.atomic)
    return declared.test is not None and _is_node(node, declared.test)


def _is_something(node: Node) -> bool:
    """Tell whether an expression never gives an empty sequence."""
    match node:
        case Literal() | And() | Or() | Quantified() | InstanceOf():
            return True
        case Comparison(operator):
            return operator in GENERAL
        case Call(name):
            return name in _SINGLE
        case Path():
            return always_exists(node)
        case _:
            return False


_SINGLE: Final = frozenset(
    FN + name
    for name in (
        *("boolean", "contains", "count", "empty", "ends-with", "exists", "not"),
        *("concat", "local-name", "name", "normalize-space", "starts-with", "string"),
        *("string-length", "lower-case", "upper-case", "substring", "string-join"),
    )
)
_XS_STRING: Final = frozenset(
    FN + name
    for name in (
        *("concat", "local-name", "lower-case", "name", "normalize-space", "string"),
        *("string-join", "substring", "substring-after", "substring-before", "upper-case"),
    )
)


def _is_atomic(node: Node, name: str) -> bool:
    if name == f"{XS}anyAtomicType":
        return kind(node) not in (Kind.NODES, Kind.ANY)
    match node:
        case Literal(bool()):
            return name == f"{XS}boolean"
        case Literal(str()):
            return name == f"{XS}string"
        case Literal(int()) | Literal(float()):
            return name == XS + ("integer" if isinstance(node.value, int) else "double")
        case Call(called) if name == f"{XS}string":
            return called in _XS_STRING
        case _:
            return name == f"{XS}boolean" and kind(node) is Kind.BOOLEAN


_OF_ELEMENTS: Final = (NameTest, SchemaElementTest, SchemaTypeTest)


def _is_node(node: Node, test: object) -> bool:
    if kind(node) is not Kind.NODES or not isinstance(node, Path):
        return False
    if test == KindTest("node()"):
        return True
    if not node.steps:
        return False
    last = node.steps[-1]
    if isinstance(test, KindTest):
        wanted = _ATTRIBUTE if last.axis == "attribute" else _ELEMENT
        return test.text in wanted and isinstance(last.test, NameTest | SchemaElementTest)
    if last.axis != "child":
        return False
    any_element = test == NameTest(None, None) and isinstance(last.test, _OF_ELEMENTS)
    return any_element or last.test == test


def _converted(node: Node) -> Node:
    """A value that is of a type already need not be converted or treated."""
    match node:
        case Convert(value, declared) | Treat(value, declared) if fits(value, declared):
            return value
        case _:
            return node


def _truth(node: Node) -> Node:
    """A truth value that has to be there is false when it is not."""
    match node:
        case Convert(value, SequenceType(_, atomic)) if atomic == f"{XS}boolean":
            return value if kind(value) is Kind.BOOLEAN else node
        case _:
            return node


def _cast(node: Node) -> Node:
    """``xs:string('x')`` is ``'x'``."""
    match node:
        case Cast(Literal(str()) as value, name) if name == f"{XS}string":
            return value
        case _:
            return node


def _payload(node: Node) -> Node:
    """``/e:Event/* instance of element(e:P)`` is ``exists(/e:Event/e:P)``."""
    match node:
        case InstanceOf(Path() as value, SequenceType(test=test)) if _is_any_payload(value):
            if isinstance(test, NameTest | SchemaElementTest | SchemaTypeTest):
                return exists(Path(value.start, (value.steps[0], Step("child", test))))
    return node


def _is_any_payload(path: Path) -> bool:
    return len(path.steps) == 2 and always_exists(path)


RULES: Final = (
    Rule("type that is met", _converted, (Convert, Treat)),
    Rule("required truth value", _truth, (Convert,), Position.GOAL),
    Rule("cast of a string", _cast, (Cast,)),
    Rule("type of the payload", _payload, (InstanceOf,)),
)
