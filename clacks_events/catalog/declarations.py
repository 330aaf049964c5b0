"""What the files declare: global elements, event types, lineage, documentation.

Read from the documents themselves, because building xmlschema's components takes a hundred
times longer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from lxml import etree

from clacks_events.catalog.documents import XSD, Document, Unit
from clacks_events.catalog.engine import SchemaFile
from clacks_events.envelope import NAMESPACE
from clacks_events.xml import local_name

__all__ = ["Declaration", "declarations", "lineage", "roots"]

_MARK = f"{{{NAMESPACE}}}eventType"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(slots=True, eq=False)
class Declaration:
    """One global element declaration."""

    name: str
    document: Document
    node: etree._Element
    heads: tuple[str, ...]
    """The heads of the substitution groups that it joins."""
    files: list[SchemaFile] = field(default_factory=list)
    """The entry files that can judge it, its own first."""

    @property
    def path(self) -> Path:
        """The XSD file that it stands in."""
        return self.document.path

    def is_same(self, other: Declaration) -> bool:
        """Tell whether both come from one file, or from two copies of it."""
        return self.path == other.path or self.document.data == other.document.data

    @property
    def is_abstract(self) -> bool:
        """Whether only members of its substitution group can occur."""
        return self.node.get("abstract") in ("true", "1")

    @property
    def documentation(self) -> str:
        """The text of xs:documentation, of the element or else of its type."""
        return _documentation(self.node) or _documentation(self._type_node())

    def _type_node(self) -> etree._Element | None:
        inline = self.node.find(XSD + "complexType")
        named = self.node.get("type", "").rpartition(":")[2]
        schema = self.node.getparent()
        if inline is not None or not named or schema is None:
            return inline
        return next((t for t in schema if t.get("name") == named and t.tag in _TYPES), None)


_TYPES = (XSD + "complexType", XSD + "simpleType")


def _documentation(node: etree._Element | None) -> str:
    found = [] if node is None else node.findall(f"{XSD}annotation/{XSD}documentation")
    texts = [text for item in found if (text := " ".join("".join(item.itertext()).split()))]
    english = [
        " ".join("".join(item.itertext()).split())
        for item in found
        if item.get(_LANG, "").startswith("en")
    ]
    return "\n\n".join(english or texts)


def declarations(
    files: Iterable[SchemaFile], offers: Mapping[str, SchemaFile] = MappingProxyType({})
) -> dict[str, Declaration]:
    """Return all global elements by Clark name.

    Files may use one name for different elements: then the one counts that a file ``offers`` as
    its event type, or else the first.
    """
    own = [(file, _declared(file)) for file in files]
    found = {
        name: declaration
        for file, declared in own
        for name, declaration in declared.items()
        if offers.get(name) is file
    }
    for file, declared in own:
        for name, declaration in declared.items():
            known = found.setdefault(name, declaration)
            if known.is_same(declaration):
                _add_judge(known, file, offers.get(name))
    return found


def _declared(file: SchemaFile) -> dict[str, Declaration]:
    found: dict[str, Declaration] = {}
    for unit in file.units:
        for node in unit.document.root.iterchildren(XSD + "element"):
            declaration = _declaration(unit, node)
            found.setdefault(declaration.name, declaration)
    return found


def _add_judge(declaration: Declaration, file: SchemaFile, offering: SchemaFile | None) -> None:
    if file is offering or (offering is None and file.path == declaration.path):
        declaration.files.insert(0, file)
    elif not file.changes_parts or not declaration.files:
        # A file that redefines what it includes speaks for itself alone.
        declaration.files.append(file)


def _declaration(unit: Unit, node: etree._Element) -> Declaration:
    heads = tuple(unit.resolved(node, head) for head in node.get("substitutionGroup", "").split())
    return Declaration(unit.named(node.get("name", "")), unit.document, node, heads)


def lineage(name: str, known: Mapping[str, Declaration]) -> tuple[str, ...]:
    """Return the substitution-group chain of an element, root first, itself last."""
    chain: list[str] = []
    seen: set[str] = set()

    def climb(current: str) -> None:
        if current in seen:
            return
        seen.add(current)
        for head in known[current].heads if current in known else ():
            climb(head)
        chain.append(current)

    climb(name)
    return tuple(chain)


def roots(file: SchemaFile, entries: Collection[Path]) -> list[str]:
    """Return the event types of an entry file, as Clark names in document order.

    The element named like the file, if there is one, with those that derive from it; otherwise
    every global element that nothing else references. ``<e:eventType>true|false</e:eventType>``
    in xs:appinfo overrides.
    What the file includes belongs to it unless that is one of the ``entries`` itself.
    """
    own = [
        unit
        for unit in file.units
        if unit.namespace == file.units[0].namespace
        and (unit.document.path == file.path or unit.document.path not in entries)
    ]
    nodes = [
        (unit.named(node.get("name", "")), node)
        for unit in own
        for node in unit.document.root.iterchildren(XSD + "element")
    ]
    chosen = _chosen(file, [name for name, _ in nodes])
    return [name for name, node in nodes if _marked(node, name in chosen)]


def _chosen(file: SchemaFile, names: Sequence[str]) -> set[str]:
    namesake = [name for name in names if local_name(name) == file.path.stem]
    if namesake:
        return {*namesake, *_members(file, namesake)}
    referenced = {name for unit in file.units for name in _references(unit)}
    free = {name for name in names if name not in referenced}
    # Elements that only refer to each other: each of them can be a root.
    return free or set(names)


def _members(file: SchemaFile, heads: Collection[str]) -> set[str]:
    known = declarations([file])
    return {name for name in known if not set(heads).isdisjoint(lineage(name, known))}


def _references(unit: Unit) -> Iterator[str]:
    for node in unit.document.root.iter(XSD + "element"):
        ref = node.get("ref")
        if ref:
            target = unit.resolved(node, ref)
            holder = _global_ancestor(node)
            if target != unit.named(holder):
                yield target


def _global_ancestor(node: etree._Element) -> str:
    """Return the name of the global element that a reference stands in, or ''."""
    top = node
    while (parent := top.getparent()) is not None and parent.getparent() is not None:
        top = parent
    return top.get("name", "") if top.tag == XSD + "element" else ""


def _marked(node: etree._Element, default: bool) -> bool:
    mark = node.findtext(f"{XSD}annotation/{XSD}appinfo/{_MARK}")
    return default if mark is None else mark.strip() in ("true", "1")
