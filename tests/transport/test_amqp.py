"""What only RabbitMQ can show: logins, TLS, restarts, alarms, permissions."""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

import amqp
import pytest
from amqp.exceptions import PreconditionFailed

from clacks_events import (
    AccessDenied,
    Bus,
    BusOptions,
    ClacksError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    Event,
    EventMaker,
    PublishFailed,
    connect,
)
from clacks_events.transport import open_transport
from tests.conftest import OpenBroker
from tests.harness.broker import Broker, connected
from tests.harness.certificates import Certificates
from tests.harness.waiting import free_port, wait_until
from tests.transport.relay import Forwarder

QUICK = BusOptions(publish_timeout=1.0, watch_schemas=False)
PATIENT = BusOptions(publish_timeout=30.0, watch_schemas=False)

e = EventMaker()


def status(text: str = "busy") -> Event:
    return Event(e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status(text)))


def statuses(events: list[Event]) -> list[str | None]:
    return [event.payload.findtext("{*}Status") for event in events]


def refusal(url: str) -> str:
    with pytest.raises(ConnectFailed) as caught:
        open_transport(url)
    assert "secret" not in str(caught.value)
    assert "wr0ng" not in str(caught.value)
    return str(caught.value)


def test_a_wrong_password_is_named_as_such(broker: Broker) -> None:
    text = refusal(broker.url_for(password="wr0ng"))
    assert "refuses user 'admin': check user name and password" in text


def test_a_missing_vhost_is_named(broker: Broker) -> None:
    assert "virtual host 'no/where' does not exist" in refusal(broker.url_for("no/where"))


def test_a_vhost_without_permission_is_named(private_broker: Broker) -> None:
    private_broker.ctl("add_user", "guest2", "secret")
    assert "closed to user 'guest2'" in refusal(private_broker.url_for(user="guest2"))


def test_nobody_listening_is_named() -> None:
    assert "connection refused" in refusal(f"amqp://admin:secret@127.0.0.1:{free_port()}/x")


def test_an_unknown_host_is_named() -> None:
    assert "unknown host 'no.such.host.invalid'" in refusal(
        "amqp://a:secret@no.such.host.invalid/x"
    )


def test_a_port_that_is_not_amqp_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"amqp://a:secret@127.0.0.1:{server.getsockname()[1]}/x?connection_timeout=300"
        assert "no answer in time" in refusal(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("amqp://a:secret@h/v?heartbaet=5", "did you mean 'heartbeat'"),
        ("amqp://a:secret@h/v?heartbeat=often", "heartbeat=often is not a number"),
        ("amqp://a:secret@h/v?cacertfile=x", "needs an amqps:// URL"),
        ("amqps://a:secret@h/v?verify=maybe", "verify_peer or verify_none"),
        ("amqp:///v", "needs a host"),
        ("amqp://a:secret@h:port/v", "port must be a number"),
        ("ampq://a:secret@h/v", "did you mean amqp://"),
        ("localhost", "not a broker URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        open_transport(url)
    assert "secret" not in str(caught.value)


def with_options(url: str, **options: object) -> str:
    return f"{url}?{urlencode({name: str(value) for name, value in options.items()})}"


def test_tls_with_a_good_certificate_carries_events(
    amqps_url: str, certificates: Certificates
) -> None:
    url = with_options(amqps_url, cacertfile=certificates.ca_file)
    got: list[Event] = []
    with connect(url, options=QUICK) as bus:
        bus.subscribe(None, got.append, types=["PhoneStatus"])
        for number in range(200):
            bus.publish(status(str(number)))
        wait_until(lambda: len(got) == 200)
    assert statuses(got) == [str(number) for number in range(200)]


def test_tls_refuses_what_it_cannot_verify(
    broker: Broker, open_broker: OpenBroker, certificates: Certificates
) -> None:
    assert "certificate is refused" in refusal(broker.amqps_url)
    good = certificates.ca_file
    wrong = open_broker(identity=certificates.wrong_host)
    assert "certificate is refused: Hostname mismatch" in refusal(
        with_options(wrong.amqps_url, cacertfile=good)
    )
    open_transport(with_options(wrong.amqps_url, verify="verify_none")).close()
    missing = with_options(broker.amqps_url, cacertfile="/no/such/file.pem")
    assert "no such file" in refusal(missing)
    plain = broker.url.replace("amqp://", "amqps://")
    assert "TLS" in refusal(with_options(plain, cacertfile=good)) or "no answer" in refusal(plain)


def test_both_sides_recover_from_a_restarted_broker(private_broker: Broker) -> None:
    got: list[Event] = []
    with (
        connect(private_broker.url, options=PATIENT) as publisher,
        connect(private_broker.url, options=PATIENT) as consumer,
    ):
        subscription = consumer.subscribe(None, got.append, types=["PhoneStatus"])
        publisher.publish(status("before"))
        wait_until(lambda: statuses(got) == ["before"])
        private_broker.restart()
        arrives(publisher, got, "after restart")
        private_broker.kill()
        private_broker.start()
        arrives(publisher, got, "after kill")
        assert not subscription.is_closed
        assert consumer.counters.reconnects >= 2
        assert len(got) == len({event.id for event in got})


def arrives(publisher: Bus, got: list[Event], text: str) -> None:
    """Publish until it arrives: what nobody listens to yet is lost."""

    def is_there() -> bool:
        publisher.publish(status(text))
        return text in statuses(got)

    wait_until(is_there, 30.0, text, interval=0.1)


def test_publishing_without_a_broker_raises_in_time(private_broker: Broker) -> None:
    with connect(private_broker.url, options=QUICK) as bus:
        bus.publish(status())
        private_broker.stop()
        before = time.monotonic()
        threads = [threading.Thread(target=lambda: raises_lost(bus)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - before < 5.0
        with pytest.raises(ConnectionLost, match="no broker for 1 s"):
            bus.subscribe(types=["PhoneStatus"])
        private_broker.start()
        assert bus.publish(status()).id


def raises_lost(bus: Bus) -> None:
    with pytest.raises(ConnectionLost, match="nothing was published"):
        bus.publish(status())


def test_an_idle_connection_stays_alive(amqp_url: str) -> None:
    got: list[Event] = []
    with connect(with_options(amqp_url, heartbeat=1), options=QUICK) as bus:
        bus.subscribe(None, got.append)
        # Four heartbeats long nothing is sent; RabbitMQ cuts who is silent for two.
        threading.Event().wait(4.0)
        bus.publish(status())
        wait_until(lambda: len(got) == 1)
        assert bus.counters.reconnects == 0


def test_a_silent_connection_is_given_up_and_made_anew(broker: Broker, amqp_url: str) -> None:
    relay = Forwarder(broker.port)
    got: list[Event] = []
    url = with_options(
        amqp_url.replace(f":{broker.port}/", f":{relay.port}/"), heartbeat=1, connection_timeout=500
    )
    try:
        with (
            connect(url, options=QUICK) as consumer,
            connect(amqp_url, options=QUICK) as publisher,
        ):
            consumer.subscribe(None, got.append)
            arrives(publisher, got, "before")
            relay.flows.clear()
            wait_until(lambda: consumer.transport.counters.received, message="received")
            threading.Event().wait(4.0)
            relay.flows.set()
            arrives(publisher, got, "after")
            assert consumer.counters.reconnects >= 1
    finally:
        relay.close()


def test_a_deleted_queue_comes_back(private_broker: Broker) -> None:
    got: list[Event] = []
    with connect(private_broker.url, options=PATIENT) as bus:
        bus.subscribe(None, got.append, durable="mine")
        bus.publish(status("before"))
        wait_until(lambda: statuses(got) == ["before"])
        private_broker.ctl("delete_queue", "-p", "org.clacks", "mine")
        arrives(bus, got, "after")


def test_a_deleted_exchange_comes_back(amqp_url: str) -> None:
    with connect(amqp_url, options=QUICK) as bus:
        with connected(amqp_url) as other, other.channel() as channel:
            channel.exchange_delete("clacks.events")

        def is_taken() -> bool:
            bus.publish(status())
            return bool(bus.publish(status()).id)

        wait_until(is_taken)
        with bus.subscribe(types=["PhoneStatus"]) as subscription:
            bus.publish(status("again"))
            assert statuses([subscription.get(10.0)]) == ["again"]


def test_a_broker_short_of_memory_does_not_hang_publishers(private_broker: Broker) -> None:
    with connect(private_broker.url, options=QUICK) as bus:
        bus.publish(status())
        private_broker.ctl("set_vm_memory_high_watermark", "0.00001")

        wait_until(lambda: not succeeds(lambda: bus.publish(status())), 30.0)
        with pytest.raises(PublishFailed, match="has taken nothing for 1 s"):
            bus.publish(status())
        private_broker.ctl("set_vm_memory_high_watermark", "0.4")
        wait_until(lambda: succeeds(lambda: bus.publish(status())), 30.0)


def succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except ClacksError:
        return False
    return True


def test_what_the_broker_forbids_is_access_denied(private_broker: Broker) -> None:
    private_broker.ctl("add_user", "reader", "secret")
    private_broker.ctl(
        "set_permissions", "-p", "org.clacks", "reader", r"^clacks\.events\..*",
        r"^clacks\.events\..*", ".*",
    )  # fmt: skip
    private_broker.ctl(
        "set_topic_permissions", "-p", "org.clacks", "reader", "clacks.events",
        ".*", r"^Event\.#\.(PhoneStatus|UserSession)\.#$",
    )  # fmt: skip
    with connect(private_broker.url, options=PATIENT) as admin:
        url = private_broker.url_for(user="reader")
        with connect(url, options=PATIENT) as bus:
            got: list[Event] = []
            bus.subscribe(None, got.append, types=["PhoneStatus"])
            with pytest.raises(AccessDenied, match="refused"):
                bus.subscribe(types=["NodeLeave"])
            bus.subscribe(types=["UserSession"])
            admin.publish(status("still there"))
            wait_until(lambda: statuses(got) == ["still there"])


def test_a_forged_user_is_refused_by_the_broker(amqp_url: str) -> None:
    with connect(amqp_url, options=QUICK) as bus:
        got: list[Event] = []
        bus.subscribe(None, got.append)
        with connected(amqp_url) as other:
            forged = {"exchange": "clacks.events", "user_id": "root"}
            other.Producer().publish(status("forged").xml, "Event.PhoneStatus.x", **forged)
            with pytest.raises(PreconditionFailed, match="user_id property set to 'root'"):
                other.drain_events(timeout=10.0)
        bus.publish(status("honest"))
        wait_until(lambda: statuses(got) == ["honest"])


def test_closing_a_durable_subscription_loses_nothing(amqp_url: str) -> None:
    got: list[str | None] = []
    with connect(amqp_url, options=QUICK) as publisher, connect(amqp_url, options=QUICK) as bus:
        bus.subscribe(types=["PhoneStatus"], durable="mine").close()
        sent = {publisher.publish(status()).id for _ in range(3000)}
        while len(got) < len(sent):
            arrived = threading.Event()

            def handle(event: Event, arrived: threading.Event = arrived) -> None:
                got.append(event.id)
                arrived.set()

            with bus.subscribe(None, handle, types=["PhoneStatus"], durable="mine"):
                assert arrived.wait(10.0), f"{len(got)} of {len(sent)}"
    assert set(got) == sent


def short(data: bytes) -> bytes:
    return bytes((len(data),)) + data


HOSTILE = {
    "an id that is no text": struct.pack(">H", 1 << 7) + short(b"\xff\xfe"),
    "a date beyond the calendar": struct.pack(">HI", 1 << 13, 11) + b"\x01tT\x7f" + b"\xff" * 7,
}


@pytest.mark.parametrize("comment", ["", f"<!--{' ' * 200_000}-->"], ids=["small", "large"])
@pytest.mark.parametrize("properties", HOSTILE.values(), ids=HOSTILE)
def test_hostile_properties_cost_neither_the_connection_nor_the_event(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch, properties: bytes, comment: str
) -> None:
    hostile = amqp.Message(status("hostile").xml + comment.encode())
    monkeypatch.setattr(hostile, "_serialize_properties", lambda: properties)
    got: list[Event] = []
    with connect(amqp_url, options=QUICK) as bus:
        # Durable: it would be delivered again after each reconnect.
        bus.subscribe(None, got.append, durable="mine")
        with connected(amqp_url) as other, other.channel() as channel:
            channel.basic_publish(hostile, "clacks.events", b"Event.PhoneStatus.\xff")
        bus.publish(status("honest"))
        wait_until(lambda: len(got) == 2)
        assert sorted(str(text) for text in statuses(got)) == ["honest", "hostile"]
        assert bus.counters.reconnects == 0


def test_nothing_stays_unacknowledged_while_the_bus_is_idle(private_broker: Broker) -> None:
    got: list[Event] = []
    with connect(private_broker.url, options=PATIENT) as bus:
        bus.subscribe(None, got.append)
        for _ in range(3):
            bus.publish(status())
        wait_until(lambda: len(got) == 3)
        columns = ("--no-table-headers", "messages_unacknowledged")
        wait_until(
            lambda: private_broker.ctl("list_queues", "-p", "org.clacks", *columns).split() == ["0"]
        )


def test_only_the_asked_for_type_leaves_the_broker(amqp_url: str) -> None:
    with (
        connect(amqp_url, options=QUICK) as publisher,
        connect(amqp_url, options=QUICK) as consumer,
    ):
        got: list[Event] = []
        consumer.subscribe(None, got.append, types=["NodeLeave"])
        for _ in range(20):
            publisher.publish(status())
        publisher.publish(e.NodeLeave(e.Id("n1")))
        wait_until(lambda: len(got) == 1)
        assert consumer.counters.received == 1


def test_reconnecting_is_logged_once_and_quietly(
    private_broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(private_broker.url, options=QUICK) as bus:
        bus.subscribe(types=["PhoneStatus"])
        with caplog.at_level(logging.WARNING):
            private_broker.stop()
            wait_until(lambda: "trying again" in caplog.text)
            private_broker.start()
            wait_until(lambda: bus.counters.reconnects >= 1, 30.0)
        warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(warnings) == 1
        assert "secret" not in caplog.text


@pytest.mark.parametrize("tls", [False, True])
def test_what_arrives_while_something_is_declared_is_not_held_back(
    broker: Broker, certificates: Certificates, tls: bool
) -> None:
    vhost = broker.fresh_vhost()
    options: dict[str, object] = {"cacertfile": certificates.ca_file} if tls else {}
    # Without heartbeats nothing else from the broker would wake the reader.
    url = with_options(broker.url_for(vhost, tls=tls), heartbeat=0, **options)
    got: list[Event] = []
    done = threading.Event()
    sent: list[str] = []

    with (
        connect(broker.url_for(vhost), options=QUICK) as publisher,
        connect(url, options=QUICK) as consumer,
    ):
        consumer.subscribe(None, got.append, types=["PhoneStatus"])

        def publish() -> None:
            while not done.is_set():
                sent.append(publisher.publish(status()).id or "")

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            for _ in range(30):
                consumer.subscribe(types=["NodeLeave"]).close()
        finally:
            done.set()
            thread.join()
        # The last reply of the broker may share its packet with the last events.
        consumer.subscribe(types=["UserSession"])
        wait_until(lambda: len(got) == len(sent), 5.0, lambda: f"{len(got)} of {len(sent)}")
    assert [event.id for event in got] == sent
