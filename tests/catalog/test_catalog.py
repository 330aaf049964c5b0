"""Event types, lineage and validation."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from clacks_events.catalog import BUILTIN_SCHEMAS, Catalog
from clacks_events.envelope import NAMESPACE
from clacks_events.errors import CatalogError, ConfigError, InvalidEvent, UnknownEventType
from clacks_events.event import Event
from tests.catalog.schemas import T, accepts, catalog, element, names, put, xsd

E = f"{{{NAMESPACE}}}"
MARK = "<xs:annotation><xs:appinfo><e:eventType>{}</e:eventType></xs:appinfo></xs:annotation>"


def marked(name: str, mark: str) -> str:
    return f'<xs:element name="{name}">{MARK.format(mark)}</xs:element>'


def test_the_built_in_types() -> None:
    known = Catalog()
    assert known.directories == (BUILTIN_SCHEMAS,)
    assert len(known.types) == 36
    assert known.problems == ()
    kind = known.type("PhoneStatus")
    assert (kind.name, kind.namespace) == (f"{E}PhoneStatus", NAMESPACE)
    assert kind.file == BUILTIN_SCHEMAS / "PhoneStatus.xsd"
    assert kind.lineage == (f"{E}PhoneStatus",)
    assert kind.documentation
    assert not kind.is_abstract
    assert "PuppetLog" not in names(known)


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no schema directory at .*nowhere"):
        Catalog([tmp_path / "nowhere"])
    put(tmp_path, {"a.xsd": xsd("")})
    with pytest.raises(ConfigError, match=r"a\.xsd"):
        Catalog([tmp_path / "a.xsd"])
    assert Catalog(builtin=False).types == ()


def test_a_file_named_like_an_element_has_that_type_alone(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"Order.xsd": xsd(element("Order") + element("Other"))})
    assert names(known) == ["Order"]
    assert known.knows(f"{T}Other")
    assert not known.knows(f"{T}Another")


def test_what_derives_from_the_namesake_is_an_event_type_too(tmp_path: Path) -> None:
    added = '<xs:element name="Added" substitutionGroup="t:Order"/>'
    known = catalog(tmp_path, {"Order.xsd": xsd(element("Order") + element("Other") + added)})
    assert names(known) == ["Added", "Order"]


def test_other_files_have_all_that_nothing_references(tmp_path: Path) -> None:
    body = (
        element("Free") + element("Part") + '<xs:element name="Tree"><xs:complexType><xs:sequence>'
        '<xs:element ref="t:Part"/><xs:element ref="t:Tree" minOccurs="0"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    assert names(catalog(tmp_path, {"some.xsd": xsd(body)})) == ["Free", "Tree"]


def test_elements_that_only_refer_to_each_other_are_all_types(tmp_path: Path) -> None:
    body = "".join(
        f'<xs:element name="{one}"><xs:complexType><xs:sequence>'
        f'<xs:element ref="t:{other}" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>'
        for one, other in (("A", "B"), ("B", "A"))
    )
    assert names(catalog(tmp_path, {"some.xsd": xsd(body)})) == ["A", "B"]


def test_marks_override(tmp_path: Path) -> None:
    body = marked("Order", "false") + marked("Other", " true ") + element("Plain")
    assert names(catalog(tmp_path, {"Order.xsd": xsd(body)})) == ["Other"]
    assert names(catalog(tmp_path, {"Order.xsd": xsd(element("Order") + marked("X", "1"))})) == [
        "Order",
        "X",
    ]


def test_files_in_subdirectories_are_no_entries(tmp_path: Path) -> None:
    files = {"a.xsd": xsd(element("A")), "sub/b.xsd": xsd(element("B")), "sub/c.xsd": "broken"}
    known = catalog(tmp_path, files)
    assert names(known) == ["A"]
    assert not known.knows(f"{T}B")


def test_an_included_part_that_does_not_compile_alone_is_no_problem(tmp_path: Path) -> None:
    files = {
        "main.xsd": xsd('<xs:include schemaLocation="part.xsd"/>' + element("A", "t:Kind")),
        "part.xsd": xsd(
            '<xs:simpleType name="Kind"><xs:restriction base="t:Base"/></xs:simpleType>'
        ),
        "zbase.xsd": xsd(""),
    }
    files["main.xsd"] = files["main.xsd"].replace(
        "<xs:include", '<xs:include schemaLocation="base.xsd"/><xs:include', 1
    )
    files["base.xsd"] = xsd(
        '<xs:simpleType name="Base"><xs:restriction base="xs:int"/></xs:simpleType>'
    )
    known = catalog(tmp_path, files)
    assert names(known) == ["A"]
    assert accepts(known, "<t:A>1</t:A>")
    assert not accepts(known, "<t:A>x</t:A>")


def test_two_files_with_one_root(tmp_path: Path) -> None:
    files = {"a.xsd": xsd(element("A")), "b.xsd": xsd("\n" + element("A", "xs:string"))}
    with pytest.raises(
        CatalogError, match=r"declares the event type A, which .* declares too"
    ) as e:
        catalog(tmp_path, files)
    assert e.value.file == str(tmp_path / "b.xsd")
    assert e.value.line == 3
    assert str(tmp_path / "a.xsd") in str(e.value)
    known = catalog(tmp_path, files, strict=False)
    assert [problem.file for problem in known.problems] == [str(tmp_path / "b.xsd")]
    assert not accepts(known, "<t:A>text</t:A>")


def test_one_file_in_two_directories(tmp_path: Path) -> None:
    text = xsd(element("A"))
    one, two = put(tmp_path / "1", {"a.xsd": text}), put(tmp_path / "2", {"a.xsd": text})
    assert names(Catalog([one, two], builtin=False)) == ["A"]
    assert len(Catalog([BUILTIN_SCHEMAS], builtin=True).types) == 36


def test_one_part_in_two_directories(tmp_path: Path) -> None:
    include = '<xs:include schemaLocation="sub/part.xsd"/>'
    part = xsd(element("P"))
    one = put(tmp_path / "1", {"a.xsd": xsd(include + element("A")), "sub/part.xsd": part})
    two = put(tmp_path / "2", {"b.xsd": xsd(include + element("B")), "sub/part.xsd": part})
    assert names(Catalog([one, two], builtin=False)) == ["A", "B", "P"]


def test_helpers_of_two_files_do_not_collide(tmp_path: Path) -> None:
    holder = '<xs:element name="{}"><xs:complexType><xs:sequence><xs:element ref="t:Item"/>'
    end = "</xs:sequence></xs:complexType></xs:element>"
    known = catalog(
        tmp_path,
        {
            "a.xsd": xsd(holder.format("A") + end + element("Item", "xs:int")),
            "b.xsd": xsd(holder.format("B") + end + element("Item", "xs:boolean")),
        },
    )
    assert names(known) == ["A", "B"]
    assert accepts(known, "<t:A><t:Item>7</t:Item></t:A>")
    assert accepts(known, "<t:B><t:Item>true</t:Item></t:B>")
    assert not accepts(known, "<t:A><t:Item>true</t:Item></t:A>")
    assert not accepts(known, "<t:B><t:Item>7</t:Item></t:B>")


def test_a_helper_does_not_hide_or_weaken_a_type(tmp_path: Path) -> None:
    holder = (
        '<xs:element name="A"><xs:complexType><xs:sequence><xs:element ref="t:Item"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    known = catalog(
        tmp_path,
        {
            "a.xsd": xsd(holder + element("Item", "xs:string")),
            "item.xsd": xsd(element("Item", "xs:int")),
        },
    )
    assert names(known) == ["A", "Item"]
    assert known.type("Item").file == tmp_path / "item.xsd"
    assert accepts(known, "<t:Item>7</t:Item>")
    assert not accepts(known, "<t:Item>text</t:Item>")
    assert known.build("Item", 7).payload.text == "7"


# --- names ------------------------------------------------------------------------------


def test_names_are_resolved(tmp_path: Path) -> None:
    known = catalog(
        tmp_path,
        {
            "a.xsd": xsd(element("A") + element("Both")),
            "o.xsd": xsd(element("Both"), target="urn:o"),
            "n.xsd": xsd(element("Plain"), target=None),
        },
    )
    assert known.resolve("A") == known.resolve(f"{T}A") == f"{T}A"
    assert known.resolve("Plain") == "Plain"
    assert known.type("{urn:o}Both").namespace == "urn:o"
    assert known.type("Plain").namespace == ""
    with pytest.raises(UnknownEventType, match=r"'Both' could be any of {urn:o}Both, {urn:t}Both"):
        known.resolve("Both")


def test_unknown_types_come_with_near_matches() -> None:
    known = Catalog()
    with pytest.raises(UnknownEventType, match="did you mean PhoneStatus") as caught:
        known.type("PhoneStatsu")
    assert caught.value.line == 0
    with pytest.raises(UnknownEventType, match=f"it is known as {E}PhoneStatus"):
        known.validate(etree.fromstring("<PhoneStatus/>"))
    with pytest.raises(UnknownEventType, match="only as a part of other types"):
        known.type("PuppetLog")
    with pytest.raises(UnknownEventType) as caught:
        known.validate(Event.from_xml("\n\n<Nothing/>"))
    assert (caught.value.path, caught.value.line) == ("/Event/Nothing", 3)
    for ask in (known.sample, known.fields, known.source, known.resolve):
        with pytest.raises(UnknownEventType):
            ask("Nothing")


def test_a_builtin_type_is_preferred(tmp_path: Path) -> None:
    put(tmp_path, {"x.xsd": xsd(element("PhoneStatus"))})
    known = Catalog([tmp_path])
    assert known.resolve("PhoneStatus") == f"{E}PhoneStatus"
    assert known.resolve(f"{T}PhoneStatus") == f"{T}PhoneStatus"


# --- lineage ----------------------------------------------------------------------------

HEADS = {
    "base.xsd": xsd(
        '<xs:element name="Shape" type="t:Shape" abstract="true"/>'
        '<xs:complexType name="Shape"><xs:sequence><xs:element name="Size" type="xs:int"/>'
        "</xs:sequence></xs:complexType>"
        '<xs:element name="Drawing"><xs:complexType><xs:sequence>'
        '<xs:element ref="t:Shape" maxOccurs="9"/></xs:sequence></xs:complexType></xs:element>'
    ),
    "round.xsd": xsd(
        '<xs:import namespace="urn:t" schemaLocation="base.xsd"/>'
        '<xs:element name="Round" type="t:Shape" substitutionGroup="t:Shape"/>',
        target="urn:o",
    ),
    "circle.xsd": xsd(
        '<xs:import namespace="urn:o" schemaLocation="round.xsd"/>'
        '<xs:import namespace="urn:t" schemaLocation="base.xsd"/>'
        '<xs:element name="Circle" type="t:Shape" substitutionGroup="o:Round"/>',
        target=None,
    ),
}


def test_lineage_over_several_files(tmp_path: Path) -> None:
    known = catalog(tmp_path, HEADS)
    assert known.lineage("Circle") == (f"{T}Shape", "{urn:o}Round", "Circle")
    assert known.type("Circle").lineage == known.lineage("Circle")
    assert known.lineage(f"{T}Drawing") == (f"{T}Drawing",)
    assert known.lineage("unknown") == ("unknown",)
    assert known.derived(f"{T}Shape") == {f"{T}Shape", "{urn:o}Round", "Circle"}
    assert known.derived("{urn:o}Round") == {"{urn:o}Round", "Circle"}
    assert known.derived("Circle") == {"Circle"}
    assert known.derived("unknown") == {"unknown"}


def test_members_of_other_files_are_valid_in_a_container(tmp_path: Path) -> None:
    known = catalog(tmp_path, HEADS)
    assert accepts(known, "<o:Round><t:Size>1</t:Size></o:Round>")
    assert accepts(known, "<t:Drawing><o:Round><t:Size>1</t:Size></o:Round></t:Drawing>")
    assert accepts(
        known,
        "<t:Drawing><Circle><t:Size>1</t:Size></Circle><o:Round><t:Size>1</t:Size></o:Round>"
        "</t:Drawing>",
    )
    assert not accepts(known, "<t:Drawing><Circle><t:Size>x</t:Size></Circle></t:Drawing>")
    assert not accepts(known, "<t:Drawing><o:Other/></t:Drawing>")


def test_abstract_types(tmp_path: Path) -> None:
    known = catalog(tmp_path, HEADS)
    assert known.knows(f"{T}Shape")
    assert not accepts(known, "<t:Shape><t:Size>1</t:Size></t:Shape>")
    alone = catalog(tmp_path / "x", {"a.xsd": xsd(element("A", more='abstract="true"'))})
    assert alone.type("A").is_abstract


def test_several_heads_in_xsd_11(tmp_path: Path) -> None:
    body = (
        element("Top")
        + element("One", more='substitutionGroup="t:Top"')
        + element("Two", more='substitutionGroup="t:Top"')
        + element("Both", more='substitutionGroup="t:One t:Two"')
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body, more='vc:minVersion="1.1"')})
    assert known.lineage(f"{T}Both") == (f"{T}Top", f"{T}One", f"{T}Two", f"{T}Both")
    assert known.derived(f"{T}Two") == {f"{T}Two", f"{T}Both"}
    assert accepts(known, "<t:Both>1</t:Both>")


# --- what else a catalog tells ----------------------------------------------------------


def test_data_from_and_to_a_catalog() -> None:
    known = Catalog()
    event = known.build("NodeLeave", {"Id": "n1"})
    assert event.json()["payload"] == {"Id": "n1"}
    assert known.to_json(event.element) == {"Id": "n1"}
    with pytest.raises(InvalidEvent):
        known.build("NodeLeave", {"Nothing": 1})
    for kind in known.types:
        known.validate(known.sample(kind.name))
        assert known.fields(kind.name) is not None
        assert known.source(kind.name) == kind.file.read_bytes()


def test_the_thorough_check(tmp_path: Path) -> None:
    # libxml2 does not look at the default of an element with an empty enumeration.
    loose = '<xs:element name="A" type="xs:int" default="x"/>'
    known = catalog(tmp_path, {"ok.xsd": xsd(element("B")), "no.xsd": "<x/>"}, strict=False)
    known.check(tmp_path / "ok.xsd")
    with pytest.raises(CatalogError, match="not an XML Schema"):
        known.check(tmp_path / "no.xsd")
    with pytest.raises(CatalogError, match="not in the catalog"):
        known.check(tmp_path / "other.xsd")
    put(tmp_path, {"no.xsd": xsd(loose)})
    known.refresh()
    with pytest.raises(CatalogError):
        known.check(tmp_path / "no.xsd")
