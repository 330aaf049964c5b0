"""Which resource has which methods, and how a request is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from clacks_events.event import JsonValue
from clacks_events.gateway.xerus.call import Call
from clacks_events.gateway.xerus.jsonrpc import (
    answered,
    fault_of,
    id_of,
    refused,
    request_of,
    unknown_method,
)
from clacks_events.gateway.xerus.parameters import Members

__all__ = ["CHANNEL_PATH", "Ask", "Desk", "Method", "Resource", "channel_id"]

CHANNEL_PATH: Final = "/event/channel/"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client asks a resource for."""

    call: Call
    id: str
    """Of the channel that it is for, if it is for one."""
    params: Members


Handler: TypeAlias = Callable[[Ask], Awaitable[JsonValue]]


@dataclass(frozen=True, slots=True)
class Method:
    """What carries out a method, and the names of its parameters."""

    handler: Handler
    params: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """The name of an interface with its version, and its methods."""

    type: str
    methods: Mapping[str, Method]

    def __post_init__(self) -> None:
        type_info = Method(self._type_info)
        object.__setattr__(self, "methods", {"getTypeInfo": type_info, **self.methods})

    async def _type_info(self, _: Ask) -> JsonValue:
        return {"_ret_": {"id": self.type, "parent": None}}


def channel_id(rid: str) -> str | None:
    """Return the id of the channel of a resource; None for what is no channel."""
    path = rid if rid.startswith("/") else f"/{rid}"
    id = path.removeprefix(CHANNEL_PATH)
    return id if path.startswith(CHANNEL_PATH) and id and "/" not in id else None


class Desk:
    """All resources by their path."""

    def __init__(self, resources: Mapping[str, Resource], channel: Resource) -> None:
        """Take the resources that are always there, and what each channel is."""
        self._resources = resources
        self._channel = channel

    def find(self, rid: str) -> tuple[Resource, str] | None:
        """Return a resource and, if it is a channel, its id; None where there is nothing."""
        id = channel_id(rid)
        if id is not None:
            return self._channel, id
        resource = self._resources.get(rid if rid.startswith("/") else f"/{rid}")
        return None if resource is None else (resource, "")

    async def answer(
        self, call: Call, resource: Resource, id: str, document: JsonValue
    ) -> dict[str, JsonValue]:
        """Return the answer to a request, whatever it is."""
        number = id_of(document)
        try:
            return answered(await _result(call, resource, id, document), number)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            return refused(fault_of(error), number)


def _result(call: Call, resource: Resource, id: str, document: JsonValue) -> Awaitable[JsonValue]:
    request = request_of(document)
    method = resource.methods.get(request.method)
    if method is None:
        raise unknown_method(request.method)
    return method.handler(Ask(call, id, Members(request.params, method.params)))
