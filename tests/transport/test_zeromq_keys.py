"""Encryption and client keys."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import quote

import pytest
import zmq
import zmq.auth

from clacks_events import ConfigError, ConnectFailed
from clacks_events.embedded import ensure_server, key_files, make_keys
from clacks_events.transport import open_transport
from clacks_events.transport.base import InboxOptions, Message, Request
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.greeting import hello
from clacks_events.transport.zeromq.server import EmbeddedServer
from tests.harness.waiting import wait_until
from tests.transport.embedded import opened
from tests.transport.traffic import CONFIRM, Reader, send


class Site:
    """A server with keys, in a directory that a URL has to encode."""

    def __init__(self, directory: Path) -> None:
        self.keys = directory / "keys of a site & more"
        make_keys(self.keys)
        make_keys(self.keys, "anna")
        make_keys(self.keys, "bob")
        self.server: EmbeddedServer = ensure_server("zmq://127.0.0.1:0", keys=self.keys)

    @property
    def plain(self) -> str:
        return f"zmq://127.0.0.1:{self.server.port}"

    def url(self, name: str) -> str:
        return with_keys(self.plain, key_files(self.keys, name)[1], key_files(self.keys)[0])


def with_keys(url: str, client: Path, server: Path) -> str:
    return f"{url}?client_key={quote(str(client))}&server_key={quote(str(server))}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    started = Site(tmp_path)
    yield started
    started.server.close()


def test_who_sends_is_known_by_the_name_of_the_key(site: Site) -> None:
    reader, requests = Reader(), SimpleQueue[Request]()
    with opened(site.url("anna")) as anna, opened(site.url("bob")) as bob:
        anna.open_inbox(["Event.#"], reader, InboxOptions())
        anna.serve("work", requests.put)
        send(bob, b"1")
        bob.publish(Message(b"2", "Event.A.s", user="root"), CONFIRM)
        send(anna, b"3")
        reader.wait_for(3)
        users = {message.body: message.user for message in reader.messages}
        assert users == {b"1": "bob", b"2": "bob", b"3": "anna"}
        bob.request("work", Message(b""), 10)
        assert requests.get(timeout=10).message.user == "bob"


def test_without_keys_nobody_is_known() -> None:
    reader = Reader()
    with ensure_server("zmq://127.0.0.1:0") as server, opened(server.url) as transport:
        transport.open_inbox(["#"], reader, InboxOptions())
        transport.publish(Message(b"1", "Event.A.s", user="root"), CONFIRM)
        reader.wait_for(1)
        assert reader.messages[0].user is None


def test_an_identity_of_its_own_choice_makes_a_client_nobody_else(site: Site) -> None:
    reader = Reader()
    published = wire.PUBLISH + wire.record(Message(b"1", "Event.A.s"), "")
    with opened(site.url("anna")) as anna, zmq.Context() as context:
        anna.open_inbox(["#"], reader, InboxOptions())
        for number, name in enumerate(("anna", "bob")):
            with raw(context, site, name) as client:
                client.send(published)
                reader.wait_for(number + 1)
        assert [message.user for message in reader.messages] == ["anna", "bob"]


def raw(context: zmq.Context[zmq.Socket[bytes]], site: Site, name: str) -> zmq.Socket[bytes]:
    client = context.socket(zmq.DEALER)
    client.linger = 0
    client.identity = b"somebody"
    public, secret = zmq.auth.load_certificate(key_files(site.keys, name)[1])
    assert secret is not None
    client.curve_publickey, client.curve_secretkey = public, secret
    client.curve_serverkey = zmq.auth.load_certificate(key_files(site.keys)[0])[0]
    client.connect(f"tcp://127.0.0.1:{site.server.port}")
    return client


def test_a_user_in_what_is_sent_is_forged(site: Site) -> None:
    reader = Reader()
    head = b"Event.A.s\0\0\0\0\0\0root"
    forged = len(head).to_bytes(4) + (1).to_bytes(4) + head + b"1"
    call = json.dumps({"queue": "work", "alone": False, "milliseconds": 1000}).encode()
    with opened(site.url("anna")) as anna, zmq.Context() as context:
        anna.open_inbox(["#"], reader, InboxOptions())
        anna.serve("work", lambda request: reader.messages.append(request.message))
        with raw(context, site, "bob") as client:
            client.send(wire.PUBLISH + forged)
            client.send_multipart((wire.CONFIRM, wire.pack(1), forged))
            client.send_multipart((wire.ASK, wire.pack(2), hello("forger")))
            client.send_multipart((wire.CALL, wire.pack(3), call, forged))
            wait_until(lambda: site.server.counters.foreign == 3)
        send(anna, b"2")
        assert reader.wait_for(1) == [b"2"]


def test_a_key_that_does_not_fit_is_a_clear_error(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_keys(other)
    make_keys(other, "anna")
    right, server_key = key_files(site.keys, "anna")[1], key_files(site.keys)[0]
    wrong = [
        with_keys(site.plain, right, key_files(other)[0]),
        with_keys(site.plain, key_files(other, "anna")[1], server_key),
        site.plain,
    ]
    for url in wrong:
        with pytest.raises(ConnectFailed, match=f"^{site.plain}: the handshake failed.*client_key"):
            open_transport(url)
    with (
        ensure_server("zmq://127.0.0.1:0") as unlocked,
        pytest.raises(ConnectFailed, match="none if it has no keys"),
    ):
        open_transport(with_keys(unlocked.url, right, server_key))
    wait_until(lambda: site.server.counters.foreign >= len(wrong))
    with opened(site.url("anna")):
        assert site.server.counters.clients == 1


def test_clients_come_and_go_while_the_server_runs(site: Site) -> None:
    make_keys(site.keys, "carl")
    with opened(site.url("carl")) as carl:
        key_files(site.keys, "carl")[0].unlink()
        with pytest.raises(ConnectFailed, match="a client_key that it knows"):
            open_transport(site.url("carl"))
        # Who is in stays in.
        assert carl.open_inbox(["#"], Reader(), InboxOptions())


def test_a_public_key_is_all_that_a_server_needs_of_a_client(site: Site, tmp_path: Path) -> None:
    public, secret = make_keys(tmp_path / "elsewhere", "dora")
    (site.keys / "clients" / public.name).write_bytes(public.read_bytes())
    with opened(with_keys(site.plain, secret, key_files(site.keys)[0])):
        assert site.server.counters.clients == 1


def test_a_broken_key_of_one_client_does_not_shut_the_others_out(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    (site.keys / "clients" / "aaa.key").write_text("public-key")
    with opened(site.url("anna")):
        assert "aaa.key" in caplog.text


def test_the_owner_connects_with_the_url_of_the_server(site: Site) -> None:
    reader = Reader()
    with opened(site.server.url) as owner:
        owner.open_inbox(["#"], reader, InboxOptions())
        send(owner, b"1")
        reader.wait_for(1)
        assert reader.messages[0].user == "server"
        assert owner.url == site.plain
    again = ensure_server(site.plain, keys=site.keys)
    assert not again.is_owner
    with opened(again.url):
        pass


def test_with_keys_it_may_be_for_all(site: Site) -> None:
    with ensure_server("zmq://0.0.0.0:0", keys=site.keys) as wide, opened(wide.url):
        assert wide.url.startswith(f"zmq://127.0.0.1:{wide.port}?client_key=")


def test_a_server_of_other_keys_is_not_ours(site: Site, tmp_path: Path) -> None:
    make_keys(tmp_path / "other")
    with pytest.raises(ConnectFailed, match=r"Address already in use.*the handshake failed"):
        ensure_server(site.plain, keys=tmp_path / "other")


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    for name in (None, "anna"):
        public, secret = make_keys(tmp_path / "keys", name)
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert secret.read_text().splitlines()[1] in public.read_text()
        assert "secret-key" not in public.read_text()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", ".a", "a\0b", "a\nb", " a", "x" * 300, "server", "\udc80"]
)
def test_a_name_that_makes_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        make_keys(tmp_path / "keys", name)
    assert not list(tmp_path.rglob("*.key"))


def test_keys_are_never_replaced(tmp_path: Path) -> None:
    public, secret = make_keys(tmp_path)
    before = secret.read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        make_keys(tmp_path)
    public.unlink()
    with pytest.raises(ConfigError, match="is there already"):
        make_keys(tmp_path)
    assert secret.read_bytes() == before
    assert not public.exists()


def test_keys_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    public, secret = make_keys(tmp_path)
    broken = tmp_path / "broken"
    broken.write_text('public-key = "short"\n')
    plain = "zmq://127.0.0.1:5570"
    for options, reason in (
        (f"client_key={quote(str(secret))}", "client_key and server_key belong together"),
        (f"client_key={quote(str(public))}&server_key={quote(str(public))}", "no secret key"),
        (f"client_key={tmp_path}/none&server_key={quote(str(public))}", "cannot read the key"),
        (f"client_key={quote(str(secret))}&server_key={broken}", "holds no key"),
    ):
        with pytest.raises(ConfigError, match=reason):
            open_transport(f"{plain}?{options}")
    with pytest.raises(ConfigError, match=r"'clacks-events keys .*' makes keys"):
        ensure_server("zmq://127.0.0.1:0", keys=tmp_path / "empty")
