"""Conditions and branches: ``and``, ``or``, ``if``, ``switch`` and ``try``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from clacks_events.errors import EvaluationError
from clacks_events.filter import nodes
from clacks_events.filter.compiled.branches import choosing, truth_code
from clacks_events.filter.compiled.code import (
    Code,
    Count,
    Frame,
    Order,
    Scope,
    merged,
    ordered,
)
from clacks_events.filter.compiled.truth import test_of
from clacks_events.filter.compiled.values import optional_atom
from clacks_events.filter.items import Item
from clacks_events.filter.xquery.atomic import same

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = ["LOWERED"]


def _or(lowering: Lowering, node: nodes.Or, scope: Scope) -> Code:
    tests = [test_of(lowering.lower(part, scope)) for part in node.parts]
    if len(tests) == 2:
        one, other = tests
        return truth_code(lambda item, frame: one(item, frame) or other(item, frame))
    return truth_code(lambda item, frame: any(test(item, frame) for test in tests))


def _and(lowering: Lowering, node: nodes.And, scope: Scope) -> Code:
    tests = [test_of(lowering.lower(part, scope)) for part in node.parts]
    if len(tests) == 1:
        return truth_code(tests[0])
    if len(tests) == 2:
        one, other = tests
        return truth_code(lambda item, frame: one(item, frame) and other(item, frame))

    def test(item: Item, frame: Frame) -> bool:
        for each in tests:  # noqa: SIM110, a generator costs as much as a test
            if not each(item, frame):
                return False
        return True

    return truth_code(test)


def _if(lowering: Lowering, node: nodes.If, scope: Scope) -> Code:
    condition = test_of(lowering.lower(node.condition, scope))
    then, otherwise = lowering.lower(node.then, scope), lowering.lower(node.otherwise, scope)
    return choosing([then, otherwise], lambda item, frame: 0 if condition(item, frame) else 1)


def _switch(lowering: Lowering, node: nodes.Switch, scope: Scope) -> Code:
    what = "an operand of switch"
    operand = optional_atom(lowering.lower(node.operand, scope), what)
    cases = [
        (number, optional_atom(lowering.lower(each, scope), what))
        for number, case in enumerate(node.cases)
        for each in case.operands
    ]
    default = len(node.cases)

    def choose(item: Item, frame: Frame) -> int:
        value = operand(item, frame)
        for number, candidate in cases:
            if same(value, candidate(item, frame)):
                return number
        return default

    results = [*(case.result for case in node.cases), node.default]
    return choosing([lowering.lower(result, scope) for result in results], choose)


def _try(lowering: Lowering, node: nodes.Try, scope: Scope) -> Code:
    body = lowering.lower(node.body, scope)
    catches = [(catch.codes, lowering.lower(catch.result, scope)) for catch in node.catches]
    runs = [(codes, ordered(code)) for codes, code in catches]
    items = ordered(body)

    def run(item: Item, frame: Frame) -> Iterable[Item]:
        try:
            return list(items(item, frame))
        except EvaluationError as error:
            for codes, recover in runs:
                if _is_caught(error, codes):
                    return recover(item, frame)
            raise

    kinds = [body.kind, *(code.kind for _, code in catches)]
    return Code(run, merged(kinds), Count.MANY, order=Order.RAW)


_ERRORS: Final = "http://www.w3.org/2005/xqt-errors"


def _is_caught(error: EvaluationError, codes: tuple[tuple[str | None, str | None], ...]) -> bool:
    return any(
        namespace in (None, _ERRORS) and local in (None, error.code) for namespace, local in codes
    )


LOWERED: Final[Mapping[type, Callable[..., Code]]] = {
    nodes.Or: _or,
    nodes.And: _and,
    nodes.If: _if,
    nodes.Switch: _switch,
    nodes.Try: _try,
}
