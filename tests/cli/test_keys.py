"""``clacks-events keys``."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clacks_events.embedded import ensure_server, key_files
from clacks_events.transport import open_transport
from tests.cli.conftest import Main


def test_keys_are_made_and_what_is_printed_can_be_used(invoke: Main, tmp_path: Path) -> None:
    directory = tmp_path / "a site"
    code, out, err = invoke("keys", directory, "anna", "bob")
    assert (code, err) == (0, "")
    files = [file for name in (None, "anna", "bob") for file in key_files(directory, name)]
    assert sorted(directory.rglob("*.key*")) == sorted(files)
    assert all(str(file) in out for file in files)
    secrets = [file for file in files if file.suffix == ".key_secret"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets} == {0o600}
    urls = [line.strip() for line in out.splitlines() if line.strip().startswith("zmq://")]
    assert len(urls) == 2
    with ensure_server("zmq://127.0.0.1:0", keys=directory) as server:
        for url in urls:
            open_transport(url.replace("HOST:PORT", f"127.0.0.1:{server.port}")).close()


def test_a_relative_directory_is_printed_as_an_absolute_one(
    invoke: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = invoke("keys", "here")
    assert code == 0
    assert f"--keys {tmp_path / 'here'}" in out


def test_keys_that_are_there_are_kept(invoke: Main, tmp_path: Path) -> None:
    _, first, _ = invoke("keys", tmp_path, "anna")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.key*")}
    code, again, _ = invoke("keys", tmp_path, "anna", "anna")
    assert (code, again) == (0, first)
    invoke("keys", tmp_path, "bob")
    after = {file: file.read_bytes() for file in tmp_path.rglob("*.key*")}
    assert len(after) == 6
    assert before.items() <= after.items()


def test_half_a_pair_is_left_alone(invoke: Main, tmp_path: Path) -> None:
    invoke("keys", tmp_path, "anna")
    public, secret = key_files(tmp_path, "anna")
    public.unlink()
    code, _, err = invoke("keys", tmp_path, "anna")
    assert code == 1
    assert f"{secret} is there already; remove it to make new keys" in err
    assert not public.exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", "server"])
def test_a_name_that_cannot_be_is_refused(invoke: Main, tmp_path: Path, name: str) -> None:
    code, _, err = invoke("keys", tmp_path, name)
    assert code == 1
    assert "client" in err


def test_a_directory_that_cannot_be_written_is_an_error(invoke: Main, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, out, err = invoke("keys", tmp_path / "file" / "keys")
    assert (code, out) == (1, "")
    assert "cannot write the keys" in err


def test_without_a_directory_it_is_wrong_usage(invoke: Main) -> None:
    code, _, err = invoke("keys")
    assert code == 2
    assert "DIR" in err
