"""The file that says how an agent runs as a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from clacks_events import ConfigError
from clacks_events.agent.settings import AgentSettings, read_settings


def written(directory: Path, text: str) -> Path:
    path = directory / "agent.toml"
    path.write_text(text)
    return path


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, "")) == AgentSettings()


def test_all_that_can_be_said(tmp_path: Path) -> None:
    text = """
        url = "amqp://localhost"
        keys = "keys"
        name = "node-7"
        queue = "phones"
        source = "pbx"
        workers = 8
        schemas = ["schemas", "/srv/schemas"]
        policy = "policy.toml"
        status_interval = 2
    """
    assert read_settings(written(tmp_path, text)) == AgentSettings(
        url="amqp://localhost",
        keys=tmp_path / "keys",
        name="node-7",
        queue="phones",
        source="pbx",
        workers=8,
        schemas=(tmp_path / "schemas", Path("/srv/schemas")),
        policy=tmp_path / "policy.toml",
        status_interval=2.0,
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("workers = 0", r"Expected `int` >= 1 - at `\$\.workers`"),
        ("workers = 'many'", r"Expected `int`, got `str` - at `\$\.workers`"),
        ("worker = 2", r"unknown field `worker`; did you mean workers\?"),
        ("name = ''", r"at `\$\.name`"),
        ("schemas = [1]", r"the path of a file or directory - at `\$\.schemas\[0\]`"),
        ("policy = ''", r"the path of a file or directory - at `\$\.policy`"),
        ("status_interval = 0", r"Expected `float` > 0"),
        ("name = node", r"at line 1, column 8"),
        ("url = 'amqp://a'\nlisten = 'localhost:1'", "not both"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        read_settings(written(tmp_path, text))
    assert str(tmp_path / "agent.toml") in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*agent\.toml: No such file"):
        read_settings(tmp_path / "agent.toml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"agent\.toml"):
        read_settings(path)
