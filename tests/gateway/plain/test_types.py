from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from clacks_events import Event
from clacks_events.envelope import NAMESPACE
from tests.catalog.schemas import element, put, xsd
from tests.gateway.site import Site, open_gateway
from tests.harness.waiting import wait_until

DERIVED = quote("{urn:t}Derived", safe="")


def get(web: httpx.Client, path: str) -> Any:
    answer = web.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.json()


def test_all_types_are_listed_and_their_links_lead_there(site: Site, web: httpx.Client) -> None:
    listed = get(web, "/types")["types"]
    assert [each["type"] for each in listed] == [known.name for known in site.bus.catalog.types]
    for each in listed:
        assert get(web, each["links"]["self"])["type"] == each["type"]
        assert web.head(each["links"]["schema"]).status_code == 200
        assert web.get(each["links"]["xsd"]).content == site.bus.catalog.source(each["type"])


def test_a_type_is_described(site: Site, web: httpx.Client) -> None:
    found = get(web, "/types/PhoneStatus")
    assert found["name"] == "PhoneStatus"
    assert found["type"] == f"{{{NAMESPACE}}}PhoneStatus"
    assert found["lineage"] == [found["type"]]
    assert found["documentation"].startswith("Sent by a telephone system")
    assert [field["path"] for field in found["fields"]] == ["CallerId", "ReceiverId", "Status"]
    assert found["schema"] == get(web, found["links"]["schema"])
    Draft202012Validator(found["schema"]).validate(found["sample"]["json"]["payload"])
    site.bus.catalog.validate(Event.from_xml(found["sample"]["xml"]))


def test_samples_can_be_published_as_they_are(web: httpx.Client) -> None:
    sample = get(web, "/types/PhoneStatus")["sample"]
    xml = web.post("/events", content=sample["xml"], headers={"Content-Type": "text/xml"})
    assert (xml.status_code, web.post("/events", json=sample["json"]).status_code) == (202, 202)


def test_a_type_has_a_path_by_its_full_name(web: httpx.Client) -> None:
    found = get(web, f"/types/{DERIVED}")
    assert found["lineage"] == ["{urn:t}Base", "{urn:t}Derived"]
    assert found["links"]["self"] == "/types/Derived"
    assert get(web, f"/types/{DERIVED}/schema")["title"] == "Derived"
    assert get(web, f"/types/{quote('{urn:t}', safe='')}NodeStatus")["links"]["self"] == (
        f"/types/{quote('{urn:t}NodeStatus', safe='')}"
    )


def test_an_abstract_type_names_those_that_derive_from_it(web: httpx.Client) -> None:
    found = get(web, "/types/Base")
    assert found["is_abstract"] is True
    assert found["derived"] == ["{urn:t}Apart", "{urn:t}Derived"]
    assert found["sample"]["json"]["type"] == "{urn:t}Derived"


@pytest.mark.parametrize("name", ["PhoneStatsu", "", "%7Burn%3Ax%7DX", "a/b", "%00", "%ff", "../x"])
@pytest.mark.parametrize("suffix", ["", "/schema"])
def test_what_is_not_there_is_told_so(web: httpx.Client, name: str, suffix: str) -> None:
    answer = web.get(f"/types/{name}{suffix}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    if name == "PhoneStatsu":
        assert "did you mean PhoneStatus" in answer.json()["detail"]


def test_schemas_are_json_schemas(web: httpx.Client) -> None:
    answer = web.get("/types/Inventory/schema")
    assert answer.headers["content-type"] == "application/schema+json; charset=utf-8"
    Draft202012Validator.check_schema(answer.json())


def test_what_has_not_changed_is_not_sent_again(web: httpx.Client) -> None:
    for path in ("/types", "/types/PhoneStatus", "/types/PhoneStatus/schema", "/"):
        first = web.get(path)
        again = web.get(path, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


def test_a_type_that_changes_is_told_as_it_is(tmp_path: Any) -> None:
    put(tmp_path, {"Late.xsd": xsd(element("Late", "xs:int"))})
    with open_gateway("memory://late", schemas=[tmp_path]) as site, httpx.Client() as web:
        path = f"{site.url}/types/Late/schema"
        assert web.get(path).json()["anyOf"][0]["type"] == "integer"
        put(tmp_path, {"Late.xsd": xsd(element("Late", "xs:boolean"))})
        wait_until(lambda: web.get(path).json()["anyOf"][0]["type"] == "boolean")
        put(tmp_path, {"Later.xsd": xsd(element("Later"))})
        wait_until(lambda: web.get(f"{site.url}/types/Later").status_code == 200)


@pytest.mark.parametrize("path", ["/types", "/types/PhoneStatus", "/schemas/PhoneStatus.xsd"])
def test_head_is_get_without_the_body(web: httpx.Client, path: str) -> None:
    get, head = web.get(path), web.head(path)
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["etag"] == get.headers["etag"]


def test_other_methods_are_refused(web: httpx.Client) -> None:
    answer = web.delete("/types")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert answer.headers["content-type"].startswith("application/problem+json")
