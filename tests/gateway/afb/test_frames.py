"""The frames of x-afb-ws-json1, without a connection."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clacks_events.gateway.afb.frames import (
    VIOLATION,
    Call,
    Hangup,
    event_frame,
    failure_frame,
    read_frame,
    success_frame,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

MALFORMED = [
    "",
    " ",
    "no JSON",
    "null",
    "2",
    '"2"',
    "{}",
    "[]",
    "[2]",
    '[2,"1"]',
    '[2,"1","event/list"]',
    '[2,"1","event/list",null,"token",null]',
    '[2,1,"event/list",null]',
    '[2,null,"event/list",null]',
    '[2,"1",7,null]',
    '[2,"1","event",null]',
    '[2,"1","event/",null]',
    '[2,"1","event//list",null]',
    '[2,"1","/list",null]',
    '[2,"1","/",null]',
    '[2,"1","",null]',
    '[2,"1","event/list",null,7]',
    '[2.0,"1","event/list",null]',
    '["2","1","event/list",null]',
    '[true,"1","event/list",null]',
    '[0,"1","event/list",null]',
    '[1,"1","event/list",null]',
    '[6,"1","event/list",null]',
    '[[2],"1","event/list",null]',
    '[{},"1","event/list",null]',
    '[3,"1"]',
    "[3,1,{}]",
    '[3,"1",{},"token",null]',
    '[5,"a/b"]',
    '[5,"a/b",{},"token"]',
    "[5,7,{}]",
    '[2,"1","event/list",NaN]',
    '[2,"1","event/list",-Infinity]',
    '[2,"1","event/list",1e999]',
    f'[2,"1","event/list",{"9" * 5000}]',
    '[2,"1","event/list",{"a":1,"a":2}]',
    '[2,"1","event/list","\\ud800"]',
    '[2,"\\udfff","event/list",null]',
    '[2,"1","event/list",' + "[" * 64 + "]" * 64 + "]",
    "[" * 100_000,
    '[2,"1","event/list",null] []',
    '[2,"1","event/list",\'x\']',
]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: text[:40])
def test_a_malformed_frame_ends_the_connection(text: str) -> None:
    with pytest.raises(Hangup) as caught:
        read_frame(text)

    assert (caught.value.code, caught.value.reason) == (VIOLATION, "invalid-frame")


@pytest.mark.parametrize("text", ['[3,"1",{}]', '[4,"1",null]', '[3,"1",{},"token"]'])
def test_a_reply_ends_the_connection_for_nothing_was_asked(text: str) -> None:
    with pytest.raises(Hangup) as caught:
        read_frame(text)

    assert (caught.value.code, caught.value.reason) == (VIOLATION, "unbound-call-id")


def test_an_event_from_a_client_says_nothing() -> None:
    assert read_frame('[5,"a/b",{"jtype":"afb-event","event":"a/b","data":null}]') is None


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ('[2,"1","event/list",null]', Call("1", "event", "list", None)),
        ('[2,"","agent/a/b",[1]]', Call("", "agent", "a/b", [1])),
        (' [ 2 , "x" , "a/b" , {"c": 1.5} ] ', Call("x", "a", "b", {"c": 1.5})),
        ('[2,"1","a/b","","HELLO"]', Call("1", "a", "b", "", "HELLO")),
        ('[2,"1","a/b",null,null]', Call("1", "a", "b", None)),
        ('[2,"1","a/b","\\ud83d\\ude00"]', Call("1", "a", "b", "😀")),
        ('[2,"1","a/b",' + "[" * 63 + "]" * 63 + "]", None),
    ],
)
def test_a_call_is_read(text: str, call: Call | None) -> None:
    found = read_frame(text)

    assert isinstance(found, Call)
    assert call is None or found == call


@given(id=st.text(), args=JSON)
def test_what_is_written_is_what_is_read(id: str, args: object) -> None:
    found = read_frame(json.dumps([2, id, "api/verb", args]))

    assert isinstance(found, Call)
    assert (found.id, found.args) == (id, args)


def test_frames_are_written_as_the_protocol_says() -> None:
    assert success_frame("156", {"x": 1}) == (
        '[3,"156",{"jtype":"afb-reply","request":{"status":"success","code":0},"response":{"x":1}}]'
    )
    assert success_frame("156") == (
        '[3,"156",{"jtype":"afb-reply","request":{"status":"success","code":0}}]'
    )
    assert failure_frame("7", "unknown-api", -3, "no such") == (
        '[4,"7",{"jtype":"afb-reply","request":'
        '{"status":"unknown-api","info":"no such","code":-3}}]'
    )
    assert failure_frame("7", "timeout", -16) == (
        '[4,"7",{"jtype":"afb-reply","request":{"status":"timeout","code":-16}}]'
    )
    assert event_frame("a/B", {"n": 10**30}) == (
        '[5,"a/B",{"jtype":"afb-event","event":"a/B","data":{"n":1000000000000000000000000000000}}]'
    )
    assert event_frame("hvac/tempéré", None) == (
        '[5,"hvac/tempéré",{"jtype":"afb-event","event":"hvac/tempéré","data":null}]'
    )


@pytest.mark.parametrize("response", [False, 0, "", [], {}])
def test_a_response_is_left_out_only_when_there_is_none(response: object) -> None:
    assert json.loads(success_frame("1", response))[2]["response"] == response


def test_a_sentence_that_is_no_unicode_is_told_all_the_same() -> None:
    assert json.loads(failure_frame("1", "x", -1, "no \ud800"))[2]["request"]["info"] == "no ?"
