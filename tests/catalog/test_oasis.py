"""OASIS XML Catalogs: published locations of files that lie here."""

from __future__ import annotations

from pathlib import Path

import pytest

from clacks_events.errors import CatalogError
from tests.catalog.schemas import accepts, catalog, element, names, xsd

KIND = '<xs:simpleType name="Kind"><xs:restriction base="xs:int"/></xs:simpleType>'
OTHER = xsd(KIND, target="urn:o")
URL = "http://localhost/schemas/1.0/o.xsd"


def mapping(entries: str, more: str = "") -> str:
    return (
        f'<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog" {more}>{entries}</catalog>'
    )


def importing(location: str = URL) -> str:
    at = f'schemaLocation="{location}"' if location else ""
    return xsd(f'<xs:import namespace="urn:o" {at}/>' + element("A", "o:Kind"))


ENTRIES = [
    f'<uri name="{URL}" uri="local/o.xsd"/>',
    '<uri name="urn:o" uri="local/o.xsd"/>',
    f'<system systemId="{URL}" uri="local/o.xsd"/>',
    '<rewriteURI uriStartString="http://localhost/schemas/1.0/" rewritePrefix="local/"/>',
    '<rewriteSystem systemIdStartString="http://localhost/schemas/1.0/" rewritePrefix="local/"/>',
    '<uriSuffix uriSuffix="1.0/o.xsd" uri="local/o.xsd"/>',
    '<systemSuffix systemIdSuffix="1.0/o.xsd" uri="local/o.xsd"/>',
    f'<group><group><uri name="{URL}" uri="local/o.xsd"/></group></group>',
    f'<group xml:base="local/"><uri name="{URL}" uri="o.xsd"/></group>',
    f'<uri xml:base="local/" name="{URL}" uri="o.xsd"/>',
    f'<group xml:base="wrong/"><uri xml:base="../local/" name="{URL}" uri="o.xsd"/></group>',
    f'<uri name="{URL}" uri="loc%61l/o.xsd"/>',
    # The first of two, and the longest of several.
    f'<uri name="{URL}" uri="local/o.xsd"/><uri name="{URL}" uri="local/none.xsd"/>',
    '<rewriteURI uriStartString="http://localhost/schemas/1.0/" rewritePrefix="local/"/>'
    '<rewriteURI uriStartString="http://localhost/" rewritePrefix="none/"/>',
    '<uriSuffix uriSuffix="o.xsd" uri="none.xsd"/>'
    '<uriSuffix uriSuffix="0/o.xsd" uri="local/o.xsd"/>',
    # Exact before prefix before suffix.
    '<rewriteURI uriStartString="http://" rewritePrefix="none/"/>'
    f'<uri name="{URL}" uri="local/o.xsd"/>',
    '<delegateURI uriStartString="x" catalog="y"/><public publicId="p" uri="q"/><!-- c -->'
    f'<x:y xmlns:x="urn:x"/><uri/><uri name="{URL}" uri="local/o.xsd"/>',
]


@pytest.mark.parametrize("entries", ENTRIES)
def test_entries(tmp_path: Path, entries: str) -> None:
    files = {"a.xsd": importing(), "catalog.xml": mapping(entries), "local/o.xsd": OTHER}
    known = catalog(tmp_path, files)
    assert names(known) == ["A"]
    assert accepts(known, "<t:A>1</t:A>")
    assert not accepts(known, "<t:A>x</t:A>")
    known.check(tmp_path / "a.xsd")


def test_the_base_of_the_catalog(tmp_path: Path) -> None:
    entry = f'<uri name="{URL}" uri="o.xsd"/>'
    for number, base in enumerate(("local/", (tmp_path / "1" / "local").as_uri() + "/")):
        files = {
            "a.xsd": importing(),
            "catalog.xml": mapping(entry, f'xml:base="{base}"'),
            "local/o.xsd": OTHER,
        }
        assert accepts(catalog(tmp_path / str(number), files), "<t:A>1</t:A>")


def test_an_import_without_a_location_is_mapped_by_its_namespace(tmp_path: Path) -> None:
    files = {
        "a.xsd": importing(""),
        "catalog.xml": mapping('<uri name="urn:o" uri="local/o.xsd"/>'),
        "local/o.xsd": OTHER,
    }
    known = catalog(tmp_path, files)
    assert not accepts(known, "<t:A>x</t:A>")
    known.check(tmp_path / "a.xsd")


def test_an_import_in_an_included_file(tmp_path: Path) -> None:
    for number, location in enumerate((URL, "", "gone.xsd")):
        files = {
            "a.xsd": xsd('<xs:include schemaLocation="sub/b.xsd"/>'),
            "sub/b.xsd": importing(location),
            "catalog.xml": mapping(ENTRIES[0] + ENTRIES[1]),
            "local/o.xsd": OTHER,
        }
        known = catalog(tmp_path / str(number), files)
        assert accepts(known, "<t:A>1</t:A>")
        assert not accepts(known, "<t:A>x</t:A>")
        known.check(tmp_path / str(number) / "a.xsd")


def test_includes_by_http_and_relative_ones_inside_of_a_mapped_file(tmp_path: Path) -> None:
    rewrite = '<rewriteURI uriStartString="http://localhost/" rewritePrefix="mirror/"/>'
    files = {
        "a.xsd": importing("http://localhost/x/o.xsd"),
        "catalog.xml": mapping(rewrite),
        "mirror/x/o.xsd": xsd('<xs:include schemaLocation="../y/p.xsd"/>', target="urn:o"),
        "mirror/y/p.xsd": xsd(
            '<xs:include schemaLocation="http://localhost/y/q.xsd"/>', target="urn:o"
        ),
        "mirror/y/q.xsd": OTHER,
    }
    known = catalog(tmp_path, files)
    assert accepts(known, "<t:A>1</t:A>")
    assert not accepts(known, "<t:A>x</t:A>")
    known.check(tmp_path / "a.xsd")


def test_further_catalogs(tmp_path: Path) -> None:
    files = {
        "a.xsd": importing(),
        "catalog.xml": mapping('<nextCatalog catalog="more/next.xml"/>'),
        "more/next.xml": mapping(
            f'<nextCatalog catalog="../catalog.xml"/><uri name="{URL}" uri="o.xsd"/>'
        ),
        "more/o.xsd": OTHER,
    }
    assert accepts(catalog(tmp_path, files), "<t:A>1</t:A>")


def test_a_mapping_may_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "o.xsd").write_text(OTHER)
    files = {"a.xsd": importing(), "catalog.xml": mapping(f'<uri name="{URL}" uri="../o.xsd"/>')}
    with pytest.raises(CatalogError, match="leads out of") as caught:
        catalog(tmp_path / "in", files)
    assert caught.value.file == str(tmp_path / "in" / "a.xsd")
    assert caught.value.line == 2


BROKEN = [
    ("<catalog>", 1, "not well-formed"),
    ("\n<!DOCTYPE catalog><catalog/>", 2, "DOCTYPE"),
    ("<schema/>", 1, "not an OASIS XML catalog"),
    ("<catalog/>", 1, "not an OASIS XML catalog"),
]


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN)
def test_broken_catalogs(tmp_path: Path, text: str, line: int, reason: str) -> None:
    files = {"a.xsd": xsd(element("A")), "catalog.xml": text}
    with pytest.raises(CatalogError, match=reason) as caught:
        catalog(tmp_path, files)
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "catalog.xml"), line)
    known = catalog(tmp_path, files, strict=False)
    assert names(known) == ["A"]
    assert len(known.problems) == 1


def test_a_missing_further_catalog(tmp_path: Path) -> None:
    files = {"a.xsd": xsd(element("A")), "catalog.xml": mapping('<nextCatalog catalog="no.xml"/>')}
    with pytest.raises(CatalogError, match=r"no\.xml: No such file"):
        catalog(tmp_path, files)
