"""Which types derive from which, and which elements have them."""

from __future__ import annotations

from pathlib import Path

import pytest
import xmlschema

from clacks_events.catalog import BUILTIN_SCHEMAS, Catalog, TypeLineage
from tests.catalog.schemas import T, catalog, element, put, xsd

XS = "{http://www.w3.org/2001/XMLSchema}"
O = "{urn:o}"  # noqa: E741 - the prefix that the schemas bind
DATA = Path(__file__).parents[3] / "shared" / "data"
BASE = '<xs:complexType name="Base"/>'


def derived(name: str, base: str, how: str = "extension", content: str = "complexContent") -> str:
    """Declare a type that derives from another."""
    return (
        f'<xs:complexType name="{name}"><xs:{content}><xs:{how} base="{base}"/></xs:{content}>'
        "</xs:complexType>"
    )


def restricted(name: str, base: str) -> str:
    return f'<xs:simpleType name="{name}"><xs:restriction base="{base}"/></xs:simpleType>'


def lineage(known: Catalog, name: str) -> TypeLineage:
    found = known.derived_from_type(name)
    assert found is not None
    return found


def locals_of(names: frozenset[str]) -> str:
    return " ".join(sorted(name.rpartition("}")[2] for name in names))


def elements(known: Catalog, name: str) -> str:
    return locals_of(lineage(known, name).elements)


def test_extension_and_restriction_at_any_depth(tmp_path: Path) -> None:
    body = (
        BASE
        + derived("Child", "t:Base")
        + derived("Grandchild", "t:Child", "restriction")
        + element("A", "t:Base")
        + element("B", "t:Child")
        + element("C", "t:Grandchild")
        + element("D", "xs:string")
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body)})
    base = lineage(known, f"{T}Base")
    assert base.elements == {f"{T}A", f"{T}B", f"{T}C"}
    assert base.types == {f"{T}Base", f"{T}Child", f"{T}Grandchild"}
    assert base.candidates == base.elements
    child = lineage(known, f"{T}Child")
    assert child.elements == {f"{T}B", f"{T}C"}
    # An element of the base type may say that it is of the derived one.
    assert child.candidates == {f"{T}A", f"{T}B", f"{T}C"}


def test_across_files_and_namespaces(tmp_path: Path) -> None:
    other = (
        '<xs:import namespace="urn:t" schemaLocation="base.xsd"/>'
        + derived("Far", "t:Base")
        + element("F", "o:Far")
    )
    files = {"base.xsd": xsd(BASE + element("A", "t:Base")), "far.xsd": xsd(other, target="urn:o")}
    known = catalog(tmp_path, files)
    assert lineage(known, f"{T}Base").elements == {f"{T}A", f"{O}F"}
    assert lineage(known, f"{T}Base").types == {f"{T}Base", f"{O}Far"}
    assert lineage(known, f"{O}Far").candidates == {f"{T}A", f"{O}F"}


def test_types_of_no_namespace_and_of_an_includer(tmp_path: Path) -> None:
    part = xsd(BASE.replace("Base", "Part") + derived("More", "Part"), target=None)
    body = '<xs:include schemaLocation="sub/part.xsd"/>' + element("A", "t:More")
    files = {"a.xsd": xsd(body), "sub/part.xsd": part, "b.xsd": part.replace("More", "Bare")}
    known = catalog(tmp_path, files, strict=False)
    assert elements(known, f"{T}Part") == "A"
    assert known.derived_from_type("More") is None
    assert lineage(known, "Part").types == {"Part", "Bare"}


def test_a_type_without_a_name(tmp_path: Path) -> None:
    inline = derived("X", "t:Base").replace(' name="X"', "")
    body = BASE + derived("Child", "t:Base") + f'<xs:element name="A">{inline}</xs:element>'
    known = catalog(tmp_path, {"a.xsd": xsd(body)})
    assert elements(known, f"{T}Base") == "A"
    # No named type derives from one without a name, so that none can be put in its place.
    assert lineage(known, f"{T}Child").candidates == frozenset()


def test_a_member_without_a_type_has_that_of_its_head(tmp_path: Path) -> None:
    member = '<xs:element name="{}" substitutionGroup="t:{}"/>'
    body = (
        BASE
        + element("Head", "t:Base", 'abstract="true"')
        + member.format("Member", "Head")
        + member.format("Deeper", "Member")
        + '<xs:element name="Open"/>'
        + member.format("Opened", "Open")
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body)})
    assert elements(known, f"{T}Base") == "Deeper Head Member"
    assert elements(known, f"{XS}anyType") == "Deeper Head Member Open Opened"
    assert locals_of(lineage(known, f"{T}Base").candidates) == "Deeper Head Member Open Opened"


def test_simple_types(tmp_path: Path) -> None:
    body = (
        restricted("Small", "xs:short")
        + restricted("Tiny", "t:Small")
        + '<xs:simpleType name="List"><xs:list itemType="t:Small"/></xs:simpleType>'
        + '<xs:simpleType name="Either"><xs:union memberTypes="t:Tiny xs:date"/></xs:simpleType>'
        + '<xs:complexType name="Unit"><xs:simpleContent><xs:extension base="t:Small"/>'
        + "</xs:simpleContent></xs:complexType>"
        + '<xs:simpleType name="Inner"><xs:restriction><xs:simpleType>'
        + '<xs:restriction base="t:Tiny"/></xs:simpleType></xs:restriction></xs:simpleType>'
        + "".join(
            element(name, f"t:{name}")
            for name in ("Small", "Tiny", "List", "Either", "Unit", "Inner")
        )
        + element("Day", "xs:date")
        + element("Text", "xs:string")
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body)})
    assert elements(known, f"{T}Small") == "Inner Small Tiny Unit"
    assert elements(known, f"{XS}integer") == "Inner Small Tiny Unit"
    assert elements(known, f"{XS}decimal") == "Inner Small Tiny Unit"
    assert elements(known, f"{XS}anySimpleType") == "Day Either Inner List Small Text Tiny Unit"
    # A member type stands for the union.
    assert elements(known, f"{T}Either") == "Day Either Inner Tiny"
    assert locals_of(lineage(known, f"{T}Tiny").candidates) == "Either Inner Small Tiny"
    assert elements(known, f"{XS}string") == "Text"
    assert known.derived_from_type(f"{XS}colour") is None


def test_one_name_in_two_files_is_two_types(tmp_path: Path) -> None:
    files = {
        "a.xsd": xsd(BASE + derived("Kind", "t:Base") + element("A", "t:Kind")),
        "b.xsd": xsd(restricted("Kind", "xs:string") + element("B", "t:Kind")),
    }
    known = catalog(tmp_path, files)
    assert elements(known, f"{T}Base") == "A"
    assert elements(known, f"{XS}string") == "B"
    assert elements(known, f"{T}Kind") == "A B"


def test_a_redefined_type_derives_from_what_it_was(tmp_path: Path) -> None:
    redefined = (
        '<xs:redefine schemaLocation="sub/part.xsd"><xs:complexType name="Child">'
        '<xs:complexContent><xs:extension base="t:Child"><xs:attribute name="n"/></xs:extension>'
        "</xs:complexContent></xs:complexType></xs:redefine>"
    )
    files = {
        "a.xsd": xsd(redefined + element("A", "t:Child")),
        "sub/part.xsd": xsd(BASE + derived("Child", "t:Base")),
    }
    known = catalog(tmp_path, files)
    assert elements(known, f"{T}Base") == elements(known, f"{T}Child") == "A"


def test_an_overridden_type_is_another_one(tmp_path: Path) -> None:
    override = (
        '<xs:override schemaLocation="sub/part.xsd">'
        '<xs:complexType name="Child"><xs:sequence/></xs:complexType></xs:override>'
    )
    more = 'vc:minVersion="1.1"'
    files = {
        "a.xsd": xsd(override + element("A", "t:Child"), more=more),
        "sub/part.xsd": xsd(BASE + derived("Child", "t:Base"), more=more),
    }
    known = catalog(tmp_path, files)
    assert elements(known, f"{T}Child") == "A"
    assert elements(known, f"{T}Base") == ""


def test_a_type_that_depends_on_the_content(tmp_path: Path) -> None:
    body = (
        '<xs:complexType name="Base"><xs:attribute name="n"/></xs:complexType>'
        + derived("Child", "t:Base")
        + '<xs:element name="A" type="t:Base"><xs:alternative test="@n = 1" type="t:Child"/>'
        + "</xs:element>"
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body, more='vc:minVersion="1.1"')})
    assert lineage(known, f"{T}Child").conditional == {f"{T}A"}
    assert lineage(known, f"{T}Child").elements == frozenset()
    assert lineage(known, f"{T}Base").conditional == frozenset()
    assert lineage(known, f"{T}Base").elements == {f"{T}A"}


def test_types_come_and_go_with_the_files(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": xsd(BASE + element("A", "t:Base"))})
    assert elements(known, f"{T}Base") == "A"
    more = '<xs:include schemaLocation="a.xsd"/>' + derived("Child", "t:Base")
    put(tmp_path, {"b.xsd": xsd(more + element("B", "t:Child"))})
    assert known.refresh()
    assert elements(known, f"{T}Base") == "A B"
    put(tmp_path, {"b.xsd": "<broken"})
    known.refresh()
    assert elements(known, f"{T}Base") == "A B"
    (tmp_path / "b.xsd").unlink()
    assert known.refresh()
    assert elements(known, f"{T}Base") == "A"
    assert known.derived_from_type(f"{T}Child") is None


@pytest.mark.parametrize(
    ("name", "near"), [("{urn:t}Acount", [f"{T}Account"]), ("Account", [f"{T}Account"]), ("x", [])]
)
def test_near_types(tmp_path: Path, name: str, near: list[str]) -> None:
    known = catalog(tmp_path, {"a.xsd": xsd(BASE.replace("Base", "Account") + element("A"))})
    assert known.derived_from_type(name) is None
    assert known.near_types(name) == near


def test_the_built_in_schemas() -> None:
    known = Catalog([], builtin=True)
    assert BUILTIN_SCHEMAS in known.directories
    everything = lineage(known, f"{XS}anyType")
    assert {kind.name for kind in known.types} <= everything.elements


@pytest.mark.skipif(not DATA.is_dir(), reason="the real schemas are not here")
@pytest.mark.parametrize(
    ("family", "path"), [("kml", "ogckml22.xsd"), ("iso20022", "pain.001.001.03.xsd")]
)
def test_published_schemas_as_xmlschema_sees_them(family: str, path: str) -> None:
    schemas = DATA / family / "schemas"
    known = Catalog([schemas], builtin=False)
    maps = xmlschema.XMLSchema(schemas / path, allow="local").maps
    for name, wanted in maps.types.items():
        found = known.derived_from_type(name)
        for full, declared in maps.elements.items():
            # There a list derives from its items, here (XPath 3.1, 2.5.5) it does not.
            if found is not None and known.knows(full) and not declared.type.is_list():
                is_derived = declared.type is wanted or declared.type.is_derived(wanted)
                assert (full in found.elements) is is_derived, (full, name)
