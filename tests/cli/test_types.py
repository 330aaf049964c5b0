"""``clacks-events types``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clacks_events import BUILTIN_SCHEMAS, Catalog, Event
from tests.cli.conftest import Main
from tests.harness.program import TIMEOUT, environment, run

ZOO = """<?xml version="1.0" encoding="iso-8859-1"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:zoo" targetNamespace="urn:zoo"
  elementFormDefault="qualified">
<xs:element name="Animal" type="A" abstract="true"><xs:annotation>
  <xs:documentation>An animal, ä.</xs:documentation></xs:annotation></xs:element>
<xs:element name="Dog" substitutionGroup="Animal" type="A"/>
<xs:element name="Cat" substitutionGroup="Animal" type="A"/>
<xs:complexType name="A"><xs:sequence><xs:element name="name" type="xs:string"/></xs:sequence>
  <xs:attribute name="id" type="xs:int" use="required"/></xs:complexType>
<xs:element name="PhoneStatus" type="xs:int"/>
</xs:schema>"""


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    (tmp_path / "zoo.xsd").write_bytes(ZOO.encode("iso-8859-1"))
    return tmp_path


def test_all_types_are_listed_by_namespace(invoke: Main, zoo: Path) -> None:
    code, out, err = invoke("types", "--schemas", zoo)
    assert (code, err) == (0, "")
    assert out.startswith("http://www.gonicus.de/Events\n")
    listed: dict[str, list[str]] = {}
    section = ""
    for line in out.splitlines():
        if not line.startswith("  "):
            section = line
            listed[section] = []
        else:
            listed[section].append(line.split()[0])
    for known in Catalog().types:
        assert known.local_name in listed[known.namespace]
    assert listed["urn:zoo"] == ["Animal", "Cat", "Dog", "PhoneStatus"]


def test_the_list_is_quick_and_light() -> None:
    script = (
        "import sys\n"
        "from clacks_events.cli import main\n"
        "main(['types'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    assert time.perf_counter() - start < 1
    assert not {"elementpath", "xmlschema", "kombu", "amqp"} & set(done.stderr.split())


def test_one_type_is_described(invoke: Main, zoo: Path) -> None:
    code, out, err = invoke("types", "--schemas", zoo, "Animal")
    assert (code, err) == (0, "")
    head, _, sample = out.partition("\nsample\n")
    assert head.splitlines() == [
        "{urn:zoo}Animal",
        "  An animal, ä.",
        "",
        "lineage  Animal",
        "derived  Cat, Dog",
        "abstract: only the types derived from it can be published",
        f"file     {zoo / 'zoo.xsd'}",
        "",
        "fields",
        "  @id   1  int",
        "  name  1  string",
    ]
    Catalog([zoo]).validate(Event.from_xml(sample.strip()))


def test_the_lineage_is_shown(invoke: Main, zoo: Path) -> None:
    assert "\nlineage  Animal > Dog\n" in invoke("types", "--schemas", zoo, "Dog")[1]


def test_a_clark_name_tells_twins_apart(invoke: Main, zoo: Path) -> None:
    for namespace in ("urn:zoo", "http://www.gonicus.de/Events"):
        name = f"{{{namespace}}}PhoneStatus"
        assert invoke("types", "--schemas", zoo, name)[1].startswith(f"{name}\n")


def test_several_directories_may_come_from_the_environment(
    invoke: Main,
    zoo: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "car.xsd").write_text(ZOO.replace("urn:zoo", "urn:car").replace("ä", "a"))
    monkeypatch.setenv("CLACKS_SCHEMAS", f"{zoo}{os.pathsep}{other}")
    assert {"urn:zoo", "urn:car"} <= set(invoke("types")[1].splitlines())


def test_the_schema_is_printed_as_it_is(zoo: Path) -> None:
    done = run("types", "--schemas", zoo, "PhoneStatus", "--xsd")
    assert done.stdout == (BUILTIN_SCHEMAS / "PhoneStatus.xsd").read_text()


def test_the_schema_is_printed_in_its_own_encoding(
    zoo: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from clacks_events.cli import main

    assert main(["types", "--schemas", str(zoo), "Dog", "--xsd"]) == 0
    assert capfdbinary.readouterr().out == ZOO.encode("iso-8859-1")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Phonestatus", "did you mean PhoneStatus"),
        ("{urn:x}PhoneStatus", "it is known as {http://www.gonicus.de/Events}PhoneStatus"),
        ("name", "no schema declares name"),
    ],
)
def test_an_unknown_type_is_one_line_with_a_hint(invoke: Main, name: str, hint: str) -> None:
    code, out, err = invoke("types", name)
    assert (code, out) == (1, "")
    assert err.startswith("clacks-events: ")
    assert err.count("\n") == 1
    assert hint in err


def test_a_broken_schema_is_reported_and_the_rest_shown(zoo: Path) -> None:
    (zoo / "broken.xsd").write_text("<a>")
    done = run("types", "--schemas", zoo)
    assert done.returncode == 0
    assert "  Dog\n" in done.stdout
    assert done.stderr.startswith("clacks-events: schema refused: ")
    assert done.stderr.count("\n") == 1
