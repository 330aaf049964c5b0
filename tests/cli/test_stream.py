"""Cutting a stream into documents."""

from __future__ import annotations

import io
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from clacks_events.cli.stream import Cut, documents


class Chunks(io.RawIOBase):
    """A stream that gives its bytes in the portions that it was made of, as a pipe does."""

    def __init__(self, data: bytes, borders: list[int]) -> None:
        places = [0, *sorted(border % (len(data) + 1) for border in borders), len(data)]
        self.chunks = [data[start:end] for start, end in pairwise(places) if start < end]

    def read(self, size: int | None = -1, /) -> bytes:
        data = b""
        while self.chunks and (size is None or size < 0 or len(data) < size):
            data += self.chunks.pop(0)
        end = len(data) if size is None or size < 0 else size
        if data[end:]:
            self.chunks.insert(0, data[end:])
        return data[:end]

    def read1(self, size: int) -> bytes:
        return self.chunks.pop(0)[:size] if self.chunks else b""


def cut(data: bytes, borders: list[int] | None = None) -> list[Cut]:
    return list(documents(Chunks(data, borders or [])))  # type: ignore[arg-type]


NAMES = st.sampled_from(["a", "b-c", "_.d", "é"])
TEXTS = st.sampled_from(["", "x", " > ]] ", "\n", "\"'", "ü€", "&lt;a&gt;"])
ATTRIBUTES = st.sampled_from(
    [
        "",
        " k='>'",
        ' k="/>"',
        ' k="it\'s"',
        " k='\"'",
        " k='&quot;]]>'",
        ' k="--" l="?>"',
        " k='\n'",
    ]
)
COMMENTS = st.sampled_from(["<!-- c -->", "<!--<a>-->", "<!-- - ->'\" -->", "<!---->"])
INSTRUCTIONS = st.sampled_from(["<?p?>", "<?p <a> ?>", "<?p '>\" ?>", "<?xml-p x='1'?>"])
SECTIONS = st.sampled_from(["<![CDATA[<b>]]]>", "<![CDATA[</a>]]>", "<![CDATA[]]>"])
DOCTYPES = st.sampled_from(
    [
        "",
        "<!DOCTYPE a>",
        "<!DOCTYPE a SYSTEM 'x>y'>",
        "<!DOCTYPE a [<!ENTITY e ']>'><!-- don't ]> --><?p ]> ' ?><!ELEMENT a ANY>]>",
    ]
)
DECLARATIONS = st.sampled_from(
    ["<?xml version='1.0'?>", '<?xml version="1.0" encoding="UTF-8"?>\n']
)


def element(content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    full = st.builds(
        lambda name, attribute, parts: f"<{name}{attribute}>{''.join(parts)}</{name}>",
        NAMES,
        ATTRIBUTES,
        st.lists(content, max_size=4),
    )
    return full | st.builds(lambda name, attribute: f"<{name}{attribute}/>", NAMES, ATTRIBUTES)


LEAVES = TEXTS | COMMENTS | INSTRUCTIONS | SECTIONS
ELEMENTS = element(st.recursive(LEAVES, element, max_leaves=8))
BODIES = st.builds(
    lambda doctype, misc, root: f"{''.join(misc)}{doctype}{root}",
    DOCTYPES,
    st.lists(COMMENTS | INSTRUCTIONS, max_size=2),
    ELEMENTS,
)
DOCUMENTS = BODIES | st.builds(str.__add__, DECLARATIONS, BODIES)
GAPS = st.sampled_from(["", "\n", " \r\n\t"])
BORDERS = st.lists(st.integers(0, 100_000), max_size=30)


@given(st.lists(st.tuples(GAPS, DOCUMENTS), max_size=5), GAPS, BORDERS)
def test_what_was_put_together_comes_apart_again(
    parts: list[tuple[str, str]], end: str, borders: list[int]
) -> None:
    stream = "".join(gap + document for gap, document in parts) + end

    found = cut(stream.encode(), borders)

    assert [each.data.decode() for each in found] == [document for _, document in parts]
    lines = stream.split("\n")
    for each in found:
        assert each.data.decode().split("\n")[0] in lines[each.line - 1]


@given(DOCUMENTS)
def test_the_documents_of_these_tests_are_xml(document: str) -> None:
    etree.fromstring(document.encode(), etree.XMLParser(resolve_entities=False))


@given(DOCUMENTS, BORDERS)
def test_the_borders_of_the_chunks_do_not_matter(document: str, borders: list[int]) -> None:
    data = document.encode() * 3
    assert cut(data, borders) == cut(data)


def test_each_byte_may_come_alone() -> None:
    data = b"<?xml version='1.0'?><a k='>'><![CDATA[<]]></a>\n<!-- < --><b/>"
    assert [each.data for each in cut(data, list(range(len(data))))] == [
        b"<?xml version='1.0'?><a k='>'><![CDATA[<]]></a>",
        b"<!-- < --><b/>",
    ]


def test_a_document_comes_before_the_next_one_begins() -> None:
    chunks = Chunks(b"<a></a><b>", [7])
    found = documents(chunks)  # type: ignore[arg-type]
    assert next(found).data == b"<a></a>"
    assert chunks.chunks == [b"<b>"]


@pytest.mark.parametrize(
    "end", [b"<!-- the end -->", b"<?p?>\n<!-- -->\n", b" \n", b"\xef\xbb\xbf"]
)
def test_what_may_follow_a_document_is_no_document(end: bytes) -> None:
    assert [each.data for each in cut(b"<a/>" + end)] == [b"<a/>"]


def test_a_declaration_begins_a_document() -> None:
    data = b"<a/>\n<!-- of a -->\n<?xml version='1.0'?><b/>"
    assert cut(data) == [Cut(1, b"<a/>"), Cut(3, b"<?xml version='1.0'?><b/>")]


def test_a_byte_order_mark_may_stand_before_each_document() -> None:
    mark = b"\xef\xbb\xbf"
    assert [each.data for each in cut(mark + b"<a/>\n" + mark + b"<?xml version='1.0'?><b/>")] == [
        mark + b"<a/>",
        b"<?xml version='1.0'?><b/>",
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<a><b></a>", [b"<a><b></a>"]),
        (b"<a/></b><c/>", [b"<a/>", b"</b>", b"<c/>"]),
        (b"<a/>no XML", [b"<a/>", b"no XML"]),
        (b"no XML\n<?xml version='1.0'?><a/>", [b"no XML\n", b"<?xml version='1.0'?><a/>"]),
        (b"<a/><![CDATA[", [b"<a/>", b"<![CDATA["]),
        (b"no XML", [b"no XML"]),
        (b"<", [b"<"]),
        (b"", []),
        (b" \n ", []),
    ],
)
def test_what_is_no_xml_is_handed_on(data: bytes, expected: list[bytes]) -> None:
    assert [each.data for each in cut(data)] == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_one_document(encoding: str) -> None:
    data = "<a>\n</a>".encode(encoding)
    assert cut(data, [3, 7]) == [Cut(1, data)]


MANY = 10_000_000 // 8


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<a>" + b"12345678" * MANY + b"</a>", id="text"),
        pytest.param(b"<a><![CDATA[" + b"<x> ]] >" * MANY + b"]]></a>", id="section"),
        pytest.param(b"<a><!--" + b"<x> - ->" * MANY + b"--></a>", id="comment"),
        pytest.param(b"<a k='" + b'"> /> < ' * MANY + b"'/>", id="attribute"),
        pytest.param(b"<a>" + b"<b>1</b>" * MANY + b"</a>", id="elements"),
        pytest.param(b"<a " + b"k='1'   " * MANY + b"/>", id="attributes"),
        pytest.param(b"<a>" + b"<!-- -->" * MANY, id="never closed"),
        pytest.param(b"<!-- -->" * MANY + b"x", id="no element"),
    ],
)
def test_ten_megabytes_take_linear_time(data: bytes) -> None:
    start = time.perf_counter()
    found = list(documents(io.BytesIO(data)))
    assert time.perf_counter() - start < 15
    assert [each.data for each in found] == [data]


def test_many_small_documents_take_linear_time() -> None:
    start = time.perf_counter()
    assert sum(1 for _ in documents(io.BytesIO(b"<a><b/></a>\n" * 900_000))) == 900_000
    assert time.perf_counter() - start < 15
