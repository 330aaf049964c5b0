"""The built-in event schemas: complete, documented, and as strict as the events they describe."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import xmlschema
from lxml import etree

SCHEMAS = Path(__file__).parent.parent / "schemas"
NS = "http://www.gonicus.de/Events"
XS = "{http://www.w3.org/2001/XMLSchema}"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

TYPE_NAMES = """
    AMINotification AsteriskNotification BackendChange ClientAnnounce ClientLeave ClientPing
    ClientPoll ClientSignature CollectD Inventory NodeAnnounce NodeCapabilities NodeLeave
    NodeStatus Notification ObjectChanged PhoneNotification PhoneStatus PuppetReport
    SchedulerUpdate SenderAnnounce SenderLeave SenderPoll SenderRenew
    UserSession
"""
TYPES = set(TYPE_NAMES.split())
HELPERS = {
    "ClientAnnounce": {"NetworkInformation", "NetworkDevice"},
    "ClientSignature": {"ClientCapabilities", "ClientMethod"},
    "NodeCapabilities": {"NodeMethod", "NodeObject"},
    "PuppetReport": {"PuppetLog"},
}


def fields(text: str) -> str:
    """Write ``Name=value Name=value`` as elements; a value has no blanks."""
    pairs = (word.split("=", 1) for word in text.split())
    return "".join(f"<{name}>{value}</{name}>" for name, value in pairs)


def row(name: str, text: str) -> str:
    return f"<{name}>{fields(text)}</{name}>"


CALL_FIELDS = "Identity=c1 From=+492932916 To=+4929329160 Timestamp=1316599521.5"
CALL = row("Call", f"Type=CallEnded {CALL_FIELDS} Duration=12.5 Cause=normal")
MEMBER = row(
    "QueueMemberStatus",
    "Queue=support Location=SIP/12 MemberName=Ann Membership=dynamic Penalty=0 CallsTaken=3"
    " LastCall=1316599521 Status=AST_DEVICE_RINGINUSE Paused=0.0 Reason=lunch Loginchan=SIP/12"
    " Logintime=1316590000",
)
DEVICE = row(
    "NetworkDevice",
    "Name=eth0 IPAddress=10.0.0.2 IPv6Address=::1 MAC=00:01:6c:9d:b9:fa Netmask=255.0.0.0"
    " Broadcast=10.255.255.255",
)
NODE_METHOD = row(
    "NodeMethod",
    "Name=ping Path=Core.ping Target=core Signature=a,b Type=NORMAL QueueRequired=false"
    " Documentation=Answers.",
)
CLIENT_METHOD = row("ClientMethod", "Name=notify Path=N.notify Signature=text Documentation=Shows.")
TAGS = "<Tag><value>class</value><value>ntp</value></Tag>"
LOG = (
    "<PuppetLog>"
    + fields("Timestamp=1316599521.0 Level=notice Message=done Source=Puppet File=a.pp Line=7")
    + f"<Version>2.6</Version>{TAGS}</PuppetLog>"
)
INVENTORY_HEAD = fields(
    "Checksum=d41d8cd9 DeviceID=pc1-2011-10-09 QueryType=INVENTORY ClientVersion=v2.1"
    " ClientUUID=u1 HardwareUUID=h1 Hostname=pc1"
)
DRIVE_HEAD = "Device=/dev/sda1 MountPoint=/ Filesystem=ext4 Serial=77 Label=root"
DRIVE = row("Drive", f"{DRIVE_HEAD} CreateDate=2011-03-01T14:36:06Z TotalSpace=90 FreeSpace=9")
NIL_DRIVE = (
    f"<Drive>{fields(DRIVE_HEAD)}<CreateDate xsi:nil='true'/>"
    f"{fields('TotalSpace=90 FreeSpace=9')}</Drive>"
)
CPU = row("Cpu", "Manufacturer=Intel Type=i7 Core=4 Speed=2400 Serial=s Thread=2")
MEASUREMENT = (
    fields("Host=h Plugin=cpu PluginInstance=0 Type=gauge TypeInstance=idle Time=1304900000")
    + "<Interval>10.0</Interval><Values>1.5 -2 NaN</Values>"
)
SENDER = "Sender=gps Instance=5e0d34a5"
CHANGE = "UUID=u1 DN=cn=x ModificationTime=20150101000000Z ChangeType=modify"

# Every field of the type is present once.
FULL: list[tuple[str, str]] = [
    ("AMINotification", CALL),
    ("AMINotification", MEMBER),
    ("AsteriskNotification", fields(f"Type=CallMissed {CALL_FIELDS} Duration=0 Cause=busy")),
    ("BackendChange", fields(f"{CHANGE} NewDN=cn=y")),
    ("ClientAnnounce", f"<NetworkInformation>{DEVICE}</NetworkInformation><Id/><Name/>"),
    ("ClientLeave", fields("Id=u1")),
    ("ClientPing", fields("Id=u1")),
    ("ClientPoll", ""),
    ("ClientSignature", f"<ClientCapabilities>{CLIENT_METHOD}</ClientCapabilities><Id/><Name/>"),
    ("CollectD", MEASUREMENT),
    ("Inventory", INVENTORY_HEAD + DRIVE + CPU),
    ("NodeAnnounce", fields("Id=n1")),
    ("NodeCapabilities", f"<Id>n1</Id>{NODE_METHOD}{row('NodeObject', 'OID=o Signature=s')}"),
    ("NodeLeave", fields("Id=n1")),
    ("NodeStatus", fields("Load=0.25 Latency=0 Workers=12 Id=n1 Indexed=true")),
    ("Notification", fields("Target=ann Title=Hi Body=Call! Icon=phone Timeout=5000")),
    ("ObjectChanged", fields(CHANGE)),
    ("PhoneNotification", CALL),
    ("PhoneNotification", MEMBER),
    ("PhoneStatus", fields("CallerId=012345 ReceiverId=543210 Status=busy")),
    ("PuppetReport", f"<Id>u1</Id>{LOG}"),
    ("SchedulerUpdate", fields("Id=n1")),
    ("SenderAnnounce", fields(f"{SENDER} Interval=0.5 Origin=pc1 Type=Speed Method=reset")),
    ("SenderRenew", fields(f"{SENDER} Interval=0.5 Origin=pc1 Type=Speed Method=reset")),
    ("SenderLeave", fields(f"{SENDER} Reason=closed")),
    ("SenderPoll", ""),
    ("UserSession", "<Id>u1</Id><User><Name>ann</Name></User>"),
]

# Parent and child: all other fields are required.
OPTIONAL: dict[str, set[str]] = {
    "AsteriskNotification": {"Duration", "Cause"},
    "BackendChange": {"UUID", "DN", "NewDN"},
    "Call": {"Duration", "Cause"},
    "ClientCapabilities": {"ClientMethod"},
    "ClientSignature": {"ClientCapabilities"},
    "CollectD": {"PluginInstance", "TypeInstance"},
    "Inventory": {"Drive", "Cpu"},
    "NodeCapabilities": {"NodeMethod", "NodeObject"},
    "NodeObject": {"Signature"},
    "NodeStatus": {"Indexed"},
    "Notification": {"Title", "Icon", "Timeout"},
    "ObjectChanged": {"UUID", "DN"},
    "PuppetLog": {"Source", "File", "Line", "Version", "Tag"},
    "QueueMemberStatus": {"Reason", "Loginchan", "Logintime"},
    "SenderAnnounce": {"Type", "Method"},
    "SenderRenew": {"Type", "Method"},
    "Tag": {"value"},
    "User": {"Name"},
    "UserSession": {"User"},
}
UNORDERED_NAMES = """
    BackendChange ClientAnnounce ClientMethod ClientSignature CollectD NetworkDevice
    NodeMethod NodeObject NodeStatus Notification ObjectChanged PhoneStatus PuppetLog
    UserSession
"""
ANY_ORDER = set(UNORDERED_NAMES.split())

DEVICE_STATES = "UNKNOWN NOT_INUSE INUSE BUSY INVALID UNAVAILABLE RINGING RINGINUSE ONHOLD"

ACCEPTED: list[tuple[str, str]] = [
    *[
        (event, MEMBER.replace("RINGINUSE", state).replace("<Queue>", "text<Queue>") + "text")
        for event in ("AMINotification", "PhoneNotification")
        for state in DEVICE_STATES.split()
    ],
    *[
        (event, CALL.replace("CallEnded", kind).replace("<Type>", "text<Type>"))
        for event in ("AMINotification", "PhoneNotification")
        for kind in ("IncomingCall", "CallMissed")
    ],
    ("AMINotification", CALL.replace("+492932916<", "anonymous 110<")),
    ("AMINotification", f"ringing {CALL} now"),
    ("AsteriskNotification", "call" + fields(f"Type=IncomingCall {CALL_FIELDS}")),
    ("ClientAnnounce", f"<Id/><Name/><NetworkInformation>{DEVICE * 3}</NetworkInformation>"),
    ("AsteriskNotification", fields(f"Type=CallEnded {CALL_FIELDS}")),
    ("ClientPoll", "<!-- nothing -->"),
    (
        "ClientSignature",
        f"<Id/><Name/><ClientCapabilities>{CLIENT_METHOD * 2}</ClientCapabilities>",
    ),
    ("ClientSignature", "<ClientCapabilities/>" + fields("Id=u1 Name=pc1")),
    ("Inventory", INVENTORY_HEAD),
    ("Inventory", INVENTORY_HEAD + NIL_DRIVE + DRIVE),
    ("Inventory", INVENTORY_HEAD + DRIVE + row("Login", "Login=ann") * 2),
    *[
        ("NodeCapabilities", f"<Id>n1</Id>{NODE_METHOD.replace('NORMAL', kind) * 2}")
        for kind in ("FIRSTRESULT", "CUMMULATIVE", "CUMULATIVE")
    ],
    ("NodeStatus", fields("Id=n1 Workers=-1 Load=1e-3 Latency=INF Indexed=0")),
    ("PhoneNotification", CALL.replace("CallEnded", "CallActive")),
    *[
        ("PuppetReport", f"<Id>u1</Id>{LOG.replace('notice', level) * 2}")
        for level in ("debug", "info", "warning", "err", "alert", "emerg", "crit")
    ],
    ("UserSession", "<Id>u1</Id><User/>"),
    ("NodeCapabilities", "<Id>n1</Id>" + row("NodeObject", "OID=o") * 2),
    ("UserSession", "<User><Name>ann</Name><Name>bob</Name></User><Id>u1</Id>"),
]


class Refused(NamedTuple):
    """A payload and the element that is at fault."""

    event: str
    blamed: str
    content: str


REFUSED = [
    Refused("AMINotification", "Type", CALL.replace("CallEnded", "CallActive")),
    Refused("AMINotification", "AMINotification", ""),
    Refused("AMINotification", "QueueMemberStatus", CALL + MEMBER),
    Refused("AMINotification", "Timestamp", CALL.replace("1316599521.5", "-1")),
    Refused("AMINotification", "Status", MEMBER.replace("_RINGINUSE", "_RANG")),
    *[
        Refused("PhoneNotification", name, MEMBER.replace(f"<{name}>", f"<{name}>."))
        for name in ("Penalty", "CallsTaken", "LastCall", "Status")
    ],
    Refused("AMINotification", "LastCall", MEMBER.replace("<LastCall>", "<LastCall>0.5")),
    Refused("AMINotification", "CallsTaken", MEMBER.replace("<CallsTaken>", "<CallsTaken>1e")),
    Refused("AMINotification", "Duration", CALL.replace("12.5", "1e1")),
    Refused("AMINotification", "Penalty", MEMBER.replace("Penalty>0", "Penalty>0.5")),
    Refused(
        "AsteriskNotification", "From", fields(f"Type=CallMissed {CALL_FIELDS}").replace("+", "")
    ),
    Refused("AsteriskNotification", "Timestamp", fields(f"Type=CallMissed {CALL_FIELDS}e3")),
    Refused("AsteriskNotification", "Type", fields(f"Type=CallActive {CALL_FIELDS}")),
    Refused("BackendChange", "UUID", fields(f"{CHANGE} UUID=u2")),
    Refused("BackendChange", "BackendChange", "text" + fields(CHANGE)),
    Refused(
        "ClientAnnounce", "NetworkInformation", "<NetworkInformation/>" + fields("Id=u Name=n")
    ),
    Refused("ClientLeave", "Id", "<Id><Name/></Id>"),
    Refused("ClientPing", "Name", fields("Id=u1 Name=pc1")),
    Refused("ClientPoll", "ClientPoll", fields("Id=u1")),
    Refused("ClientPoll", "ClientPoll", "now"),
    Refused("CollectD", "Time", MEASUREMENT.replace("1304900000", "2011-05-09")),
    Refused("CollectD", "Interval", MEASUREMENT.replace("10.0", "1e1")),
    Refused("CollectD", "Interval", MEASUREMENT.replace("10.0", "-0.1")),
    Refused("CollectD", "Values", MEASUREMENT.replace("NaN", "nan")),
    Refused("Inventory", "Drive", INVENTORY_HEAD + CPU + DRIVE + CPU),
    Refused("Inventory", "CreateDate", INVENTORY_HEAD + NIL_DRIVE.replace(" xsi:nil='true'", "")),
    Refused("Inventory", "CreateDate", INVENTORY_HEAD + DRIVE.replace("2011-03-01T", "2011/3/1 ")),
    Refused(
        "Inventory", "Label", INVENTORY_HEAD + NIL_DRIVE.replace("<Label>", "<Label xsi:nil='1'>")
    ),
    Refused("Inventory", "Speed", INVENTORY_HEAD + CPU.replace("2400", "2.4")),
    Refused("NodeAnnounce", "Id", '<Id xmlns=""/>'),
    Refused("NodeCapabilities", "Type", f"<Id/>{NODE_METHOD.replace('NORMAL', 'normal')}"),
    Refused("NodeCapabilities", "QueueRequired", f"<Id/>{NODE_METHOD.replace('false', 'no')}"),
    Refused("NodeStatus", "Load", fields("Load=x Latency=0 Workers=1 Id=n1")),
    Refused("NodeStatus", "Latency", fields("Load=0 Latency=1ms Workers=1 Id=n1")),
    Refused("NodeStatus", "Workers", fields("Load=0 Latency=0 Workers=1.5 Id=n1")),
    Refused("NodeStatus", "Workers", fields("Load=0 Latency=0 Workers=2147483648 Id=n1")),
    Refused("NodeStatus", "Indexed", fields("Load=0 Latency=0 Workers=1 Id=n1 Indexed=yes")),
    Refused("Notification", "Timeout", fields("Target=ann Body=b Timeout=5s")),
    Refused("PhoneNotification", "Type", CALL.replace("CallEnded", "callActive")),
    Refused("PhoneNotification", "Duration", CALL.replace("12.5", "1e1")),
    Refused("PuppetReport", "Timestamp", f"<Id>u1</Id>{LOG.replace('1316599521.0', 'now')}"),
    Refused("PuppetReport", "Level", f"<Id>u1</Id>{LOG.replace('notice', 'error')}"),
    Refused("PuppetReport", "Line", f"<Id>u1</Id>{LOG.replace('>7<', '>seven<')}"),
    Refused("PuppetReport", "Tag", f"<Id>u1</Id>{LOG.replace(TAGS, '<Tag/>')}"),
    Refused("UserSession", "UserSession", "<User><Name>ann</Name></User>"),
    Refused("UserSession", "User", "<Id>u1</Id><User/><User/>"),
]


@functools.cache
def fast(event: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / f"{event}.xsd"))


@functools.cache
def thorough(event: str) -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(SCHEMAS / f"{event}.xsd", allow="local")


def source(event: str) -> etree._Element:
    return etree.parse(SCHEMAS / f"{event}.xsd").getroot()


def payload(event: str, content: str) -> etree._Element:
    return etree.fromstring(f'<{event} xmlns="{NS}" xmlns:xsi="{XSI}">{content}</{event}>')


def verdicts(event: str, element: etree._Element) -> tuple[bool, bool]:
    return fast(event).validate(element), thorough(event).is_valid(etree.tostring(element))


def local_name(element: etree._Element) -> str:
    return etree.QName(element).localname


def elements(event: str, content: str) -> Iterator[tuple[etree._Element, etree._Element]]:
    """Yield every element together with its root, each in a payload of its own."""
    for index in range(len(list(payload(event, content).iter()))):
        root = payload(event, content)
        yield root, list(root.iter())[index]


def test_there_are_exactly_the_25_types_and_the_xerus_events() -> None:
    assert len(TYPES) == 25
    assert {path.stem for path in SCHEMAS.glob("*.xsd")} == TYPES | {"Xerus"}


@pytest.mark.parametrize("event", sorted(TYPES))
def test_file_compiles_alone(event: str) -> None:
    assert f"{{{NS}}}{event}" in thorough(event).maps.elements
    assert fast(event).validate(payload("Unknown", "")) is False


@pytest.mark.parametrize("event", sorted(TYPES))
def test_head_of_file(event: str) -> None:
    root = source(event)
    assert (SCHEMAS / f"{event}.xsd").read_bytes().startswith(b"<?xml version=")
    assert root.get("targetNamespace") == NS
    assert root.get("elementFormDefault") == "qualified"
    roots = {element.get("name"): element.get("type") for element in root.findall(XS + "element")}
    assert roots == {name: f"e:{name}" for name in {event} | HELPERS.get(event, set())}
    assert not root.xpath(
        "//*[local-name()='complexType' or local-name()='simpleType'][not(@name)]"
    )


@pytest.mark.parametrize("event", sorted(TYPES))
def test_everything_is_documented(event: str) -> None:
    tags = [XS + tag for tag in ("element", "complexType", "simpleType", "enumeration")]
    for component in source(event).iter(*tags):
        text = component.findtext(f"{XS}annotation/{XS}documentation", "")
        assert text.strip().endswith("."), (component.tag, component.get("name"))


def test_no_element_is_declared_by_two_files() -> None:
    names = Counter(
        element.get("name") for event in TYPES for element in source(event).findall(XS + "element")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_inventory_sections_repeat_and_their_fields_do_not() -> None:
    root = source("Inventory")
    sections = root.findall(f"{XS}complexType[@name='Inventory']//{XS}element[@minOccurs='0']")
    assert {section.get("maxOccurs") for section in sections} == {"unbounded"}
    rows = {row.get("name") for row in root.findall(XS + "complexType")} - {"Inventory"}
    assert rows == {section.get("name") for section in sections}
    assert len(rows) == 27
    assert not root.xpath("//*[@name != 'Inventory']//*[@minOccurs or @maxOccurs]")


def test_inventory_fields_are_text_unless_listed() -> None:
    found: dict[str, set[str]] = {}
    for field in source("Inventory").iter(XS + "element"):
        kind = str(field.get("type"))
        if kind.startswith("xs:") and kind != "xs:string":
            (owner,) = field.iterancestors(XS + "complexType")
            found.setdefault(kind, set()).add(f"{owner.get('name')}/{field.get('name')}")
    numbers = "Memory/Capacity Memory/NumberOfSlots Software/Size Cpu/Speed Process/VirtualMemory"
    hardware = "Memory Processors SwapMemory ReportGenerationTime"
    assert found == {
        "xs:dateTime": {"Drive/CreateDate", "Process/StartDate", "AccessLog/LoginDate"},
        "xs:integer": {*numbers.split(), *(f"Hardware/{name}" for name in hardware.split())},
    }


def test_every_type_has_a_full_example() -> None:
    assert {event for event, _ in FULL} == TYPES


@pytest.mark.parametrize(("event", "content"), FULL + ACCEPTED)
def test_valid_payload_is_accepted(event: str, content: str) -> None:
    element = payload(event, content)
    fast(event).assertValid(element)
    assert verdicts(event, element) == (True, True)


@pytest.mark.parametrize(("event", "blamed", "content"), REFUSED)
def test_invalid_payload_is_refused(event: str, blamed: str, content: str) -> None:
    element = payload(event, content)
    assert verdicts(event, element) == (False, False)
    messages = [str(error.message) for error in fast(event).error_log]
    assert any(
        m.startswith((f"Element '{{{NS}}}{blamed}'", f"Element '{blamed}'")) for m in messages
    )


@pytest.mark.parametrize(("event", "content"), FULL)
def test_only_optional_fields_may_be_left_out(event: str, content: str) -> None:
    for root, field in elements(event, content):
        parent = field.getparent()
        if parent is not None:
            parent.remove(field)
            valid = local_name(field) in OPTIONAL.get(local_name(parent), set())
            assert verdicts(event, root) == (valid, valid), field.tag


@pytest.mark.parametrize(("event", "content"), FULL)
def test_order_matters_only_in_sequences(event: str, content: str) -> None:
    for root, parent in elements(event, content):
        if len({child.tag for child in parent}) > 1:
            parent[:] = list(reversed(parent))
            valid = local_name(parent) in ANY_ORDER
            assert verdicts(event, root) == (valid, valid), parent.tag


@pytest.mark.parametrize(("event", "content"), FULL)
def test_unknown_elements_and_attributes_are_refused(event: str, content: str) -> None:
    for root, element in elements(event, content):
        etree.SubElement(element, f"{{{NS}}}Unknown")
        assert verdicts(event, root) == (False, False), element.tag
    for root, element in elements(event, content):
        element.set("Type", "CallMissed")
        assert verdicts(event, root) == (False, False), element.tag
