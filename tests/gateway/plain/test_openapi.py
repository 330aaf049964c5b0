from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route, WebSocketRoute

from clacks_events.agent import Agent
from clacks_events.gateway import GatewayOptions
from clacks_events.gateway.app import PROTOCOLS
from clacks_events.gateway.bridge import Bridge
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.metrics import Metrics
from clacks_events.gateway.plain.entry import path_of
from tests.gateway.site import Site


@pytest.fixture(scope="module")
def document(web: httpx.Client) -> Any:
    return web.get("/openapi.json").json()


def test_the_description_is_valid(document: Any, site: Site) -> None:
    OpenAPIV31SpecValidator(document, base_uri=f"{site.url}/openapi.json").validate()


def _routes(agent: Agent) -> set[tuple[str, str]]:
    async def found() -> set[tuple[str, str]]:
        bridge = Bridge(asyncio.get_running_loop())
        gate = Gate(agent, bridge, Metrics(), GatewayOptions())
        routes = [each for name in PROTOCOLS for each in import_module(name).routes(gate)]
        await asyncio.sleep(0)
        await gate.end()
        gate.hub.close()
        bridge.close()
        return {pair for route in routes if _is_told(route) for pair in _pairs(route)}

    return asyncio.run(found())


def _is_told(route: object) -> bool:
    return not isinstance(route, Route) or route.include_in_schema


def _pairs(route: object) -> set[tuple[str, str]]:
    if isinstance(route, WebSocketRoute):
        return {("get", path_of(route.path))}
    assert isinstance(route, Route)
    methods = {method.lower() for method in route.methods or ()} - {"head"}
    assert methods, f"{route.path} takes any method"
    return {(method, path_of(route.path)) for method in methods}


def test_every_route_is_described_and_nothing_else(document: Any) -> None:
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    with Agent("memory://routes", name="routes") as agent:
        assert described == _routes(agent)


def test_operations_are_told_apart(document: Any) -> None:
    operations = [each for item in document["paths"].values() for each in item.values()]
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in document["tags"]}
    assert {tag for each in operations for tag in each["tags"]} == tags


def test_each_type_is_a_component_that_leads_to_its_schema(
    document: Any, site: Site, web: httpx.Client
) -> None:
    found = {
        name: schema["$ref"]
        for name, schema in document["components"]["schemas"].items()
        if name.startswith("types.")
    }
    assert len(found) == len(set(found.values())) == len(site.bus.catalog.types)
    titles = {web.get(reference).json()["title"] for reference in found.values()}
    assert titles == {known.local_name for known in site.bus.catalog.types}


def test_parameters_of_paths_are_described(document: Any) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert {f"{{{name}}}" for name in named} == {
                part for part in path.split("/") if part.startswith("{")
            }


def test_the_index_leads_to_all_that_can_be_fetched(document: Any, web: httpx.Client) -> None:
    index = web.get("/").json()
    assert index["name"] == "clacks-events"
    links = index["links"].values()
    assert {(each["method"].lower(), each["href"]) for each in links} == {
        (method, path) for path, item in document["paths"].items() for method in item
    }
    for each in links:
        if each["method"] == "GET" and "{" not in each["href"] and each["href"] != "/api":
            assert web.head(each["href"]).status_code == 200


def test_what_is_not_there_is_a_problem(web: httpx.Client) -> None:
    answer = web.get("/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
