"""What is certain of an expression's value, whatever the event.

No schema has a say when a filter runs: the typed value of a node is untyped or a string. All
answers are careful: unknown, may fail, may be several. The context item is taken to be a node.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from clacks_events.envelope import NAMESPACE
from clacks_events.filter import nodes
from clacks_events.filter.nodes import FN, Node, Start, Step
from clacks_events.filter.nodes.kinds import Kind

__all__ = [
    "GENERAL",
    "always_exists",
    "at_most_one",
    "can_fail",
    "is_position",
    "kind",
    "truth_can_fail",
]


GENERAL: Final = frozenset(("=", "!=", "<", "<=", ">", ">="))
_TEXTS: Final = (Kind.NODES, Kind.STRING)
_EVENT: Final = nodes.NameTest(NAMESPACE, "Event")
_ANY_NAME: Final = nodes.NameTest(None, None)

_BOOLEANS: Final = (
    "boolean contains ends-with empty exists false not starts-with true contains-token deep-equal"
    " lang matches"
)
_STRINGS: Final = (
    "concat local-name lower-case name namespace-uri normalize-space normalize-unicode replace"
    " string string-join substring substring-after substring-before translate upper-case"
)
_NUMBERS: Final = "count last number position string-length"
_CALLS: Final[dict[str, Kind]] = {
    **{FN + name: Kind.BOOLEAN for name in _BOOLEANS.split()},
    **{FN + name: Kind.STRING for name in _STRINGS.split()},
    **{FN + name: Kind.NUMBER for name in _NUMBERS.split()},
}
"""The functions that give exactly one value, if they give any, and its kind."""

_TRUTHS: Final = (
    *(nodes.And, nodes.Or, nodes.Comparison, nodes.Quantified),
    *(nodes.InstanceOf, nodes.Castable),
)
_KINDS: Final[dict[type, Kind]] = {
    **dict.fromkeys((nodes.Union, nodes.SetOperation), Kind.NODES),
    **dict.fromkeys(_TRUTHS, Kind.BOOLEAN),
    **dict.fromkeys((nodes.Variable, nodes.Opaque), Kind.ANY),
}

# What their arguments have to be, so that they do not fail.
_OF_ANYTHING: Final = frozenset(FN + name for name in ("count", "empty", "exists"))
_OF_TRUTH: Final = frozenset(FN + name for name in ("boolean", "not"))
_OF_NODE: Final = frozenset(FN + name for name in ("local-name", "name", "namespace-uri"))
_OF_ATOM: Final = frozenset(FN + name for name in ("concat", "number", "string"))
_OF_TEXT: Final = frozenset(
    f"{FN}{name}"
    for name in (
        *("contains", "ends-with", "lower-case", "normalize-space", "starts-with"),
        *("string-length", "substring-after", "substring-before", "upper-case"),
    )
)
_OF_FOCUS: Final = frozenset(FN + name for name in ("false", "last", "position", "true"))


def kind(node: Node) -> Kind:
    """Return what the items of an expression are, provided that it does not fail."""
    if (fixed := _KINDS.get(type(node))) is not None:
        return fixed
    match node:
        case nodes.Path(start, steps):
            return Kind.NODES if steps or isinstance(start, Start) else kind(start)
        case nodes.Literal(value):
            return _kind_of(value)
        case nodes.Each(_, right) | nodes.SimpleMap(_, right):
            return kind(right)
        case nodes.Call(name):
            return _CALLS.get(name, Kind.ANY)
        case nodes.Sequence(parts):
            return _common(*map(kind, parts))
        case nodes.If(_, then, otherwise):
            return _common(kind(then), kind(otherwise))
        case nodes.Flwor(_, result):
            return kind(result)
        case nodes.Arithmetic(_, left, right):
            return _common(Kind.NUMBER, kind(left), kind(right))
        case _:
            return Kind.ANY


def _kind_of(value: str | int | float | Decimal | bool) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOLEAN
    return Kind.STRING if isinstance(value, str) else Kind.NUMBER


def _common(*kinds: Kind) -> Kind:
    if not kinds:
        return Kind.NODES
    return kinds[0] if all(one is kinds[0] for one in kinds) else Kind.ANY


def at_most_one(node: Node) -> bool:
    """Tell whether an expression never gives two items."""
    if isinstance(node, _TRUTHS):
        return True
    match node:
        case nodes.Literal() | nodes.Cast() | nodes.Arithmetic():
            return True
        case nodes.Call(name):
            return name in _CALLS
        case nodes.Sequence(parts):
            return len(parts) < 2 and all(map(at_most_one, parts))
        case nodes.If(_, then, otherwise):
            return at_most_one(then) and at_most_one(otherwise)
        case nodes.Path(start, steps, predicates):
            picked = any(map(_is_number, predicates))
            single = isinstance(start, Start) or picked or at_most_one(start)
            return single and _leads_to_one(start, steps)
        case _:
            return False


def _leads_to_one(start: Start | Node, steps: tuple[Step, ...]) -> bool:
    return all(
        step.axis in ("self", "parent")
        or (step.axis == "attribute" and _is_full_name(step.test))
        or any(map(_is_number, step.predicates))
        or (start is Start.ROOT and depth < 2 and _is_trunk(steps[: depth + 1]))
        for depth, step in enumerate(steps)
    )


def _is_number(predicate: Node) -> bool:
    return isinstance(predicate, nodes.Literal) and kind(predicate) is Kind.NUMBER


def _is_full_name(test: nodes.Test) -> bool:
    return isinstance(test, nodes.NameTest) and None not in (test.namespace, test.local)


def _is_trunk(steps: tuple[Step, ...]) -> bool:
    """Tell whether steps from the document lead to the envelope or to the payload."""
    return all(s.axis == "child" and not isinstance(s.test, nodes.KindTest) for s in steps)


def always_exists(path: nodes.Path) -> bool:
    """Tell whether a path leads somewhere in every event: to ``/``, the envelope, the payload."""
    if path.start is not Start.ROOT or path.predicates or len(path.steps) > 2:
        return False
    if any(step.axis != "child" or step.predicates for step in path.steps):
        return False
    tests = [step.test for step in path.steps]
    wanted = ((_EVENT, _ANY_NAME), (_ANY_NAME,))
    return all(test in known for test, known in zip(tests, wanted, strict=False))


def is_position(predicate: Node) -> bool:
    """Tell whether a predicate may be a number, which is a position."""
    return kind(predicate) in (Kind.NUMBER, Kind.ANY)


def truth_can_fail(node: Node) -> bool:
    """Tell whether the effective boolean value of an expression may raise an error."""
    is_truth = kind(node) is Kind.NODES or (kind(node) is not Kind.ANY and at_most_one(node))
    return not is_truth or can_fail(node)


def can_fail(node: Node) -> bool:
    """Tell whether evaluating an expression in full may raise an error."""
    match node:
        case nodes.Literal() | nodes.Variable():
            return False
        case nodes.Path(start, steps, predicates):
            if not isinstance(start, Start) and (can_fail(start) or kind(start) is not Kind.NODES):
                return True
            inside = (p for step in steps for p in step.predicates)
            return any(map(_predicate_can_fail, predicates + tuple(inside)))
        case nodes.Each(left, right):
            bad = Kind.NODES is not kind(left) or kind(right) is Kind.ANY
            return bad or can_fail(left) or can_fail(right)
        case nodes.And(parts) | nodes.Or(parts):
            return any(map(truth_can_fail, parts))
        case nodes.Sequence(parts):
            return any(map(can_fail, parts))
        case nodes.Union(parts):
            return any(kind(part) is not Kind.NODES or can_fail(part) for part in parts)
        case nodes.If(condition, then, otherwise):
            return truth_can_fail(condition) or can_fail(then) or can_fail(otherwise)
        case nodes.Comparison():
            return _comparison_can_fail(node)
        case nodes.Call(name, arguments):
            return any(map(can_fail, arguments)) or _call_can_fail(name, arguments)
        case nodes.InstanceOf(value):
            return can_fail(value)
        case _:
            return True


def _predicate_can_fail(predicate: Node) -> bool:
    return not _is_number(predicate) and truth_can_fail(predicate)


def _comparison_can_fail(node: nodes.Comparison) -> bool:
    left, right = node.left, node.right
    if can_fail(left) or can_fail(right):
        return True
    if node.operator not in GENERAL and not (at_most_one(left) and at_most_one(right)):
        return True
    kinds = kind(left), kind(right)
    if node.operator in ("is", "<<", ">>"):
        return kinds != (Kind.NODES, Kind.NODES)
    if kinds[0] in _TEXTS and kinds[1] in _TEXTS:
        return False
    return kinds not in ((Kind.NUMBER, Kind.NUMBER), (Kind.BOOLEAN, Kind.BOOLEAN))


def _call_can_fail(name: str, arguments: tuple[Node, ...]) -> bool:
    if not arguments:
        return name not in _OF_FOCUS
    if name in _OF_ANYTHING:
        return False
    if name in _OF_TRUTH:
        return truth_can_fail(arguments[0])
    if not all(map(at_most_one, arguments)):
        return True
    if len(arguments) > 2 and name != f"{FN}concat":
        return True
    kinds = {kind(argument) for argument in arguments}
    if name in _OF_ATOM:
        return Kind.ANY in kinds
    if name in _OF_TEXT:
        return not kinds <= set(_TEXTS)
    return name not in _OF_NODE or kinds != {Kind.NODES}
