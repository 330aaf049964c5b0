"""The real client package against a gateway, and the events that the tests send with it."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx
from lxml import etree

from clacks_events import Event
from clacks_events.gateway import GatewayOptions, XerusOptions
from tests.gateway.xerus.schemas import XERUS

__all__ = [
    "NO_CHANNEL",
    "SHORT",
    "Device",
    "Waiting",
    "account_added",
    "added",
    "error_of",
    "figure",
    "outlet_state",
    "post",
    "reading",
    "refused",
    "waiting_poll",
]

# The client has no annotations.
rpc: Any = importlib.import_module("raritan.rpc")
event: Any = importlib.import_module("raritan.rpc.event")
idl: Any = importlib.import_module("raritan.rpc.idl")
pdumodel: Any = importlib.import_module("raritan.rpc.pdumodel")
sensors: Any = importlib.import_module("raritan.rpc.sensors")
session: Any = importlib.import_module("raritan.rpc.session")
usermgmt: Any = importlib.import_module("raritan.rpc.usermgmt")

NO_CHANNEL = -32002

SHORT = GatewayOptions(xerus=XerusOptions(poll_timeout=0.2))


class Device:
    """What a program has that uses the real client: one connection and its proxies."""

    def __init__(self, address: str, *, timeout: float = 40.0, **credentials: str) -> None:
        self.agent = rpc.Agent("http", address, timeout=timeout, **credentials)
        self.service = event.Service("/eventservice", self.agent)
        self.sessions = session.SessionManager("/session", self.agent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.agent._connection is not None:
            self.agent._connection.close()

    def channel(self, rid: str) -> Any:
        """Return the proxy of a channel that somebody has made."""
        return event.Channel(rid, self.agent)

    def sensor(self, rid: str) -> Any:
        """Return the proxy of a sensor: what events come from."""
        return sensors.NumericSensor(rid, self.agent)


def added(name: str, source: Any = None) -> Any:
    """Return an event as the client has it."""
    return usermgmt.AccountAdded(
        username=name, actUserName="admin", actIpAddr="1.2.3.4", source=source
    )


def reading(source: Any, value: float) -> Any:
    """Return an event of a sensor as the client has it."""
    status = sensors.NumericSensor.Reading.Status(False, True, False, False)
    new = sensors.NumericSensor.Reading(rpc.Time(2026, 1, 2), True, status, True, value)
    return sensors.NumericSensor.ReadingChangedEvent(newReading=new, source=source)


def account_added(name: str, rid: str | None = None) -> Event:
    """Return an event as programs on the bus have it."""
    payload = etree.Element(f"{{{XERUS}}}AccountAdded", nsmap={"x": XERUS})
    if rid is not None:
        source = etree.SubElement(payload, f"{{{XERUS}}}source")
        etree.SubElement(source, f"{{{XERUS}}}rid").text = rid
        etree.SubElement(source, f"{{{XERUS}}}type").text = "usermgmt.UserManager:4.0.4"
    for member, value in (("actUserName", "a"), ("actIpAddr", "::1"), ("username", name)):
        etree.SubElement(payload, f"{{{XERUS}}}{member}").text = value
    return Event(payload)


def outlet_state(source: Any) -> Any:
    """Return the event of an outlet that was switched on, as the client has it."""
    outlet = pdumodel.Outlet
    moment = rpc.Time(2026, 2, 28)
    off = outlet.State(lastPowerStateChange=moment)
    on = outlet.State(powerState=outlet.PowerState.PS_ON, lastPowerStateChange=moment)
    return outlet.StateChangedEvent(oldState=off, newState=on, source=source)


def post(url: str, rid: str, document: object, **headers: str) -> dict[str, Any]:
    """Send what is no request of the real client, and return the answer."""
    content = document if isinstance(document, bytes) else None
    json = None if content is not None else document
    answer = httpx.post(url + rid, content=content, json=json, headers=headers, timeout=40.0)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    assert found["jsonrpc"] == "2.0"
    assert ("result" in found) != ("error" in found)
    return found


def error_of(url: str, rid: str, method: str, params: object) -> tuple[int, str]:
    """Make a call that fails, and return the code and the text of its error."""
    error = post(url, rid, {"method": method, "params": params, "id": 1})["error"]
    return error["code"], error["message"]


def figure(url: str, name: str) -> float:
    """Return a figure of the gateway's metrics, by its name with the labels."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).rpartition(" ")[2])


def refused(function: Callable[[], object]) -> str:
    """Make a call with the real client that fails, and return what it says."""
    try:
        function()
    except rpc.JsonRpcErrorException as error:
        return str(error)
    raise AssertionError("it went well")


@dataclass
class Waiting:
    """A poll on a thread."""

    thread: threading.Thread
    results: list[Any]

    def result(self) -> tuple[bool, list[Any]]:
        """Return what it was answered with, or raise what it raised."""
        self.thread.join(40.0)
        found = self.results[0]
        if isinstance(found, Exception):
            raise found
        more, events = found
        return more, events


@contextmanager
def waiting_poll(address: str, channel: Any) -> Iterator[Waiting]:
    """Poll a channel on a thread, over a connection of its own."""
    device = Device(address)
    own = device.channel(channel.target)
    results: list[Any] = []

    def poll() -> None:
        try:
            results.append(own.pollEvents())
        except Exception as error:  # noqa: BLE001 - raised again by whoever asks for the result
            results.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield Waiting(thread, results)
    finally:
        thread.join(40.0)
        device.__exit__()
