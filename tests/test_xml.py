"""Reading XML from untrusted places, and copying it without changing its names."""

from __future__ import annotations

import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from clacks_events.errors import MalformedEvent
from clacks_events.xml import MAX_SIZE, decoded, detached, local_name, parse_xml, serialise, sound

BOMB = (
    '<!DOCTYPE a [<!ENTITY x0 "ha">'
    + "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 12))
    + "]><a>&x11;</a>"
)

# What is wrong, the text, the line, a part of the reason.
MALFORMED = [
    ("", 1, "empty"),
    ("   ", 1, "Start tag expected"),
    ('{"a": 1}', 1, "Start tag expected"),
    ("plain", 1, "Start tag expected"),
    ("<a>", 1, ""),
    ("<a>\n<b>\n</a>", 3, "mismatch"),
    ("<a/>\n<b/>", 2, "Extra content"),
    ("<a/>\ntext", 2, "Extra content"),
    ("<a>\n&unknown;</a>", 2, "Entity 'unknown' not defined"),
    ("<a b='1'\n b='2'/>", 2, "redefined"),
    ("<a>\n<p:b/></a>", 2, "Namespace prefix p"),
    ("<a>\n\x01</a>", 2, ""),
    ("<a>\n\x00</a>", 2, ""),
    ("<a>\n&#0;</a>", 2, ""),
    ("<a>" * 300, 1, "depth"),
    ("<!DOCTYPE a><a/>", 1, "DOCTYPE"),
    ('<!DOCTYPE a SYSTEM "http://localhost/a.dtd"><a/>', 1, "DOCTYPE"),
    ('<!DOCTYPE a PUBLIC "-//x" "a.dtd"><a/>', 1, "DOCTYPE"),
    ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 1, "DOCTYPE"),
    ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', 1, "DOCTYPE"),
    ('<!DOCTYPE a [<!ENTITY % x SYSTEM "http://localhost/x"> %x;]><a/>', 1, "DOCTYPE"),
    ("<!-- <!DOCTYPE\n -->\n<?x ?>\n<!DOCTYPE a>\n<a/>", 4, "DOCTYPE"),
    (BOMB, 1, ""),
]


@pytest.mark.parametrize(
    ("text", "line", "reason"), MALFORMED, ids=[row[0][:40] for row in MALFORMED]
)
def test_malformed(text: str, line: int, reason: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(MalformedEvent) as caught:
            parse_xml(data)
        assert reason in caught.value.reason
        assert caught.value.line == line
        assert caught.value.reason in str(caught.value)


@pytest.mark.parametrize(("text", "line", "reason"), MALFORMED[5:8] + MALFORMED[15:17])
def test_lines_below_an_xml_declaration(text: str, line: int, reason: str) -> None:
    for declaration in ('<?xml version="1.0" encoding="UTF-8"?>', '<?xml\nversion="1.0"\n?>'):
        whole = f"{declaration}\n{text}"
        for data in (whole, whole.encode(), "\ufeff" + whole, whole.encode("utf-8-sig")):
            with pytest.raises(MalformedEvent) as caught:
                parse_xml(data)
            assert caught.value.line == line + 1 + declaration.count("\n")
            assert reason in caught.value.reason


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "cp037"]
)
def test_a_doctype_in_any_encoding(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    for text in (
        f'<?xml version="1.0" encoding="{declared}"?><!DOCTYPE a><a/>',
        "<!DOCTYPE a><a/>",
        " \n<!DOCTYPE a><a/>",
        "<!-- c --><!DOCTYPE a><a/>",
        "<?p x?><!DOCTYPE a><a/>",
    ):
        with pytest.raises(MalformedEvent):
            parse_xml(text.encode(encoding))


def test_lines_in_utf_16() -> None:
    for text, line, _ in MALFORMED[5:8] + MALFORMED[-2:-1]:
        with pytest.raises(MalformedEvent) as caught:
            parse_xml(f'<?xml version="1.0" encoding="utf-16"?>\n{text}'.encode("utf-16"))
        assert caught.value.line == line + 1


def test_columns_in_text_are_those_of_the_caller() -> None:
    text = '<?xml version="1.0" encoding="utf-8"?><a><b></a>'
    reasons = set()
    for data in (text, text.encode()):
        with pytest.raises(MalformedEvent) as caught:
            parse_xml(data)
        reasons.add(caught.value.reason)
    assert len(reasons) == 1


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        b'<?xml version="1.0" encoding="ascii"?><a>\xe4</a>',
        b'<?xml version="1.0" encoding="utf-8"?><a>\xe4</a>',
        b"<a>\xff</a>",
        b"\xff\xfe<a/>",
        b"\xfe\xff",
        b"\x1f\x8b\x08\x00",
        "<a>\ud800</a>",
        "\ud800",
    ],
    ids=repr,
)
def test_wrong_encodings(data: bytes | str) -> None:
    with pytest.raises(MalformedEvent):
        parse_xml(data)


@pytest.mark.parametrize(
    "encoding", ["iso-8859-1", "utf-16", "utf-16-le", "utf-8", "utf-8-sig", "windows-1252"]
)
def test_right_encodings(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{declared}"?><a>Größe</a>'
    assert parse_xml(text.encode(encoding)).text == "Größe"
    # In text the declaration has nothing to say any more.
    assert parse_xml(text).text == "Größe"
    assert parse_xml("\ufeff" + text).text == "Größe"


def test_utf_16_without_declaration() -> None:
    assert parse_xml("<a>Größe</a>".encode("utf-16")).text == "Größe"


@given(st.binary(max_size=200) | st.text(max_size=200))
@example(b"<" * 1000)
@example("<a" * 1000)
def test_anything_is_a_document_or_malformed(data: bytes | str) -> None:
    try:
        root = parse_xml(data)
    except MalformedEvent as error:
        assert error.reason  # noqa: PT017  # both outcomes are right
    else:
        assert isinstance(root.tag, str)


PIECES = st.sampled_from(
    "<a> </a> <a/> <b|x='1'> </b> &amp; &x; <!-- --> <![CDATA[ ]]> <!DOCTYPE|a> <?p|?> \n ä \0"
    " xmlns:p='u' <p:a/> <?xml|version='1.0'?>".replace("\n", "%").split(" ")
).map(lambda piece: piece.replace("|", " ").replace("%", "\n"))


@given(st.lists(PIECES, max_size=12).map("".join))
def test_pieces_of_xml_are_a_document_or_malformed(text: str) -> None:
    found = set()
    for data in (text, text.encode()):
        try:
            found.add(serialise(parse_xml(data)))
        except MalformedEvent as error:
            found.add(b"")
            assert error.line <= text.count("\n") + 1  # noqa: PT017
    # Only white space before a declaration, which text may have, makes a difference.
    assert len(found) == 1 or text.lstrip("\n") != text


def test_size() -> None:
    text = "<a>" + "ä" * 50 + "</a>"
    assert parse_xml(text, max_size=107).text == "ä" * 50
    for data in (text, text.encode()):
        with pytest.raises(MalformedEvent, match="107 bytes are more than the 106 allowed"):
            parse_xml(data, max_size=106)
    with pytest.raises(MalformedEvent, match=f"more than the {MAX_SIZE} allowed"):
        parse_xml(b"<a>" + b" " * MAX_SIZE + b"</a>")
    assert len(parse_xml(b"<a>" + b" " * (MAX_SIZE - 7) + b"</a>").text or "") == MAX_SIZE - 7


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *args: called.append(args))
    for text, _, _ in MALFORMED:
        with pytest.raises(MalformedEvent):
            parse_xml(text)
    root = parse_xml(
        '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/hosts"/></a>'
    )
    assert len(root) == 1
    assert called == []


def test_serialise_leaves_the_surroundings_out() -> None:
    root = etree.fromstring("<?p ?><!-- c --><r><a>ä</a>tail</r>")
    assert serialise(root) == "<r><a>ä</a>tail</r>".encode()
    assert serialise(root[0]) == "<a>ä</a>".encode()


TREE = (
    '<r xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q" xmlns:xsi="urn:xsi">'
    '<a xsi:type="p:T" k="q:v"><!-- c --><b xmlns="">q:x<c/>t</b><?pi x?>u<p:d/></a>tail</r>'
)


def test_detached_keeps_every_name() -> None:
    inner = etree.fromstring(TREE)[0]
    twin = detached(inner)
    assert twin.getparent() is None
    assert twin.tail is None
    assert [each.tag for each in twin.iter("*")] == [each.tag for each in inner.iter("*")]
    assert [each.tag for each in etree.fromstring(serialise(twin)).iter("*")] == [
        each.tag for each in inner.iter("*")
    ]
    assert {key: twin.nsmap[key] for key in ("p", "q")} == {"p": "urn:p", "q": "urn:q"}
    twin[0].text = "changed"
    assert inner[0].text == " c "


def test_detached_adds_nothing_that_no_value_needs() -> None:
    inner = etree.fromstring('<r xmlns:p="urn:p"><a><b/></a></r>')[0]
    assert serialise(detached(inner)) == b"<a><b/></a>"


def test_elements_that_a_default_namespace_would_capture() -> None:
    root = etree.Element("{urn:d}r", nsmap={None: "urn:d", "p": "urn:p"})
    root.set("type", "T")
    plain = etree.SubElement(root, "plain", {"k": "p:v", "{urn:p}l": "w"})
    plain.text, plain.tail = "x", "y"
    plain.append(etree.Comment("c"))
    plain[0].tail = "z"
    etree.SubElement(etree.SubElement(plain, "{urn:d}deep"), "deeper")
    assert b"plain xmlns=" not in serialise(root), "lxml writes these names wrong"
    for source in (root, plain):
        twin = etree.fromstring(serialise(sound(source)))
        assert [each.tag for each in twin.iter()] == [each.tag for each in source.iter()]
        assert [each.attrib for each in twin.iter("*")] == [
            each.attrib for each in source.iter("*")
        ]
        assert "".join(twin.itertext()) == "".join(source.itertext())
        assert twin.nsmap["p"] == "urn:p"
    assert sound(root).nsmap[None] == "urn:d"


def test_a_sound_tree_is_not_copied() -> None:
    root = etree.fromstring(TREE)
    assert sound(root) is root


def test_detached_keeps_lines() -> None:
    root = etree.fromstring('<r xmlns:p="urn:p"\n a="1"\n>\n<a\n b="p:x">\n<c/></a></r>')
    twin = detached(root[0])
    assert [each.sourceline for each in twin.iter()] == [each.sourceline for each in root[0].iter()]


def test_local_names() -> None:
    assert local_name("{urn:x}a") == "a"
    assert local_name("a") == "a"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_text_of_a_document_in_any_encoding(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f"<?xml version='1.0' encoding='{declared}'?>\n<a>ü</a>"
    found = decoded(text.encode(encoding))
    assert found == text
    assert parse_xml(found).text == "ü"
