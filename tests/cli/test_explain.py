"""``clacks-events explain``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Main
from tests.cli.program import event
from tests.harness.program import run

QUERY = "/e:Event/e:PhoneStatus[e:Status = 'busy']"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.xml"
    path.write_bytes(event("busy"))
    return path


def test_the_stages_are_shown(invoke: Main) -> None:
    code, out, err = invoke("explain", QUERY, "--source", "pbx")
    assert (code, err) == (0, "")
    assert f"query\n  {QUERY}\nparsed    as it is written\n" in out
    assert "\ntypes     PhoneStatus\nsources   pbx\n" in out
    assert "\n  Event.#.PhoneStatus.#.pbx\n" in out


def test_nothing_at_all_is_everything(invoke: Main) -> None:
    code, out, _ = invoke("explain")
    assert code == 0
    assert "\n  Event.#\n" in out


def test_a_query_may_come_from_a_file(invoke: Main, tmp_path: Path) -> None:
    path = tmp_path / "busy.xq"
    path.write_text(f"\ufeff(: wer ist besetzt? ä :)\n{QUERY}\n", encoding="utf-8")
    assert "types     PhoneStatus\n" in invoke("explain", "-f", path)[1]
    done = run("explain", "--file", "-", input=QUERY.encode())
    assert (done.returncode, done.stderr) == (0, "")
    assert "types     PhoneStatus\n" in done.stdout


def test_a_query_that_is_no_text_is_an_error(invoke: Main, tmp_path: Path) -> None:
    path = tmp_path / "busy.xq"
    path.write_bytes(b"'\xff'")
    assert invoke("explain", "-f", path) == (1, "", f"clacks-events: {path} is not UTF-8 text\n")


def test_a_bad_query_has_a_caret_under_the_fault(invoke: Main) -> None:
    code, out, err = invoke("explain", "/e:Event[\n  1 +]")
    assert (code, out) == (1, "")
    first, text, caret = err.splitlines()
    assert first.startswith("clacks-events: line 2, column ")
    assert text == "    1 +]"
    assert caret.strip(" ").strip("^") == ""


@pytest.mark.parametrize(("status", "code"), [("busy", 0), ("free", 1)])
def test_it_tells_whether_an_event_matches(
    invoke: Main, file: Path, status: str, code: int
) -> None:
    file.write_bytes(event(status))
    found, out, _ = invoke("explain", QUERY, "--event", file)
    assert found == code
    verdict = out[out.index("\nevent  ") + 1 :].splitlines()
    path = "/e:Event/e:PhoneStatus/e:Status"
    turned_down = [f"  {path} = 'busy'", f"    {path} was 'free'"]
    assert verdict[0] == f"event     {'does not match: this is false' if code else 'matches'}"
    assert verdict[1:] == (turned_down if code else [])


def test_a_file_of_several_events_tells_it_of_each(invoke: Main, file: Path) -> None:
    file.write_bytes(event("busy") + event("free"))
    code, out, _ = invoke("explain", QUERY, "--event", file)
    assert code == 1
    verdicts = [line for line in out.splitlines() if line.startswith("event")]
    assert verdicts == ["event     matches", "event     does not match: this is false"]
    assert out.count("query\n") == 1


def test_an_event_may_come_with_headers(invoke: Main, file: Path) -> None:
    query = "declare variable $priority external; $priority = '9'"
    assert invoke("explain", query, "--event", file, "-H", "priority=9")[0] == 0
    code, out, _ = invoke("explain", query, "--event", file, "-H", "priority=8")
    assert (code, out.splitlines()[-1]) == (1, "    $priority was '8'")
    code, out, _ = invoke("explain", query, "--event", file)
    assert (code, out.splitlines()[-1].partition(": ")[2]) == (
        1,
        "the query fails on it: the header priority is missing [XPDY0002]",
    )


def test_a_query_that_fails_on_an_event_says_so(invoke: Main, file: Path) -> None:
    code, out, err = invoke("explain", "xs:int(//e:Status) > 1", "--event", file)
    assert (code, err) == (1, "")
    head, condition, evidence = out.splitlines()[-3:]
    assert head.startswith("event     does not match: the query fails on it: ")
    assert condition.startswith("  xs:int(")
    assert evidence.endswith("e:Status was 'busy'")


def test_a_bad_event_is_one_line(invoke: Main, file: Path) -> None:
    file.write_bytes(b"\n<a>")
    code, _, err = invoke("explain", QUERY, "--event", file)
    assert code == 1
    assert err.startswith(f"clacks-events: {file}:2: not well-formed XML: ")
    file.write_bytes(b"")
    assert (
        invoke("explain", QUERY, "--event", file)[2] == f"clacks-events: {file}: no event in it\n"
    )
    missing = file.with_name("missing")
    assert invoke("explain", QUERY, "--event", missing)[0] == 1
