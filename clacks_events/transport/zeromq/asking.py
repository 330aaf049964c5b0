"""What a client asks of a server, and who waits for the answer."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from clacks_events.errors import ClacksError

__all__ = ["Question", "Standing", "unawaited"]


class Standing(Protocol):
    """What a client wants of each server that it is connected to."""

    def ask(self) -> Mapping[str, Any]:
        """Return what to say to the server. On the thread of the link."""

    def end(self) -> Mapping[str, Any]:
        """Return what to say when it is not wanted any more."""

    def lost(self) -> None:
        """Hear that the server is away. On the thread of the link."""


@dataclass(slots=True, eq=False)
class Question:
    """What was asked and is not answered."""

    done: Future[None]
    standing: Standing | None = None
    is_farewell: bool = False
    """Whether a server that is away need not hear it."""

    def settle(self, error: ClacksError | None) -> None:
        """Let who waits go on."""
        if self.done.done() or not self.done.set_running_or_notify_cancel():
            return
        if error is None or self.is_farewell:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


def unawaited(standing: Standing | None = None) -> Question:
    """Return a question that nobody waits for."""
    done: Future[None] = Future()
    done.cancel()
    return Question(done, standing)
