"""Schemas with IDL names for the tests, to be dropped into a directory."""

from __future__ import annotations

import shutil
from pathlib import Path

from clacks_events.catalog import BUILTIN_SCHEMAS, Catalog

XERUS = "urn:clacks-events:xerus"

_HEAD = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:x="{XERUS}"
  xmlns:idl="urn:clacks-events:idl" xmlns:t="urn:test" targetNamespace="urn:test"
  xmlns:e="http://www.gonicus.de/Events" elementFormDefault="qualified">
  <xs:import namespace="{XERUS}" schemaLocation="parts/Xerus.xsd"/>"""


def named(name: str, idl: str, content: str, *, base: str = "x:IdlEvent") -> str:
    """Declare an event type with an IDL name that adds ``content`` to its base."""
    return f"""
  <xs:element name="{name}" substitutionGroup="{base}" type="t:{name}">
    <xs:annotation><xs:appinfo><idl:name>{idl}</idl:name></xs:appinfo></xs:annotation>
  </xs:element>
  <xs:complexType name="{name}"><xs:complexContent><xs:extension base="{base}">
    <xs:sequence>{content}</xs:sequence></xs:extension></xs:complexContent></xs:complexType>"""


def lone(content: str, more: str = "") -> str:
    """Declare an event type ``Lone`` of no base, whose type has a ``content``."""
    return f"""
  <xs:element name="Lone" {more}>
    <xs:annotation><xs:appinfo><idl:name>test.Lone:1.0.0</idl:name></xs:appinfo></xs:annotation>
    <xs:complexType>{content}</xs:complexType>
  </xs:element>"""


def enumeration(name: str, *values: str) -> str:
    """Declare an IDL enumeration; a value may say its number, as ``NAME=5``."""
    pairs = [value.partition("=") for value in values]
    texts = "".join(
        f'<xs:enumeration value="{name}">'
        + (f"<xs:annotation><xs:appinfo><idl:value>{number}</idl:value></xs:appinfo>"
           "</xs:annotation>" if number else "")
        + "</xs:enumeration>"
        for name, _, number in pairs
    )  # fmt: skip
    return f"""<xs:simpleType name="{name}">
  <xs:annotation><xs:appinfo><idl:name>test.{name}:1.0.0</idl:name></xs:appinfo></xs:annotation>
  <xs:restriction base="xs:token">{texts}</xs:restriction></xs:simpleType>"""


def field(name: str, kind: str, more: str = "") -> str:
    """Declare a child element."""
    return f'<xs:element name="{name}" type="{kind}" {more}/>'


def struct(name: str, *fields: str) -> str:
    """Declare a complex type."""
    inner = "".join(fields)
    return f'<xs:complexType name="{name}"><xs:sequence>{inner}</xs:sequence></xs:complexType>'


MANY = 'minOccurs="0" maxOccurs="unbounded"'

ROLES = (
    named("RoleEvent", "usermgmt.RoleEvent:1.0.0", field("rolename", "xs:string"),
          base="x:UserEvent")
    + named(
        "RoleChanged", "usermgmt.RoleChanged:1.0.0",
        field("oldSettings", "t:Role") + field("newSettings", "t:Role"), base="t:RoleEvent",
    )
    + struct("Role", field("description", "xs:string"), field("locked", "xs:boolean"),
             field("privileges", "t:Privilege", MANY))
    + struct("Privilege", field("name", "xs:string"), field("args", "xs:string", MANY))
)  # fmt: skip
"""The roles of ``raritan.rpc.usermgmt``: vectors of structs with vectors."""

SETUP = (
    named("SetupChanged", "net.PortForwardingAutoSetupStatusChangedEvent:1.0.0",
          field("newStatus", "t:Setup"))
    + struct("Setup", field("startTime", "x:Time"), field("remainingExpansionUnits", "xs:int"),
             field("runningState", "t:Running"), field("expansionUnits", "t:Entry", MANY))
    + struct("Entry", field("key", "xs:int"), field("value", "t:Unit"))
    + struct("Unit", field("state", "t:State"), field("errMsg", "xs:string"))
    + enumeration("Running", "NONE", "RUNNING", "CANCELED", "FAILED", "DONE")
    + enumeration("State", "FOUND", "MISSING", "ERROR")
)  # fmt: skip
"""The expansion units of ``raritan.rpc.net``: a map, a time and enumerations."""

ALL_KINDS = (
    named(
        "Kinds", "test.Kinds_2_0_1.AllEvent:1.0.0",
        field("small", "xs:unsignedByte") + field("int", "xs:int") + field("long", "xs:long")
        + field("whole", "xs:integer") + field("percent", "t:Percent")
        + field("single", "xs:float") + field("double", "xs:double") + field("at", "xs:dateTime")
        + field("yes", "xs:boolean") + field("text", "xs:string") + field("level", "t:Level")
        + field("nothing", "xs:string", 'nillable="true"') + field("link", "xs:anyURI")
        + field("holes", "xs:int", f'nillable="true" {MANY}')
        + field("few", "t:Few", 'maxOccurs="3"') + field("maybe", "t:Few", 'minOccurs="0"')
        + field("named", "xs:string", 'default="none"'),
    )
    + '<xs:simpleType name="Percent"><xs:restriction base="xs:int"><xs:minInclusive value="0"/>'
      '<xs:maxInclusive value="100"/></xs:restriction></xs:simpleType>'
    + struct("Few", field("at", "x:Time"))
    + enumeration("Level", "LOW=-1", "MIDDLE=5", "HIGH", "HIGHEST=100")
)  # fmt: skip


def put(directory: Path, *declarations: str, name: str = "Test.xsd") -> Path:
    """Write a schema with some declarations, and what it imports, and return the directory."""
    parts = directory / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    shutil.copy(BUILTIN_SCHEMAS / "Xerus.xsd", parts)
    (directory / name).write_text(f"{_HEAD}{''.join(declarations)}</xs:schema>", encoding="utf-8")
    return directory


def catalog(directory: Path, *declarations: str) -> Catalog:
    """Return a catalog of the built-in types and some declarations."""
    return Catalog([put(directory, *declarations)])
