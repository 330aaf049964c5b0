from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from clacks_events.catalog import BUILTIN_SCHEMAS
from tests.gateway.site import Site


def listed(web: httpx.Client) -> list[str]:
    return [each["file"] for each in web.get("/schemas").json()["schemas"]]


def test_all_files_are_listed_and_told_as_they_are(web: httpx.Client, schemas: Path) -> None:
    names = listed(web)
    assert {"Base.xsd", "Derived.xsd", "parts/word.xsd"} < set(names)
    for each in web.get("/schemas").json()["schemas"]:
        if each["file"].startswith("2/"):
            continue  # told apart below
        answer = web.get(each["links"]["self"])
        assert answer.headers["content-type"] == "application/xml"
        places = [directory / each["file"] for directory in (BUILTIN_SCHEMAS, schemas)]
        assert answer.content in [path.read_bytes() for path in places if path.exists()]


def test_of_two_files_of_one_name_both_can_be_had(web: httpx.Client, schemas: Path) -> None:
    own, builtin = web.get("/schemas/2/NodeStatus.xsd"), web.get("/schemas/NodeStatus.xsd")
    assert own.content == (schemas / "NodeStatus.xsd").read_bytes()
    assert builtin.content == (BUILTIN_SCHEMAS / "NodeStatus.xsd").read_bytes()
    twin = next(t for t in web.get("/types").json()["types"] if t["type"] == "{urn:t}NodeStatus")
    assert twin["links"]["xsd"] == "/schemas/2/NodeStatus.xsd"


def test_relative_locations_lead_to_included_files(site: Site, web: httpx.Client) -> None:
    text = web.get("/schemas/Derived.xsd").text
    locations = re.findall(r'schemaLocation="([^"]+)"', text)
    assert locations == ["Base.xsd", "parts/word.xsd"]
    for location in locations:
        url = httpx.URL(f"{site.url}/schemas/Derived.xsd").join(location)
        assert web.get(url).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "Nothing.xsd",
            "%2e%2e/schemas/Base.xsd",
            "..%2f..%2fetc%2fpasswd",
            "%2Fetc%2Fpasswd",
        ),
        *("....//Base.xsd", "parts", "parts/", "C:%5CBase.xsd", "Base.xsd/", "base.xsd"),
        *("%00", "%ff"),
    ],
)
def test_nothing_else_can_be_had(web: httpx.Client, name: str) -> None:
    answer = web.get(f"/schemas/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_file_on_disk_that_is_not_in_force_cannot_be_had(
    web: httpx.Client, schemas: Path
) -> None:
    (schemas / "secret.txt").write_text("secret")
    assert web.get("/schemas/secret.txt").status_code == 404


@pytest.mark.parametrize("known", ["{tag}", "W/{tag}", '"x",{tag}', "*"])
def test_a_file_that_one_has_is_not_sent_again(web: httpx.Client, known: str) -> None:
    tag = web.get("/schemas/Base.xsd").headers["etag"]
    answer = web.get("/schemas/Base.xsd", headers={"If-None-Match": known.format(tag=tag)})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_file_that_is_another_is_sent(web: httpx.Client) -> None:
    answer = web.get("/schemas/Base.xsd", headers={"If-None-Match": '"x", nonsense'})
    assert answer.status_code == 200
