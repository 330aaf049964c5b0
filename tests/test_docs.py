"""README.md and docs/: what is printed there runs as printed.

Python blocks of a page run one after the other in one namespace; a text block right after one is
its output. XML blocks with a title are files. In output, … stands for anything.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clacks_events import Catalog, compile_filter
from tests.harness.program import ROOT, Program, run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
URL = "amqp://admin:secret@localhost/org.clacks"

BLOCK = re.compile(r"^```(?P<info>\w+[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
NEEDS_NO_BROKER = re.compile(r"clacks-events (check|types|explain|policy) ?")
NEEDS_BROKER = re.compile(r"clacks-events (publish|watch|serve) ?|python examples/")
RUNS_ON = {"watch": "watching", "serve": "serving", "receiver.py": "waiting"}
"""Programs that do not end by themselves, each with what it prints when it is ready."""

Launch = Callable[[str], Program]


@dataclass(frozen=True)
class Block:
    """One fenced block; ``line`` is the page's line before its first."""

    language: str
    title: str
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    """A line after ``$`` and the output printed below it."""

    text: str
    output: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            found["info"].split()[0],
            found["info"].partition('title="')[2].rstrip('"'),
            found["text"],
            text.count("\n", 0, found.start("text")),
        )
        for found in BLOCK.finditer(text)
    ]


def commands(page: Path) -> Iterator[Command]:
    for block in blocks(page):
        if block.language == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                yield Command(line.partition("    #")[0].strip(), output)


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


def pages_that_run(pattern: re.Pattern[str]) -> list[Path]:
    return [page for page in PAGES if any(pattern.match(c.text) for c in commands(page))]


def name_of(page: Path) -> str:
    return page.name


def assert_like(printed: str, expected: str) -> None:
    """Compare line by line; … in what is expected stands for anything."""
    wanted = "\n".join(line.rstrip() for line in expected.strip().splitlines())
    got = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    pattern = ".*".join(map(re.escape, wanted.split("…")))
    if not re.fullmatch(pattern, got, re.DOTALL):
        assert got == wanted


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the examples and the programs that the pages name."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, arguments in (("python", ""), ("clacks-events", " -m clacks_events")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def launch(desk: Path, amqp_url: str) -> Iterator[Launch]:
    """Start programs that are gone after the test; each is ready, or has ended by itself."""
    with ExitStack() as stack:

        def launch_one(command: str) -> Program:
            if "examples/phone_status/" in command:
                command += f" {amqp_url}"
            line = f"exec {command.replace(URL, amqp_url)}"
            env = {"CLACKS_URL": amqp_url, "PYTHONUNBUFFERED": "1"}
            program = stack.enter_context(Program("-c", line, command=("sh",), cwd=desk, env=env))
            if sign := ready_sign(command):
                program.wait_for(sign)
            else:
                assert program.wait() == 0, program.report()
            return program

        yield launch_one


@pytest.mark.parametrize("page", pages_with("python"), ids=name_of)
def test_python_runs_and_prints_what_is_below(
    page: Path, desk: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(page, desk)
    namespace: dict[str, Any] = {"__name__": page.stem}
    found = blocks(page)
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.language != "python":
            continue
        text = block.text
        if URL in text:
            text = text.replace(URL, request.getfixturevalue("amqp_url"))
        # The empty lines let a traceback show the lines of the page.
        exec(compile("\n" * block.line + text, page, "exec"), namespace)
        printed = capsys.readouterr().out
        if following is not None and following.language == "text":
            assert_like(printed, following.text)
        else:
            assert printed == ""


def write_files(page: Path, desk: Path) -> None:
    for block in blocks(page):
        if block.title:
            path = desk / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)


@pytest.mark.parametrize("page", pages_that_run(NEEDS_NO_BROKER), ids=name_of)
def test_commands_without_a_broker_print_what_is_below(page: Path, desk: Path) -> None:
    write_files(page, desk)
    for command in commands(page):
        if NEEDS_NO_BROKER.match(command.text):
            done = run("-c", command.text, command=("sh",), cwd=desk)
            assert_like(done.stdout, command.output)
            fails = "misspelt" in command.text or "denied: " in command.output
            assert done.returncode == fails, done.stderr


@pytest.mark.parametrize("page", pages_that_run(NEEDS_BROKER), ids=name_of)
def test_commands_with_a_broker_run(page: Path, launch: Launch) -> None:
    running = [("clacks-events serve", launch("clacks-events serve"))]
    for command in commands(page):
        if NEEDS_BROKER.match(command.text):
            program = launch(command.text)
            running += [(command.text, program)] if ready_sign(command.text) else []
    for text, program in running:
        if "receiver" in text:
            program.wait_for("status: busy")
        elif text.endswith("[e:Status = 'busy']\""):
            program.wait_for("<Status>busy</Status>")
        assert program.interrupt() in (0, 130), program.report()
        assert "Traceback" not in program.output


def ready_sign(command: str) -> str | None:
    return next((sign for word, sign in RUNS_ON.items() if word in command.split("[")[0]), None)


def test_every_command_is_run_by_a_test() -> None:
    left = {
        command.text
        for page in PAGES
        for command in commands(page)
        if not NEEDS_NO_BROKER.match(command.text) and not NEEDS_BROKER.match(command.text)
    }

    # What installs, starts Docker or runs the tests cannot run inside of a test.
    assert left == {
        "./dev demo",
        "./dev test",
        "pip install .",
        "pip install '.[zmq]'",
        "pip install '.[gateway]'",
        "docker compose up -d",
        f"export CLACKS_URL={URL}",
    }


@pytest.mark.parametrize(
    "query", re.findall(r"^\| [\w ,]+ \| `(.+)` \|$", PAGES[0].read_text(), re.MULTILINE)
)
def test_queries_of_the_readme_compile(query: str) -> None:
    assert compile_filter(query, catalog=Catalog()).bindings


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for found in LINK.finditer(page.read_text()):
        path, _, anchor = found["target"].partition("#")
        if path.startswith("https://"):
            continue
        target = page.parent / path if path else page
        assert target.exists(), found[0]
        if anchor:
            assert anchor in anchors(target), found[0]


def anchors(page: Path) -> set[str]:
    """Return the anchors that a Markdown viewer makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
