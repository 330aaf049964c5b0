"""Commands over the bus: an agent, its proxy, and the consumer that Clacks programs use."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from clacks_events import (
    NAMESPACE,
    AMQPEventConsumer,
    AMQPServiceProxy,
    BusOptions,
    ConfigError,
    ConnectFailed,
    Event,
    EventMaker,
    FilterSyntaxError,
    InvalidEvent,
    MalformedEvent,
    RemoteError,
    RpcError,
    RpcTimeout,
    UnknownCommand,
    UnknownEventType,
    connect,
)
from clacks_events.agent import Agent
from clacks_events.rpc import DEFAULT_QUEUE
from clacks_events.transport import open_transport
from clacks_events.transport.base import Message
from tests.harness.waiting import wait_until

e = EventMaker()
QUERY = """
declare namespace f='http://www.gonicus.de/Events';
let $e := ./f:Event
return $e/f:PhoneStatus
"""


@pytest.fixture
def agent(url: str) -> Iterator[Agent]:
    options = BusOptions(watch_schemas=False)
    with connect(url, source="agent", options=options) as bus, Agent(bus) as running:
        yield running


@pytest.fixture
def proxy(url: str, agent: Agent) -> Iterator[AMQPServiceProxy]:
    assert agent
    with AMQPServiceProxy(url, timeout=10.0) as connected:
        yield connected


def phone_status() -> etree._Element:
    return e.Event(e.PhoneStatus(e.CallerId("012345"), e.ReceiverId("12343424"), e.Status("busy")))


def test_the_clacks_way_from_sender_to_receiver(url: str, proxy: AMQPServiceProxy) -> None:
    got: list[tuple[str, str, bytes]] = []

    def process(data: object) -> None:
        assert isinstance(data, etree._Element)
        text = etree.tostring(data)
        got.append((str(data.PhoneStatus.Status), data.get("source") or "", text))  # type: ignore[attr-defined]

    with AMQPEventConsumer(url, xquery=QUERY, callback=process) as consumer:
        proxy.sendEvent(e.Event(e.UserSession(e.Id("x"))))
        sent = proxy.sendEvent(phone_status())
        wait_until(lambda: got)
        assert got[0][:2] == ("busy", "agent")
        assert sent.encode() in got[0][2]
        assert not consumer.join(0.01)
    assert consumer.join(0.01)
    assert len(got) == 1


@pytest.mark.parametrize(
    "form",
    [
        lambda xml: xml,
        lambda xml: xml.decode(),
        lambda xml: b"<?xml version='1.0' encoding='UTF-8'?>\n" + xml,
        lambda xml: "<?xml version='1.0' encoding='ISO-8859-1'?>" + xml.decode(),
        lambda xml: ("<?xml version='1.0' encoding='UTF-16'?>" + xml.decode()).encode("utf-16"),
        lambda xml: etree.fromstring(xml),
        lambda xml: Event.from_xml(xml),
        lambda xml: etree.tostring(etree.fromstring(xml)[0]),
    ],
    ids=["bytes", "str", "declared", "declared-str", "utf-16", "element", "event", "bare"],
)
def test_send_event_takes_xml_in_every_form(
    url: str, proxy: AMQPServiceProxy, form: object
) -> None:
    status = e.PhoneStatus(e.CallerId("ü"), e.ReceiverId("2"), e.Status("busy"))
    with connect(url) as bus, bus.subscribe(types=["PhoneStatus"]) as subscription:
        sent = proxy.sendEvent(form(etree.tostring(e.Event(status), encoding="utf-8")))  # type: ignore[operator]
        event = subscription.get(10.0)
        assert event.id == sent
        assert event.payload.findtext("{*}CallerId") == "ü"


def test_an_invalid_event_raises_at_the_caller(proxy: AMQPServiceProxy) -> None:
    text = f"<Event xmlns='{NAMESPACE}'>\n<NodeLeave>\n<Name>1</Name></NodeLeave></Event>"
    with pytest.raises(InvalidEvent, match="not expected") as caught:
        proxy.sendEvent("<?xml version='1.0'?>" + text)
    assert (caught.value.path, caught.value.line) == ("/Event/NodeLeave/Name", 3)
    assert caught.value.value == "1"
    with pytest.raises(UnknownEventType, match="no schema declares"):
        proxy.sendEvent("<Nothing/>")
    with pytest.raises(MalformedEvent, match="2 payloads"):
        proxy.sendEvent(f"<Event xmlns='{NAMESPACE}'><ClientPoll/><ClientPoll/></Event>")
    with pytest.raises(MalformedEvent, match="DOCTYPE"):
        proxy.sendEvent("<!DOCTYPE a><a/>")


def test_an_unknown_command_is_an_attribute_error(proxy: AMQPServiceProxy) -> None:
    with pytest.raises(AttributeError, match="did you mean sendEvent") as caught:
        proxy.sendEvnt("x")
    assert isinstance(caught.value, UnknownCommand)
    assert not hasattr(proxy, "sendEvnt")


def test_wrong_parameters_are_named(proxy: AMQPServiceProxy) -> None:
    with pytest.raises(RemoteError, match="too many positional arguments") as caught:
        proxy.getMethods(1)
    assert caught.value.code == -32602
    with pytest.raises(RemoteError, match="name: Expected `str`, got `int`"):
        proxy.getEventSchema(5)
    with pytest.raises(RemoteError, match="'user' is who calls"):
        proxy["sendEvent"](data="<a/>", user="root")
    with pytest.raises(RpcError, match="all positional or all named"):
        proxy.getEventSchema("a", name="b")
    with pytest.raises(RpcError, match="without a JSON form"):
        proxy.getEventSchema(object())


def test_the_agent_tells_what_it_knows(proxy: AMQPServiceProxy) -> None:
    methods = proxy.getMethods()
    assert isinstance(methods, dict)
    assert set(methods) == {
        "sendEvent",
        "getMethods",
        "getEventTypes",
        "getEventSchema",
        "getNodes",
        "getClients",
        "ping",
    }
    (data,) = methods["sendEvent"]["parameters"]
    assert data == {"name": "data", "schema": {"type": "string"}, "required": True}
    types = proxy.getEventTypes()
    assert isinstance(types, dict)
    assert f"{{{NAMESPACE}}}PhoneStatus" in types
    schema = proxy.getEventSchema(name="PhoneStatus")
    assert isinstance(schema, str)
    assert b"PhoneStatus" in etree.tostring(etree.fromstring(schema.encode()))
    with pytest.raises(UnknownEventType, match="did you mean"):
        proxy.getEventSchema("PhoneStat")


def test_nobody_answering_is_a_timeout(url: str) -> None:
    with pytest.raises(TimeoutError, match=r"nobody answered getMethods within 0\.2 s") as caught:
        AMQPServiceProxy(url, timeout=0.2)
    assert isinstance(caught.value, RpcTimeout)


def test_a_command_that_fails_does_not_end_the_agent(
    agent: Agent, proxy: AMQPServiceProxy, caplog: pytest.LogCaptureFixture
) -> None:
    def explode() -> None:
        raise RuntimeError("inside")

    def opaque() -> object:
        return object()

    agent.commands.add(explode)
    agent.commands.add(opaque)
    with pytest.raises(RemoteError, match="the command failed") as caught:
        proxy.explode()
    assert caught.value.code == -32603
    assert "inside" not in str(caught.value)
    assert "inside" in caplog.text
    with pytest.raises(RemoteError, match="no JSON form"):
        proxy.opaque()
    assert proxy.getMethods()


def test_many_callers_are_answered(url: str, proxy: AMQPServiceProxy) -> None:
    failures: list[object] = []

    def call() -> None:
        try:
            with AMQPServiceProxy(url) as own:
                for _ in range(10):
                    assert own.getMethods()
        except Exception as error:  # noqa: BLE001 - reported by the main thread
            failures.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert proxy.getMethods()


def call_raw(url: str, body: bytes) -> object:
    transport = open_transport(url)
    try:
        answer = transport.request(DEFAULT_QUEUE, Message(body), 10.0)
        return json.loads(answer.result(10.0))
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc": "1.0", "method": "getMethods", "id": 1}', -32600),
        (b'{"jsonrpc": "2.0", "method": 1, "id": 1}', -32600),
        (b'{"jsonrpc": "2.0", "method": "getMethods", "id": []}', -32600),
        (b'{"jsonrpc": "2.0", "method": "getMethods", "params": 1, "id": 1}', -32602),
        (b'{"jsonrpc": "2.0", "method": "nothing", "id": 1}', -32601),
    ],
)
def test_what_is_no_call_gets_the_right_error(
    url: str, agent: Agent, body: bytes, code: int
) -> None:
    assert agent
    response = call_raw(url, body)
    assert isinstance(response, dict)
    assert response["error"]["code"] == code
    assert "result" not in response


def test_a_batch_is_answered_as_a_batch(url: str, agent: Agent) -> None:
    assert agent
    calls = [
        {"jsonrpc": "2.0", "method": "getMethods", "id": "a"},
        {"jsonrpc": "2.0", "method": "getMethods"},
        {"jsonrpc": "2.0", "method": "nothing", "id": 2},
        5,
    ]
    response = call_raw(url, json.dumps(calls).encode())
    assert isinstance(response, list)
    assert [(item["id"], "error" in item) for item in response] == [
        ("a", False),
        (2, True),
        (None, True),
    ]


def test_a_consumer_that_cannot_be_leaves_nothing_behind(url: str) -> None:
    before = threading.active_count()
    with pytest.raises(FilterSyntaxError):
        AMQPEventConsumer(url, xquery="./e:Event[", callback=print)
    wait_until(lambda: threading.active_count() == before)


def test_a_consumer_knows_dropped_schemas(url: str, tmp_path: Path) -> None:
    (tmp_path / "Note.xsd").write_text(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:n'>"
        "<xs:element name='Note' type='xs:string'/></xs:schema>"
    )
    got: list[str] = []
    with (
        AMQPEventConsumer(url, callback=lambda data: got.append(str(data.tag)), schemas=[tmp_path]),
        connect(url, schemas=[tmp_path]) as bus,
    ):
        bus.publish("<Note xmlns='urn:n'>hello</Note>")
        wait_until(lambda: got)


def test_an_agent_needs_a_name_that_a_broker_can_have(url: str) -> None:
    with pytest.raises(ConfigError, match="the name of an agent has 1 to 255 bytes"):
        AMQPServiceProxy(url, agent="x" * 256)
    with connect(url) as bus, pytest.raises(ConfigError, match="the name of an agent"):
        Agent(bus, queue="")


def test_a_proxy_without_a_broker_fails_at_once() -> None:
    with pytest.raises(ConnectFailed, match="connection refused"):
        AMQPServiceProxy("amqp://admin:secret@127.0.0.1:1/org.clacks")
