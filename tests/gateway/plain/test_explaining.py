from __future__ import annotations

from typing import Any

import httpx
import pytest

from clacks_events import compile_filter
from clacks_events.agent.policy import Effect, Policy, Rule
from clacks_events.envelope import NAMESPACE
from tests.gateway.plain.test_publishing import XML
from tests.gateway.site import Site, open_gateway

BUSY = "/e:Event/e:PhoneStatus[e:Status = 'busy']"


def ask(web: httpx.Client, **asked: Any) -> httpx.Response:
    return web.post("/filters/explain", json=asked)


def explained(web: httpx.Client, **asked: Any) -> Any:
    answer = ask(web, **asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_stages_are_those_of_the_command(site: Site, web: httpx.Client) -> None:
    found = explained(web, query=BUSY)
    assert found["text"] == compile_filter(BUSY, catalog=site.bus.catalog).explain()
    assert [each["stage"] for each in found["stages"]][:3] == ["query", "parsed", "rule"]
    assert found["stages"][0] == {"stage": "query", "says": "", "lines": [BUSY]}
    assert found["types"] == [f"{{{NAMESPACE}}}PhoneStatus"]
    assert found["sources"] is None
    assert found["bindings"] == ["Event.#.PhoneStatus.#"]
    assert "event" not in found


def test_types_source_and_prefixes_are_understood(web: httpx.Client) -> None:
    found = explained(
        web, query="//p:Status", types=["PhoneStatus"], source="x", namespaces={"p": NAMESPACE}
    )
    assert found["sources"] == ["x"]
    assert explained(web)["bindings"] == ["Event.#"]
    assert explained(web, query=None, types=None)["types"] is None


def test_an_event_matches_or_it_is_told_why_not(web: httpx.Client) -> None:
    assert explained(web, query=BUSY, event=XML)["event"] == {
        "matches": True,
        "says": "matches",
        "lines": [],
    }
    verdict = explained(web, query=BUSY, event=XML.replace("busy", "free"))["event"]
    assert verdict["matches"] is False
    assert verdict["says"] == "does not match: this is false"
    assert verdict["lines"][-1].endswith("was 'free'")


def test_headers_come_with_the_event(web: httpx.Client) -> None:
    query = "declare variable $n external; $n = 7"
    assert explained(web, query=query, event=XML, headers={"n": 7})["event"]["matches"] is True
    assert explained(web, query=query, event=XML, headers={"n": 8})["event"]["matches"] is False


def test_text_that_looks_like_a_stage_is_none(web: httpx.Client) -> None:
    found = explained(web, query="//e:Status = 'a\nb\u2028c'", event=XML)
    assert [each["stage"] for each in found["stages"]].count("query") == 1
    assert found["event"]["matches"] is False


def test_a_query_at_fault_is_refused_with_a_caret(web: httpx.Client) -> None:
    answer = ask(web, query="//e:Status\n  = = 'busy'")
    assert answer.status_code == 422
    found = answer.json()
    assert (found["line"], found["column"]) == (2, 5)
    assert found["detail"].splitlines()[1:] == ["    = = 'busy'", "      ^"]


@pytest.mark.parametrize(
    "query",
    [
        "1 to 1000000000 = 3",
        "matches(., '(a+)+$')",
        "(" * 5000,
        f"//e:a = '{'x' * 5000}'",
        "some $a in //*, $b in //*, $c in //* satisfies $a = $b and $b = $c",
    ],
)
def test_what_has_no_bound_is_refused(web: httpx.Client, query: str) -> None:
    assert ask(web, query=query).status_code in (422, 429)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"query": 1}, "$.query"),
        ({"types": "PhoneStatus"}, "$.types"),
        ({"types": [1]}, "$.types"),
        ({"source": {}}, "$.source"),
        ({"namespaces": {"p": 1}}, "$.namespaces"),
        ({"event": []}, "$.event"),
        ({"event": XML, "headers": {"a": None}}, "$.headers"),
        ({"filter": "x"}, "$"),
        ({"types": ["PhoneStatsu"]}, ""),
        ({"event": "<"}, ""),
        ({"event": XML, "headers": {"": 1}}, ""),
    ],
)
def test_questions_at_fault_are_refused(
    web: httpx.Client, asked: dict[str, Any], path: str
) -> None:
    answer = ask(web, **asked)
    assert answer.status_code == 422, answer.text
    assert answer.json()["path"] == path


def test_only_json_of_a_bounded_size_is_read(web: httpx.Client) -> None:
    path, media = "/filters/explain", {"Content-Type": "application/json"}
    assert web.post(path, content="{}").status_code == 415
    assert web.post(path, content="[]", headers=media).status_code == 422
    large = iter([b'{"query": "', *[b" " * 65536] * 17, b'"}'])
    assert web.post(path, content=large, headers=media).status_code == 413


def test_whoever_may_not_subscribe_may_not_ask() -> None:
    status = f"{{{NAMESPACE}}}PhoneStatus"
    policy = Policy((Rule("calls", Effect.DENY, subscribe=(status,)),), Effect.ALLOW)
    with open_gateway("memory://unasked", policy=policy) as strict:
        url = f"{strict.url}/filters/explain"
        assert httpx.post(url, json={"types": ["PhoneStatus"]}).status_code == 403
        assert httpx.post(url, json={"types": ["NodeStatus"]}).status_code == 200
