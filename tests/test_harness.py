"""The harness itself: what the other tests take for granted."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import OpenBroker
from tests.harness.broker import VHOST, Broker, BrokerError, connected
from tests.harness.certificates import Certificates
from tests.harness.local import LocalBrokers
from tests.harness.rabbitmq import Brokers
from tests.harness.waiting import listening, wait_until

QUEUE = "work"


def put(url: str, body: str) -> None:
    with connected(url) as connection:
        connection.default_channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        connection.Producer().publish(body, routing_key=QUEUE, delivery_mode=2)


def get(url: str) -> str:
    with connected(url) as connection:
        message = connection.default_channel.basic_get(QUEUE, no_ack=True)
        return str(message.body)


def queues(broker: Broker, vhost: str = VHOST) -> str:
    return broker.ctl("list_queues", "-p", vhost, "--no-table-headers", "name").strip()


def test_a_durable_queue_survives_a_killed_node(private_broker: Broker) -> None:
    put(private_broker.url, "kept")
    wait_until(lambda: queues(private_broker) == "work", message="the queue is there")
    private_broker.stop()
    assert not listening(private_broker.port)
    private_broker.start()
    private_broker.kill()
    assert not listening(private_broker.port)
    private_broker.start()
    assert get(private_broker.url) == "kept"


def test_a_restart_keeps_what_rabbitmqctl_changed(private_broker: Broker) -> None:
    private_broker.ctl("change_password", "admin", "changed")
    private_broker.ctl("change_password", "admin", "secret")
    private_broker.ctl("add_user", "guard", "pass/word")
    private_broker.ctl("set_permissions", "-p", VHOST, "guard", ".*", ".*", ".*")
    private_broker.restart()
    with connected(private_broker.url_for(user="guard", password="pass/word")) as connection:
        assert connection.connected


def test_a_fresh_vhost_is_empty_and_of_its_own(broker: Broker) -> None:
    first, second = broker.fresh_vhost(), broker.fresh_vhost()
    put(broker.url_for(first), "mine")
    assert queues(broker, first) == "work"
    assert queues(broker, second) == ""


def test_fresh_vhosts_do_not_run_out(broker: Broker) -> None:
    names = {broker.fresh_vhost() for _ in range(60)}
    assert len(names) == 60
    with connected(broker.url_for(names.pop())) as connection:
        assert connection.connected


def test_kombu_connects_with_tls(amqps_url: str, certificates: Certificates) -> None:
    options = {
        "ca_certs": str(certificates.ca_file),
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": "localhost",
    }
    with connected(amqps_url, ssl=options) as connection:
        assert connection.connected


def shake_hands(port: int, ca_file: Path, name: str = "localhost") -> str:
    context = ssl.create_default_context(cafile=str(ca_file))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.version() or ""


def test_only_the_right_authority_and_host_name_pass(
    broker: Broker, certificates: Certificates
) -> None:
    assert shake_hands(broker.tls_port, certificates.ca_file).startswith("TLS")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|issuer"):
        shake_hands(broker.tls_port, certificates.stranger_ca_file)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(broker.tls_port, certificates.ca_file, "elsewhere.example")


def test_a_node_with_another_certificate_and_settings(
    open_broker: OpenBroker, certificates: Certificates
) -> None:
    node = open_broker(identity=certificates.wrong_host, settings=("{heartbeat, 7}",))
    assert shake_hands(node.tls_port, certificates.ca_file, "elsewhere.example")
    assert node.ctl("eval", "application:get_env(rabbit, heartbeat).").strip() == "{ok,7}"


def test_a_node_that_cannot_start_says_why(open_broker: OpenBroker) -> None:
    with pytest.raises(BrokerError, match="advanced"):
        open_broker(settings=("{no_such",))


def test_a_command_that_fails_says_why(broker: Broker) -> None:
    with pytest.raises(BrokerError, match="no-such-user"):
        broker.ctl("delete_user", "no-such-user")


# Started in a process that is killed: it prints the process groups and directory to look at.
KILLED = """
import sys
from pathlib import Path
from tests.harness.erlang import Domain, Installation

installation = Installation.find()
if installation is None:
    sys.exit("absent")
domain = Domain(installation)
node = domain.spawn(["sleep", "1000"], {}, domain.directory / "output")
print(node.pid, domain.directory, flush=True)
sys.stdin.read()
"""


def test_nothing_is_left_of_a_test_run_that_is_killed(brokers: Brokers) -> None:
    if not isinstance(brokers, LocalBrokers):
        pytest.skip("in Docker the reaper of testcontainers does this")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        pid, directory = run.stdout.readline().split()
        assert Path(directory).is_dir()
        run.kill()
    wait_until(lambda: not Path(directory).exists(), message=f"{directory} is gone")
    wait_until(lambda: not alive(int(pid)), message=f"process {pid} is gone")


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits for its parent's attention does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] not in ("Z", "X")


def test_wait_until_gives_up_with_the_message() -> None:
    with pytest.raises(AssertionError, match=r"within 0\.05 s: it rains"):
        wait_until(lambda: False, 0.05, lambda: "it rains")
    assert wait_until(iter([0, "", "here"]).__next__) == "here"
