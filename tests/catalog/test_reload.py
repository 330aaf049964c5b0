"""Schema files that come, change, break and go while a catalog is in use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clacks_events.catalog import Catalog
from clacks_events.errors import InvalidEvent, UnknownEventType
from clacks_events.event import Event
from clacks_events.watching import SchemaWatch
from tests.catalog.schemas import T, accepts, catalog, element, names, payload, put, xsd
from tests.catalog.test_oasis import OTHER, URL, importing, mapping
from tests.harness.waiting import wait_until

INT, TEXT = xsd(element("A")), xsd(element("A", "xs:string"))
KIND = '<xs:simpleType name="Kind"><xs:restriction base="xs:{}"/></xs:simpleType>'
INCLUDING = {
    "a.xsd": xsd('<xs:include schemaLocation="sub/b.xsd"/>' + element("A", "t:Kind")),
    "sub/b.xsd": xsd(KIND.format("int")),
}


def problems(known: Catalog) -> list[str]:
    return [Path(problem.file).name for problem in known.problems]


def test_a_new_file(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": INT})
    assert known.refresh() is False
    put(tmp_path, {"b.xsd": xsd(element("B"))})
    assert names(known) == ["A"]
    assert known.refresh() is True
    assert names(known) == ["A", "B"]
    assert known.refresh() is False


def test_a_changed_file(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": INT})
    assert not accepts(known, "<t:A>x</t:A>")
    put(tmp_path, {"a.xsd": TEXT})
    assert known.refresh() is True
    assert accepts(known, "<t:A>x</t:A>")


def test_a_file_replaced_by_one_of_the_same_size_and_time(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": xsd(element("A"))})
    before = (tmp_path / "a.xsd").stat()
    put(tmp_path, {"new": xsd(element("B"))})
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(tmp_path / "new", tmp_path / "a.xsd")
    assert known.refresh() is True
    assert names(known) == ["B"]


def test_a_file_that_goes(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": INT, "b.xsd": xsd(element("B"))})
    (tmp_path / "a.xsd").unlink()
    assert accepts(known, "<t:A>1</t:A>")
    assert known.refresh() is True
    assert names(known) == ["B"]
    assert not known.knows(f"{T}A")
    with pytest.raises(UnknownEventType):
        known.validate(payload("<t:A>1</t:A>"))


def test_a_directory_that_goes_and_comes_back(tmp_path: Path) -> None:
    known = catalog(tmp_path / "in", {"a.xsd": INT})
    shutil.rmtree(tmp_path / "in")
    assert known.refresh() is True
    assert known.types == ()
    put(tmp_path / "in", {"a.xsd": INT})
    assert known.refresh() is True
    assert names(known) == ["A"]


BROKEN = ["<x/>", "", "<xs:", xsd(element("A", "t:No")), "<!DOCTYPE x>" + INT, "<x/>" * 3]


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_breaks_keeps_its_last_good_version(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    known = catalog(tmp_path, {"a.xsd": INT})
    put(tmp_path, {"a.xsd": text})
    for _ in range(3):
        assert known.refresh() is False
        assert problems(known) == ["a.xsd"]
    assert caplog.text.count("schema refused") == 1
    assert accepts(known, "<t:A>1</t:A>")
    assert not accepts(known, "<t:A>x</t:A>")
    put(tmp_path, {"a.xsd": TEXT})
    assert known.refresh() is True
    assert known.problems == ()
    assert accepts(known, "<t:A>x</t:A>")


def test_repairing_to_what_it_was_is_no_change(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": INT})
    put(tmp_path, {"a.xsd": "<x/>"})
    assert known.refresh() is False
    put(tmp_path, {"a.xsd": INT})
    known.refresh()
    assert known.problems == ()
    assert accepts(known, "<t:A>1</t:A>")


@pytest.mark.parametrize("more", ["", 'vc:minVersion="1.1"'])
def test_data_and_samples_of_the_last_good_version(tmp_path: Path, more: str) -> None:
    """They are made by xmlschema, which is built on first use: when the disk is broken."""
    files = {name: text.replace(" targetN", f" {more} targetN") for name, text in INCLUDING.items()}
    known = catalog(tmp_path, files)
    put(tmp_path, {"a.xsd": "<x/>"})
    (tmp_path / "sub" / "b.xsd").unlink()
    assert known.refresh() is False
    assert known.to_json(payload("<t:A>5</t:A>")) == 5
    assert Event.from_xml('<A xmlns="urn:t">5</A>', decoder=known).json()["payload"] == 5
    assert known.sample("A").name == "A"
    assert known.build("A", 5).payload.text == "5"
    assert known.fields("A") is not None
    assert known.source("A") == files["a.xsd"].encode()
    known.check(tmp_path / "a.xsd")


def test_an_included_file_that_changes_breaks_and_goes(tmp_path: Path) -> None:
    known = catalog(tmp_path, INCLUDING)
    put(tmp_path, {"sub/b.xsd": xsd(KIND.format("string"))})
    assert known.refresh() is True
    assert accepts(known, "<t:A>x</t:A>")
    put(tmp_path, {"sub/b.xsd": "<x/>"})
    assert known.refresh() is False
    assert problems(known) == ["b.xsd"]
    (tmp_path / "sub" / "b.xsd").unlink()
    assert known.refresh() is False
    assert problems(known) == ["a.xsd"]
    assert accepts(known, "<t:A>x</t:A>")
    put(tmp_path, INCLUDING)
    assert known.refresh() is True
    assert known.problems == ()
    assert not accepts(known, "<t:A>x</t:A>")


def test_a_missing_include_that_comes_later(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": INCLUDING["a.xsd"]}, strict=False)
    assert (names(known), problems(known)) == ([], ["a.xsd"])
    assert known.refresh() is False
    put(tmp_path, INCLUDING)
    assert known.refresh() is True
    assert (names(known), problems(known)) == (["A"], [])


def test_a_missing_import_that_comes_later(tmp_path: Path) -> None:
    body = '<xs:import namespace="urn:o" schemaLocation="o/o.xsd"/>' + element("A")
    known = catalog(tmp_path, {"a.xsd": xsd(body)})
    assert not known.knows("{urn:o}O")
    put(tmp_path, {"o/o.xsd": xsd(element("O"), target="urn:o")})
    assert known.refresh() is True
    assert known.knows("{urn:o}O")


def test_a_catalog_that_comes_changes_breaks_and_goes(tmp_path: Path) -> None:
    files = {"a.xsd": importing(), "x/o.xsd": OTHER, "y/o.xsd": OTHER.replace(":int", ":string")}
    known = catalog(tmp_path, files, strict=False)
    assert problems(known) == ["a.xsd"]
    put(tmp_path, {"catalog.xml": mapping(f'<uri name="{URL}" uri="x/o.xsd"/>')})
    assert known.refresh() is True
    assert (names(known), problems(known)) == (["A"], [])
    assert not accepts(known, "<t:A>x</t:A>")
    put(tmp_path, {"catalog.xml": mapping(f'<uri name="{URL}" uri="y/o.xsd"/>')})
    assert known.refresh() is True
    assert accepts(known, "<t:A>x</t:A>")
    put(tmp_path, {"catalog.xml": "<broken"})
    assert known.refresh() is False
    assert problems(known) == ["catalog.xml"]
    assert accepts(known, "<t:A>x</t:A>")
    (tmp_path / "catalog.xml").unlink()
    assert known.refresh() is False
    assert problems(known) == ["a.xsd"]
    assert accepts(known, "<t:A>x</t:A>")


def test_who_has_a_type_keeps_it(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"b.xsd": INT})
    put(tmp_path, {"a.xsd": TEXT})
    known.refresh()
    (problem,) = known.problems
    assert problem.file == str(tmp_path / "a.xsd")
    assert str(tmp_path / "b.xsd") in str(problem)
    assert not accepts(known, "<t:A>x</t:A>")
    (tmp_path / "b.xsd").unlink()
    assert known.refresh() is True
    assert known.problems == ()
    assert accepts(known, "<t:A>x</t:A>")


def test_a_change_that_takes_the_type_of_another_file_is_refused(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": xsd(element("Z")), "b.xsd": INT})
    put(tmp_path, {"a.xsd": TEXT})
    assert known.refresh() is False
    assert problems(known) == ["a.xsd"]
    assert names(known) == ["A", "Z"]
    assert not accepts(known, "<t:A>x</t:A>")


def test_lineage_changes_with_the_files(tmp_path: Path) -> None:
    head = xsd(element("Head"))
    member = xsd(
        '<xs:include schemaLocation="head.xsd"/>'
        + element("Member", more='substitutionGroup="t:Head"')
    )
    known = catalog(tmp_path, {"head.xsd": head})
    put(tmp_path, {"member.xsd": member})
    known.refresh()
    assert known.derived(f"{T}Head") == {f"{T}Head", f"{T}Member"}
    (tmp_path / "member.xsd").unlink()
    known.refresh()
    assert known.derived(f"{T}Head") == {f"{T}Head"}


def test_listeners(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": INT})
    seen: list[tuple[str, list[str]]] = []

    def listener(name: str) -> Callable[[], None]:
        return lambda: seen.append((name, names(known)))

    ends = [known.on_change(listener(name)) for name in "xy"]
    known.refresh()
    assert seen == []
    put(tmp_path, {"b.xsd": xsd(element("B"))})
    known.refresh()
    assert seen == [("x", ["A", "B"]), ("y", ["A", "B"])]
    put(tmp_path, {"b.xsd": "<x/>"})
    known.refresh()
    assert len(seen) == 2
    ends[0]()
    ends[0]()
    (tmp_path / "b.xsd").unlink()
    known.refresh()
    assert seen[2:] == [("y", ["A"])]


def test_a_listener_may_be_there_twice(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": INT})
    seen: list[int] = []

    def listener() -> None:
        seen.append(1)

    end = known.on_change(listener)
    known.on_change(listener)
    end()
    end()
    put(tmp_path, {"a.xsd": TEXT})
    known.refresh()
    assert seen == [1]


# --- while something watches ------------------------------------------------------------


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Catalog]:
    known = catalog(tmp_path, {"first.xsd": xsd(element("First"))})
    watch = SchemaWatch(known)
    # Only when one change has been seen the watches are surely in place.
    put(tmp_path, {"first.xsd": xsd(element("Ready"))})
    wait_until(lambda: names(known) == ["Ready"], 10)
    yield known
    watch.close()


def test_a_dropped_file_is_usable_within_a_second(watched: Catalog, tmp_path: Path) -> None:
    put(tmp_path, {"a.xsd": INT})
    wait_until(lambda: watched.knows(f"{T}A"), 1)
    assert accepts(watched, "<t:A>1</t:A>")


def test_changes_below_are_seen(watched: Catalog, tmp_path: Path) -> None:
    put(tmp_path, INCLUDING)
    wait_until(lambda: watched.knows(f"{T}A"), 1)
    put(tmp_path, {"sub/b.xsd": xsd(KIND.format("string"))})
    wait_until(lambda: accepts(watched, "<t:A>x</t:A>"), 1)
    put(tmp_path, {"a.xsd": "<x/>"})
    wait_until(lambda: watched.problems, 1)
    assert accepts(watched, "<t:A>x</t:A>")
    (tmp_path / "a.xsd").unlink()
    wait_until(lambda: not watched.knows(f"{T}A"), 1)
    with pytest.raises(UnknownEventType):
        watched.validate(payload("<t:A>1</t:A>"))


def test_a_file_moved_into_the_directory_is_seen(watched: Catalog, tmp_path: Path) -> None:
    put(tmp_path, {"a.tmp": INT})
    os.replace(tmp_path / "a.tmp", tmp_path / "a.xsd")
    wait_until(lambda: watched.knows(f"{T}A"), 1)
    with pytest.raises(InvalidEvent):
        watched.validate(payload("<t:A>x</t:A>"))


def test_a_closed_watch_sees_nothing(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"a.xsd": INT})
    watch = SchemaWatch(known)
    watch.close()
    put(tmp_path, {"b.xsd": xsd(element("B"))})
    assert names(known) == ["A"]
    assert known.refresh() is True
