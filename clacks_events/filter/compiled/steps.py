"""Axes and node tests: from one node to the nodes of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from lxml import etree

from clacks_events.filter import nodes
from clacks_events.filter.compiled.code import NotLowerable, Place
from clacks_events.filter.items import Attribute, Document, Item, Text, has_type

__all__ = ["PARENTS", "Walk", "lxml_name", "passes", "walk"]

Walk: TypeAlias = Callable[[Item], Iterable[Item]]
"""From a node to those of a step, in the order of the axis."""

_ELEMENTS: Final = (Place.ELEMENT, Place.ENVELOPE)


def walk(axis: str, test: nodes.Test, place: Place) -> Walk:
    """Return the step from a node of a kind; raise NotLowerable for a rare axis."""
    if axis == "attribute":
        return _attributes(test)
    name = lxml_name(test)
    if name is not None and place in _ELEMENTS and axis in _BY_NAME:
        return _BY_NAME[axis](name)
    if test is PARENTS.test:
        return _PARENTS.get(place, _self_and_below)
    if axis not in _AXES:
        raise NotLowerable(f"the axis {axis}")
    move, accepts = _AXES[axis], passes(test)
    return lambda node: (found for found in move(node) if accepts(found))


def lxml_name(test: nodes.Test) -> str | None:
    """Return the test as lxml writes it, if it is one of elements by name."""
    match test:
        case nodes.NameTest(None, None):
            return "*"
        case nodes.NameTest(None, local):
            return f"{{*}}{local}"
        case nodes.NameTest(namespace, local):
            return f"{{{namespace}}}{local or '*'}" if namespace else local or "{}*"
        case _:
            return None


_BY_NAME: Final[dict[str, Callable[[str], Walk]]] = {
    "child": lambda name: lambda node: node.iterchildren(name),
    "descendant": lambda name: lambda node: node.iterdescendants(name),
    "descendant-or-self": lambda name: lambda node: node.iter(name),
    "following-sibling": lambda name: lambda node: node.itersiblings(name),
    "preceding-sibling": lambda name: lambda node: node.itersiblings(name, preceding=True),
}


def passes(test: nodes.Test) -> Callable[[Item], bool]:
    """Return the test of one node that no attribute axis gave."""
    match test:
        case nodes.NameTest(namespace, local):
            return _named(namespace, local)
        case nodes.SchemaElementTest(names):
            return lambda node: _is_element(node) and node.tag in names
        case nodes.SchemaTypeTest():
            return lambda node: _is_element(node) and has_type(node, test)
        case nodes.KindTest(text) if text in _KINDS:
            return _KINDS[text]
        case nodes.KindTest(text) if text.startswith("processing-instruction("):
            return _instruction(text.partition("(")[2].removesuffix(")").strip("'\""))
        case _:
            raise NotLowerable(f"the test {getattr(test, 'text', test)}")


def _instruction(target: str) -> Callable[[Item], bool]:
    return lambda node: isinstance(node, etree._ProcessingInstruction) and node.target == target


def _is_element(node: Item) -> bool:
    return isinstance(node, etree._Element) and isinstance(node.tag, str)


def _named(namespace: str | None, local: str | None) -> Callable[[Item], bool]:
    if namespace is None and local is None:
        return _is_element
    if namespace is not None and local is not None:
        name = f"{{{namespace}}}{local}" if namespace else local
        return lambda node: isinstance(node, etree._Element) and node.tag == name

    def test(node: Item) -> bool:
        if not _is_element(node):
            return False
        qualified = etree.QName(node)
        if local is not None:
            return qualified.localname == local
        return (qualified.namespace or "") == namespace

    return test


_KINDS: Final[dict[str, Callable[[Item], bool]]] = {
    "node()": lambda node: True,
    "element()": _is_element,
    "element(*)": _is_element,
    "text()": lambda node: isinstance(node, Text),
    "comment()": lambda node: isinstance(node, etree._Comment),
    "processing-instruction()": lambda node: isinstance(node, etree._ProcessingInstruction),
    "document-node()": lambda node: isinstance(node, Document),
}


def _attributes(test: nodes.Test) -> Walk:
    match test:
        case nodes.NameTest(str(namespace), str(local)):
            return _one_attribute(f"{{{namespace}}}{local}" if namespace else local)
        case nodes.NameTest(namespace, local):
            return lambda node: (a for a in _all_attributes(node) if _has(a, namespace, local))
        case nodes.KindTest("attribute()" | "attribute(*)" | "node()"):
            return _all_attributes
        case nodes.KindTest("text()" | "comment()" | "element()"):
            return lambda node: ()
        case _:
            raise NotLowerable(f"the attribute test {getattr(test, 'text', test)}")


def _one_attribute(name: str) -> Walk:
    def step(node: Item) -> Iterable[Item]:
        if isinstance(node, etree._Element):
            value = node.get(name)
            if value is not None:
                return (Attribute(node, name, value),)
        return ()

    return step


def _all_attributes(node: Item) -> Iterator[Attribute]:
    if isinstance(node, etree._Element):
        for name, value in node.items():
            yield Attribute(node, str(name), str(value))


def _has(attribute: Attribute, namespace: str | None, local: str | None) -> bool:
    qualified = etree.QName(attribute.name)
    if local is not None and qualified.localname != local:
        return False
    return namespace is None or (qualified.namespace or "") == namespace


def _children(node: Item) -> Iterator[Item]:
    if isinstance(node, Document):
        yield from node.children()
    elif _is_element(node):
        if node.text:
            yield Text(node, None, node.text)
        for child in node:
            yield child
            if child.tail:
                yield Text(node, child, child.tail)


def _below(node: Item) -> Iterator[Item]:
    # A stack of its own, so that the depth of an event is not that of Python's.
    stack = [_children(node)]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
            continue
        yield child
        stack.append(_children(child))


def _document_and_elements(document: Document) -> Iterator[Item]:
    yield document
    yield from document.root.iter("*")


def _self(node: Item) -> Iterator[Item]:
    yield node


def _self_and_below(node: Item) -> Iterator[Item]:
    yield node
    yield from _below(node)


def _parent(node: Item) -> Iterator[Item]:
    if isinstance(node, (Attribute, Text)):
        yield node.owner
    elif isinstance(node, etree._Element):
        parent = node.getparent()
        if parent is not None:
            yield parent
        else:
            yield Document(node.getroottree().getroot())


def _ancestors(node: Item) -> Iterator[Item]:
    found = next(_parent(node), None)
    while found is not None:
        yield found
        found = next(_parent(found), None)


def _self_and_ancestors(node: Item) -> Iterator[Item]:
    yield node
    yield from _ancestors(node)


PARENTS: Final = nodes.Step("descendant-or-self", nodes.KindTest("(parents)"))
"""``descendant-or-self::node()`` in front of a step to elements, which only some nodes have."""

_PARENTS: Final[dict[Place, Walk]] = {
    Place.DOCUMENT: _document_and_elements,
    Place.ENVELOPE: lambda node: node.iter("*"),
    Place.ELEMENT: lambda node: node.iter("*"),
}
_AXES: Final[dict[str, Callable[[Item], Iterator[Item]]]] = {
    "child": _children,
    "descendant": _below,
    "descendant-or-self": _self_and_below,
    "self": _self,
    "parent": _parent,
    "ancestor": _ancestors,
    "ancestor-or-self": _self_and_ancestors,
}
