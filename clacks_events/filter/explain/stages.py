"""The stages of a filter, from its text to who decides what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from clacks_events.errors import FilterError
from clacks_events.filter import nodes
from clacks_events.filter.index.atoms import Affix, Atom, OneOf, Side, Within
from clacks_events.filter.index.comparisons import leaf
from clacks_events.filter.index.forest import Forest
from clacks_events.filter.nodes import Module, Node
from clacks_events.filter.parsing import parse
from clacks_events.filter.residual import obstacle
from clacks_events.filter.rules import RULES
from clacks_events.filter.rules.fixpoint import normalise, table
from clacks_events.filter.written import written
from clacks_events.topic import ALL
from clacks_events.xml import local_name

if TYPE_CHECKING:
    from clacks_events.filter.filter import Filter

__all__ = ["Unchanged", "stages", "unchanged"]

_WIDTH: Final = 90
_MOST_ROUNDS: Final = 10


@dataclass(frozen=True, slots=True)
class Unchanged:
    """What a filter was before any rule was applied, and the prefixes to speak of it."""

    body: Node | None = None
    prefixes: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


def unchanged(compiled: Filter) -> Unchanged:
    """Return what a query is parsed to; nothing for a filter without one."""
    if not compiled.text:
        return Unchanged()
    origin = compiled.origin
    try:
        parsed = parse(compiled.text, origin.prefixes, origin.catalog)
    except FilterError as error:
        # A schema that the query names may have gone since the filter was compiled.
        return Unchanged(None, dict(origin.prefixes), str(error).partition("\n")[0])
    query = parsed.query
    return Unchanged(parsed.module.body, {**query.namespaces, "": query.default_namespace})


def stages(compiled: Filter, start: Unchanged) -> Iterator[str]:
    """Yield the stages as lines of text."""
    if compiled.text:
        yield "query"
        yield from (f"  {line}" for line in compiled.text.strip().splitlines())
    if start.fault:
        yield f"parsed    cannot be shown any more: {start.fault}"
    if start.body is not None:
        yield from _parsed(compiled.text, start.body, start.prefixes)
        for name, body in _rewritten(start.body, start.prefixes):
            yield f"rule      {name}"
            yield from _lines(body, start.prefixes)
    yield f"types     {_names(compiled.types)}"
    yield f"sources   {_names(compiled.sources)}"
    yield from _headers(compiled, start.prefixes)
    yield from _bindings(compiled)
    yield from _residual(compiled, start)


def _parsed(text: str, body: Node, prefixes: Mapping[str, str]) -> Iterator[str]:
    if " ".join(text.split()) == written(body, prefixes):
        yield "parsed    as it is written"
    else:
        yield "parsed"
        yield from _lines(body, prefixes)


def _rewritten(body: Node, prefixes: Mapping[str, str]) -> Iterator[tuple[str, Node]]:
    """Yield what each rule makes of the query, one rule after the other until all are done."""
    text = written(body, prefixes)
    body = normalise(body, {})
    if written(body, prefixes) != text:
        text = written(body, prefixes)
        yield "paths begin at the document", body
    tables = [(rule.name, table((rule,))) for rule in RULES]
    for _ in range(_MOST_ROUNDS):
        before = body
        for name, rules in tables:
            body = normalise(body, rules)
            if written(body, prefixes) != text:
                text = written(body, prefixes)
                yield name, body
        if body is before:
            return


def _lines(node: Node, prefixes: Mapping[str, str]) -> Iterator[str]:
    """Yield a query, the parts of a long conjunction or disjunction one below the other."""
    text = written(node, prefixes)
    if len(text) <= _WIDTH or not isinstance(node, nodes.And | nodes.Or):
        yield f"  {text}"
        return
    word = "and" if isinstance(node, nodes.And) else "or"
    for number, part in enumerate(node.parts):
        # Written beside another one it gets the parentheses that it needs.
        beside = written(type(node)((part, nodes.Literal(True))), prefixes)
        yield f"  {f'{word} ' if number else ''}{beside.removesuffix(f' {word} true()')}"


def _is_looked_up(atom: Atom | None) -> bool:
    if isinstance(atom, Affix):
        return atom.side is Side.START
    return isinstance(atom, OneOf | Within)


def _names(names: frozenset[str] | None) -> str:
    if names is None:
        return "any"
    return ", ".join(sorted(map(local_name, names))) or "none"


def _headers(compiled: Filter, prefixes: Mapping[str, str]) -> Iterator[str]:
    for number, external in enumerate(compiled.externals):
        declared = written(Module((external,), nodes.Literal(True)), prefixes)
        declared = declared.partition("\n")[0].removeprefix("declare variable ").removesuffix(";")
        yield f"{'' if number else 'headers':<10}{declared.replace(' external', '')}"


def _bindings(compiled: Filter) -> Iterator[str]:
    yield "bindings  (decided by the broker)"
    yield from (f"  {pattern}" for pattern in compiled.bindings)
    if not compiled.bindings:
        yield "  none: no event can match"
    elif compiled.bindings == (ALL,):
        yield "  nothing can be told from type or source: every event is delivered"


def _residual(compiled: Filter, start: Unchanged) -> Iterator[str]:
    yield "residual  (decided at the consumer)"
    if compiled.residual == nodes.Literal(True):
        wants_all = compiled.types is None and compiled.sources is None
        everything = "nothing: every event matches"
        yield f"  {everything if wants_all else 'type and source, by their full names'}"
        return
    yield from _lines(compiled.residual, start.prefixes)
    yield from _engine(Module(compiled.externals, compiled.residual), start.prefixes)
    yield "index     (looked up, among many filters)"
    looked_up = [
        line for part in _indexed(compiled.residual) for line in _lines(part, start.prefixes)
    ]
    yield from looked_up or ["  nothing: evaluated for each event of these types and sources"]


def _indexed(node: Node) -> list[Node]:
    """Return the conditions that an index finds a filter by."""
    match node:
        case nodes.And(parts):
            return [found for part in parts for found in _indexed(part)]
        case nodes.Or(parts):
            each = [_indexed(part) for part in parts]
            # An alternative that cannot be looked up has to be evaluated always.
            return [found for part in each for found in part] if all(each) else []
        case _:
            known = leaf(node, Forest().borrow)
            return [node] if known and _is_looked_up(known[1]) else []


def _engine(module: Module, prefixes: Mapping[str, str]) -> Iterator[str]:
    hindrance = obstacle(module)
    if hindrance is None:
        yield "engine    compiled"
        return
    body = module.body
    first = body.parts if isinstance(body, nodes.And) else ()
    parts = tuple(part for part in first if obstacle(Module(module.externals, part)) is None)
    if parts:
        yield "engine    compiled, for a first look"
        yield from _lines(nodes.And(parts) if len(parts) > 1 else parts[0], prefixes)
    yield f"engine    elementpath, since this is not compiled: {hindrance}"
