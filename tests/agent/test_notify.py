"""Telling systemd how a service is doing, at a socket like systemd's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from clacks_events.agent.notify import notify


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5.0)
        yield listening


def test_a_state_is_told(
    tmp_path: Path, door: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    assert notify("READY=1")
    assert door.recv(100) == b"READY=1"


def test_an_abstract_address(door: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    door.bind("")  # Linux chooses an abstract address
    monkeypatch.setenv("NOTIFY_SOCKET", "@" + door.getsockname()[1:].decode())
    assert notify("STOPPING=1")
    assert door.recv(100) == b"STOPPING=1"


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")


def test_a_socket_that_is_gone_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")
    assert "READY=1" in caplog.text
