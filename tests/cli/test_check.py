"""``clacks-events check``."""

from __future__ import annotations

from pathlib import Path

import pytest

from clacks_events import BUILTIN_SCHEMAS
from tests.cli.conftest import Main
from tests.cli.program import event
from tests.harness.program import run

WRONG = event().replace(b"Status>b", b"Stat>b").replace(b"y</Status", b"y</Stat")
FAULT = (
    "/Event/PhoneStatus/Stat: Element 'Stat': This element is not expected. Expected is ( Status )."
)
XS = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.xml"


def test_valid_files_are_named_on_standard_error(invoke: Main, file: Path) -> None:
    file.write_bytes(event())
    schema = BUILTIN_SCHEMAS / "PhoneStatus.xsd"
    code, out, err = invoke("check", file, schema)
    assert (code, out, err) == (0, "", f"{file}: valid\n{schema}: valid\n")
    assert invoke("check", "-q", file, schema) == (0, "", "")


def test_a_fault_has_file_line_and_reason(invoke: Main, file: Path) -> None:
    file.write_bytes(WRONG)
    assert invoke("check", file) == (1, f"{file}:4: {FAULT}\n", "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_the_line_is_right_in_any_encoding(invoke: Main, file: Path, encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>\n<!-- ä -->\n"
    file.write_bytes((text + WRONG.decode()).encode(encoding))
    assert invoke("check", file) == (1, f"{file}:6: {FAULT}\n", "")


def test_each_event_of_a_stream_is_judged_with_its_own_lines(invoke: Main, file: Path) -> None:
    parts = [b"\n\n", event(), b"\n<?xml version='1.0'?>\n\n", WRONG, WRONG, b"\n<a>\n</b>\n<c>"]
    file.write_bytes(b"".join(parts))
    code, out, _ = invoke("check", file)
    assert code == 1
    *faults, mismatch, unclosed = out.splitlines()
    # The first wrong event begins on line 10, the second one right where the first ends.
    assert faults == [f"{file}:13: {FAULT}", f"{file}:17: {FAULT}"]
    assert mismatch.startswith(f"{file}:20: not well-formed XML: Opening and ending tag mismatch")
    assert "a line 19 and b" in mismatch
    assert unclosed.startswith(f"{file}:21: not well-formed XML: ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "1: no event in it"),
        (b"\n\nhello", "3: not well-formed XML: Start tag expected"),
        (b"\n<!DOCTYPE a>\n<a/>", "2: a DOCTYPE is not allowed"),
        (b"\n<nothing/>", "2: /Event/nothing: no schema declares nothing"),
        (event().replace(b"<Event", b"<Event x='1'"), "1: /Event/@x: attribute 'x' is not one of"),
    ],
)
def test_what_is_no_event_is_a_fault(invoke: Main, file: Path, data: bytes, reason: str) -> None:
    file.write_bytes(data)
    code, out, err = invoke("check", file)
    assert (code, err) == (1, "")
    assert out.startswith(f"{file}:{reason}")
    assert out.count("\n") == 1


def test_all_files_are_checked_whatever_is_wrong_with_one(
    invoke: Main, file: Path, tmp_path: Path
) -> None:
    file.write_bytes(WRONG)
    (tmp_path / "empty").mkdir()
    code, out, _ = invoke("check", "missing.xml", "missing.xsd", tmp_path / "empty", file)
    assert code == 1
    assert out.splitlines() == [
        "missing.xml: No such file or directory",
        "missing.xsd: No such file or directory",
        f"{tmp_path / 'empty'}: no .xml or .xsd file in it",
        f"{file}:4: {FAULT}",
    ]


def test_a_directory_stands_for_its_files(invoke: Main, file: Path, tmp_path: Path) -> None:
    file.write_bytes(WRONG)
    (tmp_path / "a.xsd").write_text(f'{XS}<xs:element name="a"/></xs:schema>')
    (tmp_path / "catalog.xml").write_text(
        '<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog"/>'
    )
    (tmp_path / "notes.txt").write_text("no XML")
    code, out, err = invoke("check", tmp_path)
    assert (code, out, err) == (1, f"{file}:4: {FAULT}\n", f"{tmp_path / 'a.xsd'}: valid\n")


def test_standard_input_is_checked() -> None:
    done = run("check", "-", input=event() + b"\n" + WRONG)
    assert (done.returncode, done.stdout, done.stderr) == (1, f"-:9: {FAULT}\n", "")


def test_events_of_own_types_are_checked(invoke: Main, file: Path, tmp_path: Path) -> None:
    (tmp_path / "a.xsd").write_text(f'{XS}<xs:element name="a" type="xs:int"/></xs:schema>')
    file.write_bytes(b"<a>1</a><a>\n\none\x7f</a>")
    code, out, _ = invoke("check", "--schemas", tmp_path, file)
    assert code == 1
    assert out.startswith(f"{file}:1: /Event/a: Element 'a': ")
    assert out.count("\n") == 1
    assert "\x7f" not in out


BROKEN = {
    "not well-formed": (f"{XS}<xs:element></xs:schema>", 2),
    "no such type": (f'{XS}<xs:element name="a" type="b"/></xs:schema>', 2),
    "a wrong default, which libxml2 takes": (
        f'{XS}<xs:element name="a" type="xs:int" default="x"/></xs:schema>',
        2,
    ),
    "a restriction that allows more, which libxml2 takes": (
        f'{XS}<xs:element name="a" type="R"/>\n'
        '<xs:complexType name="B"><xs:sequence><xs:element name="x"/></xs:sequence>'
        "</xs:complexType>\n"
        '<xs:complexType name="R"><xs:complexContent>\n<xs:restriction base="B"><xs:sequence>'
        '<xs:element name="x" maxOccurs="9"/></xs:sequence></xs:restriction>'
        "</xs:complexContent></xs:complexType></xs:schema>",
        None,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_schema_is_a_fault(invoke: Main, tmp_path: Path, name: str) -> None:
    text, line = BROKEN[name]
    path = tmp_path / "broken.xsd"
    path.write_text(text)
    code, out, err = invoke("check", path)
    assert (code, err) == (1, "")
    assert out.count("\n") == 1
    assert out.startswith(f"{path}:" if line is None else f"{path}:{line}: ")


def test_faults_are_shown_by_the_name_from_here(tmp_path: Path) -> None:
    (tmp_path / "broken.xsd").write_text(f'{XS}<xs:element name="a" type="b"/></xs:schema>')
    done = run("check", "broken.xsd", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("broken.xsd:2: ")


def test_a_broken_file_among_the_schemas_is_a_fault_named_once(tmp_path: Path) -> None:
    path = tmp_path / "broken.xsd"
    path.write_text(f'{XS}<xs:element name="a" type="b"/></xs:schema>')
    done = run("check", "--schemas", tmp_path, path, "-", input=event())
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith(f"{path}:2: ")
    assert done.stderr == "-: valid\n"


def test_parts_of_a_schema_are_checked_where_they_are_included(
    invoke: Main, tmp_path: Path
) -> None:
    (tmp_path / "whole.xsd").write_text(
        f'{XS}<xs:include schemaLocation="parts/part.xsd"/>'
        '<xs:element name="whole" type="P"/><xs:simpleType name="Q"><xs:restriction'
        ' base="xs:int"/></xs:simpleType></xs:schema>'
    )
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "part.xsd").write_text(
        f'{XS}<xs:simpleType name="P"><xs:restriction base="Q"/></xs:simpleType></xs:schema>'
    )
    assert invoke("check", "-q", tmp_path) == (0, "", "")
