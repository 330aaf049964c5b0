"""Files of a schema: includes, imports, redefinitions, versions, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from clacks_events.catalog import Catalog
from clacks_events.errors import CatalogError, InvalidEvent
from tests.catalog.schemas import T, accepts, catalog, element, names, payload, put, xsd

KIND = '<xs:simpleType name="Kind"><xs:restriction base="xs:int"/></xs:simpleType>'


def include(location: str) -> str:
    return f'<xs:include schemaLocation="{location}"/>'


def imports(location: str = "", namespace: str = "urn:o") -> str:
    at = f' schemaLocation="{location}"' if location else ""
    return f'<xs:import namespace="{namespace}"{at}/>'


def thorough(known: Catalog) -> None:
    """xmlschema, which builds the same files for JSON and samples, has to agree."""
    for path in known.directories[0].glob("*.xsd"):
        known.check(path)


# --- includes and imports ---------------------------------------------------------------


def test_includes_may_go_up_inside_of_the_directory(tmp_path: Path) -> None:
    files = {
        "a.xsd": xsd(include("deep/er/b.xsd") + element("A", "t:Kind")),
        "deep/er/b.xsd": xsd(include("../../other/c.xsd") + include("../../a.xsd")),
        "other/c.xsd": xsd(KIND),
    }
    known = catalog(tmp_path, files)
    assert accepts(known, "<t:A>1</t:A>")
    assert not accepts(known, "<t:A>x</t:A>")
    thorough(known)


@pytest.mark.parametrize("kind", ["include", "redefine", "import"])
@pytest.mark.parametrize("where", ["../out.xsd", "sub/../../out.xsd", "{absolute}", "{uri}"])
def test_nothing_outside_is_read(tmp_path: Path, kind: str, where: str) -> None:
    target = "urn:o" if kind == "import" else "urn:t"
    outside = put(tmp_path, {"out.xsd": xsd(KIND, target=target)}) / "out.xsd"
    location = where.format(absolute=outside, uri=outside.as_uri())
    namespace = 'namespace="urn:o" ' if kind == "import" else ""
    link = f'<xs:{kind} {namespace}schemaLocation="{location}"/>'
    for depth, files in (
        (2, {"a.xsd": xsd(link + element("A"))}),
        (3, {"a.xsd": xsd(include("sub/b.xsd")), "sub/b.xsd": xsd("\n" + link)}),
    ):
        directory = tmp_path / f"schemas{depth}" / "inside"
        with pytest.raises(CatalogError, match="leads out of") as caught:
            catalog(
                directory,
                {name: text.replace("../out", "../../out") for name, text in files.items()},
            )
        assert caught.value.file == str(directory / list(files)[-1])
        assert caught.value.line == depth
        assert location.replace("../out", "../../out") in caught.value.reason


@pytest.mark.parametrize("kind", ["include", "redefine"])
def test_a_missing_part_is_named(tmp_path: Path, kind: str) -> None:
    body = f'\n<xs:{kind} schemaLocation="gone.xsd"/>'
    with pytest.raises(CatalogError, match=r"'gone\.xsd': no such file") as caught:
        catalog(tmp_path, {"a.xsd": xsd(body)})
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "a.xsd"), 3)


def test_chameleons(tmp_path: Path) -> None:
    """A file without a namespace takes that of its includer, here of two of them."""
    part = KIND + element("Part", "Kind") + '<xs:element name="Sub" substitutionGroup="Part"/>'
    holder = (
        '<xs:element name="{}"><xs:complexType><xs:sequence><xs:element ref="{}:Part"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    files = {
        "a.xsd": xsd(imports("o.xsd") + include("sub/part.xsd") + holder.format("A", "t")),
        "o.xsd": xsd(include("sub/part.xsd") + holder.format("O", "o"), target="urn:o"),
        "sub/part.xsd": xsd(part, target=None),
    }
    known = catalog(tmp_path, files)
    assert accepts(known, "<t:A><t:Part>1</t:Part></t:A>")
    assert accepts(known, "<o:O><o:Sub>1</o:Sub></o:O>")
    assert not accepts(known, "<t:A><o:Part>1</o:Part></t:A>")
    assert not accepts(known, "<o:O><o:Part>x</o:Part></o:O>")
    assert known.lineage(f"{T}Sub") == (f"{T}Part", f"{T}Sub")
    assert known.lineage("{urn:o}Sub") == ("{urn:o}Part", "{urn:o}Sub")
    assert known.to_json(payload("<t:Sub>5</t:Sub>")) == 5
    thorough(known)


def test_circles(tmp_path: Path) -> None:
    files = {
        "a.xsd": xsd(include("b.xsd") + imports("o.xsd") + element("A", "t:Kind")),
        "b.xsd": xsd(include("a.xsd") + include("b.xsd") + KIND),
        "o.xsd": xsd(imports("a.xsd", "urn:t") + element("O", "t:Kind"), target="urn:o"),
    }
    known = catalog(tmp_path, files)
    assert names(known) == ["A", "O"]
    assert accepts(known, "<o:O>1</o:O>")
    assert not accepts(known, "<o:O>x</o:O>")
    thorough(known)


def test_redefinition(tmp_path: Path) -> None:
    redefined = (
        '<xs:redefine schemaLocation="base.xsd"><xs:simpleType name="Kind">'
        '<xs:restriction base="t:Kind"><xs:maxInclusive value="9"/></xs:restriction>'
        "</xs:simpleType></xs:redefine>"
    )
    files = {
        "base.xsd": xsd(KIND + element("Base", "t:Kind")),
        "new.xsd": xsd(redefined + element("New", "t:Kind")),
    }
    known = catalog(tmp_path, files)
    assert accepts(known, "<t:Base>10</t:Base>")
    assert accepts(known, "<t:New>9</t:New>")
    assert not accepts(known, "<t:New>10</t:New>")
    thorough(known)


def test_a_redefinition_does_not_widen_what_it_redefines(tmp_path: Path) -> None:
    redefined = (
        '<xs:redefine schemaLocation="base.xsd"><xs:complexType name="Kind"><xs:complexContent>'
        '<xs:extension base="t:Kind"><xs:sequence><xs:element name="More" type="xs:int"/>'
        "</xs:sequence></xs:extension></xs:complexContent></xs:complexType></xs:redefine>"
    )
    files = {
        "base.xsd": xsd('<xs:complexType name="Kind"/>' + element("Base", "t:Kind")),
        "new.xsd": xsd(redefined + element("New", "t:Kind")),
    }
    known = catalog(tmp_path, files)
    assert accepts(known, "<t:Base/>")
    assert accepts(known, "<t:New><t:More>1</t:More></t:New>")
    assert not accepts(known, "<t:Base><t:More>1</t:More></t:Base>")


def test_an_import_without_a_location(tmp_path: Path) -> None:
    used = {"a.xsd": xsd("\n" + imports() + '<xs:element name="A" type="o:Kind"/>')}
    with pytest.raises(
        CatalogError, match=r"not found, and no catalog.xml maps it: urn:o \(line 3"
    ):
        catalog(tmp_path / "used", used)
    assert names(catalog(tmp_path / "idle", {"a.xsd": xsd(imports() + element("A"))})) == ["A"]


def test_an_import_by_http_that_nothing_maps(tmp_path: Path) -> None:
    link = "\n" + imports("http://localhost/o.xsd")
    with pytest.raises(CatalogError, match=r"http://localhost/o.xsd \(line 3 of a.xsd\)") as caught:
        catalog(tmp_path / "used", {"a.xsd": xsd(link + '<xs:element name="A" type="o:Kind"/>')})
    assert caught.value.file == str(tmp_path / "used" / "a.xsd")
    known = catalog(tmp_path / "idle", {"a.xsd": xsd(link + element("A"))})
    assert accepts(known, "<t:A>1</t:A>")
    thorough(known)


@pytest.mark.parametrize("kind", ["include", "redefine"])
def test_an_include_by_http_that_nothing_maps(tmp_path: Path, kind: str) -> None:
    body = f'<xs:{kind} schemaLocation="http://localhost/o.xsd"/>'
    with pytest.raises(CatalogError, match=r"http://localhost/o\.xsd"):
        catalog(tmp_path, {"a.xsd": xsd(body + element("A"))})


XML = "http://www.w3.org/XML/1998/namespace"


@pytest.mark.parametrize(
    "location",
    ["http://www.w3.org/2001/xml.xsd", "http://www.w3.org/2001/03/xml.xsd", "", "xml.xsd"],
)
@pytest.mark.parametrize("more", ["", 'vc:minVersion="1.1"'])
def test_xml_lang_needs_no_catalog(tmp_path: Path, location: str, more: str) -> None:
    body = (
        imports(location, XML)
        + '<xs:element name="A"><xs:complexType><xs:attribute ref="xml:lang"/></xs:complexType>'
        "</xs:element>"
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body, more=more)})
    assert accepts(known, '<t:A xml:lang="en"/>')
    assert not accepts(known, '<t:A xml:lang="1 2"/>')
    assert not accepts(known, '<t:A xml:space="preserve"/>')
    thorough(known)


def test_a_schema_that_the_w3c_publishes_with_a_doctype_is_replaced(tmp_path: Path) -> None:
    dsig = "http://www.w3.org/2000/09/xmldsig#"
    published = (
        "<?xml version='1.0'?><!DOCTYPE schema PUBLIC '-//W3C//DTD XMLSchema 200102//EN'"
        " 'http://www.w3.org/2001/XMLSchema.dtd' [<!ENTITY dsig 'x'>]>"
        f"<schema xmlns='http://www.w3.org/2001/XMLSchema' targetNamespace=\"{dsig}\"/>"
    )
    body = (
        f'<xs:import namespace="{dsig}" schemaLocation="xmldsig-core-schema.xsd"/>'
        '<xs:element name="A"><xs:complexType><xs:sequence><xs:element ref="d:KeyName"'
        f' xmlns:d="{dsig}"/></xs:sequence></xs:complexType></xs:element>'
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body), "xmldsig-core-schema.xsd": published})
    assert accepts(known, f'<t:A><d:KeyName xmlns:d="{dsig}">k</d:KeyName></t:A>')
    assert known.knows(f"{{{dsig}}}Signature")


def test_xlink_and_signatures_need_no_catalog(tmp_path: Path) -> None:
    dsig, xlink = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/1999/xlink"
    body = (
        imports("http://www.w3.org/TR/xmldsig-core/xmldsig-core-schema.xsd", dsig)
        + imports("http://www.w3.org/1999/xlink.xsd", xlink)
        + f'<xs:element name="A"><xs:complexType><xs:sequence><xs:element ref="d:KeyName"'
        f' xmlns:d="{dsig}"/></xs:sequence><xs:attribute ref="x:href" xmlns:x="{xlink}"/>'
        "</xs:complexType></xs:element>"
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body)})
    text = f'<t:A x:href="a" xmlns:x="{xlink}"><d:KeyName xmlns:d="{dsig}">k</d:KeyName></t:A>'
    assert accepts(known, text)
    assert not accepts(known, text.replace("KeyName", "KeyNone"))
    assert names(known) == ["A"]
    thorough(known)


def test_locations_with_blanks_and_letters(tmp_path: Path) -> None:
    files = {
        "größe a.xsd": xsd(
            include(" ün%20ter/part%C3%A9 b.xsd ")
            + imports("ün ter/c%d.xsd")
            + element("A", "t:Kind")
        ),
        "ün ter/parté b.xsd": xsd(include("../ün%20ter/d.xsd")),
        "ün ter/d.xsd": xsd(KIND),
        "ün ter/c%d.xsd": xsd(element("C"), target="urn:o"),
    }
    for directory in ("plain", "mit Umlaut ä und # und ? und %41"):
        known = catalog(tmp_path / directory, files)
        assert accepts(known, "<t:A>1</t:A>")
        assert not accepts(known, "<t:A>x</t:A>")
        with pytest.raises(InvalidEvent):
            known.validate(payload("<t:A>x</t:A>"))
        thorough(known)


# --- what is refused --------------------------------------------------------------------

BROKEN = [
    ("<x/>", 1, "the root is x, not an XML Schema"),
    ("", 1, "empty"),
    ("{}", 1, "not well-formed"),
    ("\n<xs:schema", 2, "not well-formed"),
    (xsd("\n<xs:element>\n</xs:schema>"), 4, "mismatch"),
    ("<!DOCTYPE x>" + xsd(element("A")), 1, "a DOCTYPE is not allowed"),
    ("<!--\n-->\n<!DOCTYPE x SYSTEM 'x.dtd'>" + xsd(element("A")), 3, "a DOCTYPE is not allowed"),
    (xsd("\n" + element("A", "t:Missing")), 3, "Missing"),
    (xsd("\n" + element("A", "nope:int")), 3, "nope"),
    (xsd("\n\n" + '<xs:element ref="t:A"/>'), 4, ""),
    (xsd(element("A") + "\n" + element("A")), 3, "already"),
    (xsd("\n<xs:unknown/>"), 3, "not valid"),
    (xsd("\n" + element("A", more='substitutionGroup="t:No"')), 3, "No"),
]


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN)
@pytest.mark.parametrize("part", [False, True])
def test_broken_files(tmp_path: Path, text: str, line: int, reason: str, part: bool) -> None:
    files = {"a.xsd": text}
    if part:
        files = {"a.xsd": xsd(include("sub/b.xsd")), "sub/b.xsd": text}
    with pytest.raises(CatalogError) as caught:
        catalog(tmp_path, files)
    assert caught.value.file == str(tmp_path / list(files)[-1])
    assert caught.value.line == line
    assert reason in caught.value.reason


BROKEN_11 = [
    (xsd("\n" + element("A", "t:Missing"), more='vc:minVersion="1.1"'), 3, "Missing"),
    (xsd("\n<xs:unknown/>", more='vc:minVersion="1.1"'), 3, "unknown"),
    (
        xsd(
            '<xs:element name="A"><xs:complexType>\n<xs:assert test="1 +"/></xs:complexType>'
            "</xs:element>",
            more='vc:minVersion="1.1"',
        ),
        3,
        "",
    ),
]


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN_11)
@pytest.mark.parametrize("part", [False, True])
def test_broken_files_of_xsd_11(
    tmp_path: Path, text: str, line: int, reason: str, part: bool
) -> None:
    files = {"a.xsd": text}
    if part:
        files = {"a.xsd": xsd(include("sub/b.xsd")), "sub/b.xsd": text}
    with pytest.raises(CatalogError) as caught:
        catalog(tmp_path, files)
    assert caught.value.file == str(tmp_path / list(files)[-1])
    assert caught.value.line == line
    assert reason in caught.value.reason


def test_problems_are_collected(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {"a.xsd": "<x/>", "b.xsd": xsd(element("B")), "c.xsd": xsd(element("C", "t:No"))}
    with pytest.raises(CatalogError, match=r"a\.xsd:1: the root is x"):
        catalog(tmp_path, files)
    known = catalog(tmp_path, files, strict=False)
    assert names(known) == ["B"]
    assert [Path(problem.file).name for problem in known.problems] == ["a.xsd", "c.xsd"]
    assert caplog.text.count("schema refused") == 2


def test_other_files_are_let_be(tmp_path: Path) -> None:
    files = {"a.xsd": xsd(element("A")), "README.md": "text", "a.xml": "<x/>", "b.xsd~": "<x/>"}
    (tmp_path / "dir.xsd").mkdir()
    assert names(catalog(tmp_path, files)) == ["A"]


# --- encodings and versions -------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    for name, text in (
        ("a.xsd", xsd(include("sub/b.xsd") + element("Größe", "t:Maß"))),
        ("sub/b.xsd", xsd(KIND.replace("Kind", "Maß"))),
    ):
        put(tmp_path, {name: ""})
        (tmp_path / name).write_bytes((declaration + text).encode(encoding))
    known = Catalog([tmp_path], builtin=False)
    assert accepts(known, "<t:Größe>1</t:Größe>")
    assert not accepts(known, "<t:Größe>x</t:Größe>")
    thorough(known)
    assert known.sample("Größe").name == "Größe"


ASSERTED = (
    '<xs:element name="A"><xs:complexType><xs:sequence>'
    '<xs:element name="Low" type="xs:int"/><xs:element name="High" type="xs:int"/></xs:sequence>'
    '<xs:assert test="t:Low le t:High"/></xs:complexType></xs:element>'
)
ALTERNATIVE = (
    '<xs:element name="A" type="t:Plain"><xs:alternative test="@kind=\'n\'" type="t:Number"/>'
    '</xs:element><xs:complexType name="Plain"><xs:simpleContent><xs:extension base="xs:string">'
    '<xs:attribute name="kind"/></xs:extension></xs:simpleContent></xs:complexType>'
    '<xs:complexType name="Number"><xs:simpleContent><xs:restriction base="t:Plain">'
    '<xs:pattern value="[0-9]+"/></xs:restriction></xs:simpleContent></xs:complexType>'
)
OPEN = (
    '<xs:element name="A"><xs:complexType><xs:openContent><xs:any namespace="##other"'
    ' processContents="skip"/></xs:openContent><xs:sequence>'
    '<xs:element name="N" type="xs:int"/></xs:sequence></xs:complexType></xs:element>'
)
NEW = [
    (
        ASSERTED,
        "<t:A><t:Low>1</t:Low><t:High>2</t:High></t:A>",
        "<t:A><t:Low>3</t:Low><t:High>2</t:High></t:A>",
    ),
    (ALTERNATIVE, "<t:A>x</t:A>", '<t:A kind="n">x</t:A>'),
    (OPEN, "<t:A><o:X/><t:N>1</t:N><o:X/></t:A>", "<t:A><o:X/><t:N>x</t:N></t:A>"),
]


@pytest.mark.parametrize("more", ['vc:minVersion="1.1"', ""])
@pytest.mark.parametrize(("body", "good", "bad"), NEW, ids=["assert", "alternative", "open"])
def test_xsd_11(tmp_path: Path, more: str, body: str, good: str, bad: str) -> None:
    known = catalog(tmp_path, {"a.xsd": xsd(body, more=more)})
    assert accepts(known, good)
    assert not accepts(known, bad)
    thorough(known)


def test_xsd_11_in_an_included_file(tmp_path: Path) -> None:
    new = xsd(ASSERTED, more='vc:minVersion="1.1"')
    known = catalog(tmp_path, {"a.xsd": xsd(include("sub/b.xsd")), "sub/b.xsd": new})
    assert accepts(known, NEW[0][1])
    assert not accepts(known, NEW[0][2])


@pytest.mark.parametrize("version", ["1.0", "²", "x", "1.1.1", ""])
def test_other_versions_are_xsd_10(tmp_path: Path, version: str) -> None:
    known = catalog(tmp_path, {"a.xsd": xsd(element("A"), more=f'vc:minVersion="{version}"')})
    assert accepts(known, "<t:A>1</t:A>")
    assert not accepts(known, "<t:A>x</t:A>")


def test_large_schemas_and_deep_types(tmp_path: Path) -> None:
    body = "".join(element(f"E{number}") for number in range(3000))
    known = catalog(tmp_path, {"a.xsd": xsd(body)})
    assert len(known.types) == 3000
    assert not accepts(known, "<t:E2999>x</t:E2999>")
