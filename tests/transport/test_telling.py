"""Telling a number that changes while it is told."""

from __future__ import annotations

import threading

import pytest

from clacks_events.transport.telling import Teller


class Room:
    """A number of listeners, and somebody who is told."""

    def __init__(self) -> None:
        self.number = 0
        self.told: list[int] = []
        self.depth = 0
        self.teller = Teller(lambda: self.number, self.hear)

    def hear(self, number: int) -> None:
        self.depth += 1
        assert self.depth == 1, "told two things at a time"
        self.told.append(number)
        self.react(number)
        self.depth -= 1

    def react(self, number: int) -> None:
        """What the one who is told does about it."""

    def change(self, number: int) -> None:
        self.number = number
        self.teller.changed()


class SlowRoom(Room):
    def __init__(self) -> None:
        super().__init__()
        self.is_told, self.may_go_on = threading.Event(), threading.Event()

    def react(self, number: int) -> None:
        if number == 1:
            self.is_told.set()
            assert self.may_go_on.wait(10.0)


def test_who_changes_it_while_somebody_is_told_leaves_the_telling_to_him() -> None:
    room = SlowRoom()
    room.teller.begin()
    thread = threading.Thread(target=room.change, args=(1,))
    thread.start()
    assert room.is_told.wait(10.0)
    room.change(2)
    room.change(3)
    assert room.told == [0, 1]
    room.may_go_on.set()
    thread.join()
    assert room.told == [0, 1, 3]


class EagerRoom(Room):
    def react(self, number: int) -> None:
        if number < 3:
            self.change(number + 1)


def test_who_is_told_may_change_it() -> None:
    room = EagerRoom()
    room.teller.begin()
    assert room.told == [0, 1, 2, 3]


def test_what_changes_before_the_first_telling_is_told_with_it() -> None:
    room = Room()
    room.change(5)
    assert room.told == []
    room.teller.begin()
    room.change(5)
    assert room.told == [5]


class LeavingRoom(Room):
    def react(self, number: int) -> None:
        self.change(number + 1)
        self.teller.close()


def test_who_closes_is_told_no_more() -> None:
    room = LeavingRoom()
    room.teller.begin()
    room.change(7)
    assert room.told == [0]


def test_a_watcher_that_fails_is_logged_and_told_the_next(caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []
    room = Room()

    def fail(number: int) -> None:
        told.append(number)
        raise RuntimeError("broken")

    teller = Teller(lambda: room.number, fail)
    teller.begin()
    room.number = 1
    teller.changed()
    assert told == [0, 1]
    assert caplog.text.count("a watcher failed") == 2
