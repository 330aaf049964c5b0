"""Names in a payload mean the same wherever it goes: wrapped, copied, written and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from clacks_events.envelope import ENVELOPE, NAMESPACE, Stamp
from clacks_events.event import Event

STAMP = Stamp("i", "s", "2026-01-01T00:00:00Z")


E = f"{{{NAMESPACE}}}"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def envelope(content: str, attributes: str = "") -> str:
    return f'<e:Event xmlns:e="{NAMESPACE}" xmlns:xsi="{XSI}" {attributes}>{content}</e:Event>'


def shape(element: etree._Element) -> list[tuple[object, ...]]:
    """Names, attributes, texts and tails: all that a copy must not change."""
    return [
        (str(each.tag), dict(each.attrib), each.text or "", each.tail or "")
        for each in element.iter()
    ]


PAYLOADS = [
    "<T/>",
    "<T><a><b/></a></T>",
    '<T xmlns="urn:d"><a xmlns=""><b/><c xmlns="urn:d"/></a>t</T>',
    f'<T xmlns="{NAMESPACE}"><a xmlns="" k="v">x<b/>y</a></T>',
    f'<v:T xmlns:v="{NAMESPACE}" v:k="v:w">v:x</v:T>',
    '<e:T xmlns:e="urn:other"><e:a/><!-- c --><?p q?></e:T>',
    '<T xmlns:p="urn:p" k="p:v">p:x</T>',
    "<T>\r\n&#13;&lt;&amp;]]&gt;<![CDATA[<x>]]></T>",
    '<T k="&#10;&#9;&quot;"/>',
]


def unset_default(text: str) -> str:
    head = text.partition(">")[0]
    return (
        text if ' xmlns="' in head or head.startswith(("<e:", "<v:")) else f'<T xmlns=""{text[2:]}'
    )


@pytest.mark.parametrize("text", PAYLOADS)
def test_payloads_stay_as_they_are(text: str) -> None:
    before = shape(etree.fromstring(text))
    for event in (
        Event.from_xml(text),
        Event.from_xml(text.encode()),
        Event(etree.fromstring(text)),
        Event.from_xml(envelope(text)),
        Event.from_xml(f'<Event xmlns="{NAMESPACE}">{unset_default(text)}</Event>'),
    ):
        assert shape(event.element) == before
        assert shape(event.payload) == before
        assert shape(etree.fromstring(etree.tostring(event.payload))) == before
        assert shape(Event.from_xml(event.xml).element) == before
        assert shape(Event.from_xml(Event(event.payload).xml).element) == before
        assert shape(event.stamped(STAMP).element) == before


TYPED = [
    (f'<T xmlns="{NAMESPACE}" xmlns:xsi="{XSI}" xsi:type="S"/>', NAMESPACE),
    (f'<v:T xmlns:v="{NAMESPACE}" xmlns:xsi="{XSI}" xsi:type="v:S"/>', NAMESPACE),
    (f'<T xmlns="urn:d" xmlns:xsi="{XSI}" xsi:type="S"/>', "urn:d"),
    (f'<T xmlns:p="urn:p" xmlns:xsi="{XSI}" xsi:type="p:S"/>', "urn:p"),
    (f'<e:T xmlns:e="urn:e" xmlns:xsi="{XSI}" xsi:type="e:S"/>', "urn:e"),
    (f'<T xmlns:xsi="{XSI}" xsi:type="S"/>', None),
]


@pytest.mark.parametrize(("text", "namespace"), TYPED)
def test_types_in_values_keep_their_namespace(text: str, namespace: str | None) -> None:
    def meant(element: etree._Element) -> str | None:
        prefix, _, _ = str(element.get(f"{{{XSI}}}type")).rpartition(":")
        return element.nsmap.get(prefix or None) or None

    for deep in (text, f'<x xmlns="urn:x"><y xmlns="">{text}</y></x>'):
        for event in (Event.from_xml(deep), Event(etree.fromstring(deep))):
            for again in (event, Event.from_xml(event.xml), Event(event.payload)):
                (found,) = again.payload.iter("{*}T")
                assert meant(found) == namespace


def test_a_prefix_declared_on_the_envelope_belongs_to_the_payload() -> None:
    event = Event.from_xml(envelope('<T xsi:type="p:S">p:v</T>', 'xmlns:p="urn:p"'))
    for payload in (event.payload, Event(event.payload).payload, Event(event.element).payload):
        assert payload.nsmap["p"] == "urn:p"


TAGS = st.sampled_from(["a", "b", "{urn:d}c", "{urn:e}d", f"{E}f"])
DEFAULTS = st.sampled_from([None, "urn:d", "urn:e", NAMESPACE])


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> etree._Element:
    """Trees as they can be built in memory, with default namespaces that capture children."""
    default = draw(DEFAULTS)
    nsmap: dict[str | None, str] = {"p": "urn:p"} if default is None else {None: default}
    element = etree.Element(draw(TAGS), {"k": "p:v", "{urn:d}l": "w"}, nsmap=nsmap)
    element.text = draw(st.sampled_from([None, "t", "<&>"]))
    for child in draw(st.lists(trees(depth=depth - 1), max_size=3)) if depth else ():
        element.append(child)
        child.tail = draw(st.sampled_from([None, "u"]))
    if draw(st.booleans()):
        element.append(etree.Comment("c"))
    return element


@given(trees())
def test_trees_built_in_memory_keep_their_namespaces(tree: etree._Element) -> None:
    before = shape(tree)
    event = Event(tree)
    assert shape(tree) == before
    assert shape(event.element) == before
    assert shape(event.payload) == before
    assert shape(Event.from_xml(event.xml).element) == before
    assert shape(etree.fromstring(etree.tostring(event.payload))) == before
    root = etree.Element(ENVELOPE, nsmap={None: NAMESPACE})
    root.append(tree)
    assert shape(Event.from_xml(Event(root).xml).element) == before
