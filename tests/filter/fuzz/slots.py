"""What fills the slots of templates: paths, comparisons that hold, constants, variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.filter.fuzz.values import LITERALS
from tests.filter.fuzz.vocabulary import Leaf
from tests.filter.fuzz.writer import Writer

__all__ = ["SLOTS"]

_OPERATORS: Final = ("=", "=", ">", "<", "!=", ">=", "<=")
_VALUE_OPERATORS: Final = ("eq", "gt", "lt", "ne", "ge", "le")
_ATOMIC: Final = (
    "xs:integer",
    "xs:double",
    "xs:decimal",
    "xs:date",
    "xs:boolean",
    "xs:string",
    "xs:float",
    "xs:dateTime",
    "xs:dayTimeDuration",
    "xs:untypedAtomic",
    "xs:int",
    "xs:token",
    "xs:anyURI",
    "xs:time",
    "xs:gYear",
    "xs:NMTOKEN",
    "xs:nonNegativeInteger",
    "xs:yearMonthDuration",
)
_TYPES: Final = (
    "xs:string",
    "xs:integer",
    "node()",
    "element()+",
    "xs:untypedAtomic*",
    "item()*",
    "xs:double?",
    "xs:decimal",
    "attribute()",
    "empty-sequence()",
    "text()?",
    "xs:anyAtomicType+",
    "xs:boolean",
    "xs:date",
    "document-node()",
    "element(*)*",
    "comment()",
)
_PATTERNS: Final = ("'^b'", "'[a-z]+$'", "'\\d'", "'y$'", "'^\\s*$'", "'.'", "'a|10'")
_STEPS: Final = (
    "*",
    "text()",
    "node()",
    "comment()",
    "@*",
    "..",
    "self::*",
    "descendant::*",
    "descendant-or-self::node()",
    "ancestor::*",
    "ancestor-or-self::*",
    "following-sibling::*",
    "preceding-sibling::*",
    "following::*",
    "preceding::*",
    "parent::*",
    "processing-instruction()",
    "element()",
    "attribute::*",
    "parent::node()",
    "child::node()",
    "*[1]",
    "*[last()]",
)

_RELATED: Final = {
    "nodes": ("nodes", "node"),
    "node": ("node",),
    "number": ("number", "integer", "double"),
    "integer": ("integer",),
    "atomic": ("atomic", "string", "number", "integer", "boolean", "date", "moment", "node"),
    "sequence": ("sequence", "nodes", "node", "atomic", "string", "integer", "number"),
}
_FALLBACK: Final = {
    "nodes": "{PATH}",
    "node": "{PATH}[1]",
    "number": "{NUMBER}",
    "integer": "{INTEGER}",
    "string": "{STRING}",
    "boolean": "{MATCHING}",
    "date": "{DATE}",
    "moment": "{MOMENT}",
    "atomic": "{STRING}",
    "sequence": "{PATH}",
}


def _variable(writer: Writer, kind: str) -> str:
    names = writer.named(_RELATED.get(kind, (kind,)))
    if names:
        # The latest is what the template around is about.
        return f"${names[-1] if writer.choices.happens(70) else writer.choices.one(names)}"
    return writer.filled(_FALLBACK[kind])


def _call(writer: Writer, kind: str) -> str:
    fitting = [function for function in writer.functions if function.kind == kind]
    if not fitting:
        return writer.filled(_FALLBACK[kind])
    function = writer.choices.one(fitting)
    return f"{function.name}({', '.join(map(writer.write, function.parameters))})"


def _map(writer: Writer, _: str) -> str:
    return writer.one(
        (
            writer.filled("map { 'k': {string} }?k"),
            writer.filled("[{string}, {string}](1)"),
            writer.filled("map { {STRING}: {string} }('a')"),
            writer.filled("(let {let:string} return [{VARIABLE:string}]?1)"),
        )
    )


def _path(writer: Writer, _: str = "") -> str:
    choices, words = writer.choices, writer.vocabulary
    nodes = writer.named(("nodes", "node"))
    if writer.focus == "none" and not nodes:
        return "()"
    if nodes and (writer.focus == "none" or choices.happens(40)):
        return f"${nodes[-1]}/{_relative(writer, words.leaf(choices))}"
    if writer.focus == "item":
        return choices.one(
            (_relative(writer, words.leaf(choices)), ".", "@*", "..", "*", "self::*")
        )
    return choices.one(
        (
            words.to_leaf(choices),
            words.to_leaf(choices),
            f"//{words.leaf(choices).test(choices)}",
            words.to_type(choices),
            _schema_test(writer),
            f"//{words.leaf(choices).step(choices)}",
            f"./e:Event//{words.leaf(choices).test(choices)}",
            "/*/*/*",
            "./e:Event/@source",
            "//*",
            "//@*",
            "//text()",
            "/e:Event",
            ".",
        )
    )


def _schema_test(writer: Writer) -> str:
    tests = tuple(writer.vocabulary.schema_tests)
    if not tests:
        return writer.vocabulary.to_type(writer.choices)
    test = writer.one(tests)
    # Of what is inside of a payload nobody knows the type.
    anywhere = ("/",) if test.startswith("schema-element") else ()
    return f"{writer.one(('./e:Event', '/*', '/e:Event', *anywhere))}/{test}"


def _relative(writer: Writer, leaf: Leaf) -> str:
    step = leaf.step(writer.choices)
    return writer.one((step, step, f"./{step}", f".//{step}", "*", "@*", "."))


def _matching(writer: Writer, _: str = "") -> str:
    """Return a condition that often holds: a field compared with a value of its own type."""
    choices = writer.choices
    leaf = writer.vocabulary.leaf(choices)
    nodes = writer.named(("nodes", "node"))
    if writer.focus == "none" and not nodes:
        return writer.filled("{VARIABLE:string} = {STRING}")
    if nodes and (writer.focus == "none" or choices.happens(60)):
        path = f"${choices.one(nodes)}/{leaf.step(choices)}"
    elif writer.focus == "item":
        path = leaf.step(choices)
    else:
        path = choices.one((leaf.path(choices), f"//{leaf.step(choices)}"))
    literal = choices.one(LITERALS[leaf.kind if choices.happens(80) else "string"])
    shape = choices.one(("{0} {1} {2}", "{0}", "{0} {1} {2}", "{0}[. {1} {2}]", "{2} {1} {0}"))
    return shape.format(path, choices.one(_OPERATORS), literal)


def _header(writer: Writer, _: str = "") -> str:
    headers = [h for h in writer.headers if h.kind in LITERALS]
    if not headers:
        return _matching(writer)
    header = writer.choices.one(headers)
    literal = writer.choices.one(LITERALS[header.kind])
    return f"${header.name} {writer.one(_OPERATORS)} {literal}"


def _step(writer: Writer, _: str = "") -> str:
    leaf = writer.vocabulary.leaf(writer.choices)
    return writer.one((leaf.step(writer.choices), leaf.step(writer.choices), *_STEPS))


def _condition(writer: Writer, _: str = "") -> str:
    return (
        writer.filled("({MATCHING} and {MATCHING})")
        if writer.choices.happens(20)
        else _matching(writer)
    )


Slot = Callable[[Writer, str], str]


def _from(options: tuple[str, ...]) -> Slot:
    return lambda writer, _: writer.choices.one(options)


SLOTS: Final[dict[str, Slot]] = {
    "PATH": _path,
    "STEP": _step,
    "MATCHING": _matching,
    "CONDITION": _condition,
    "HEADER": _header,
    "INDEX": _from(("1", "2", "last()", "1.0", "1.5", "2e0", "last() - 1", "position() < 3")),
    "OPERATOR": _from(_OPERATORS),
    "VALUE_OPERATOR": _from(_VALUE_OPERATORS),
    "TYPE": _from(_TYPES),
    "ATOMIC": _from(_ATOMIC),
    "PATTERN": _from(_PATTERNS),
    "INTEGER": _from(LITERALS["integer"]),
    "NUMBER": _from((*LITERALS["decimal"], *LITERALS["double"])),
    "STRING": _from(LITERALS["string"]),
    "DATE": _from(LITERALS["date"]),
    "MOMENT": _from(LITERALS["dateTime"]),
    "VARIABLE": _variable,
    "CALL": _call,
    "MAP": _map,
}
