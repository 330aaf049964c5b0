"""Production on demand: started with the first listener, stopped with the last."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum
from queue import SimpleQueue
from threading import Event, Lock, Thread, current_thread
from typing import TypeAlias

from clacks_events.errors import ConfigError

__all__ = ["Action", "Demand", "Demands", "Step"]

log = logging.getLogger(__name__)

Action: TypeAlias = Callable[[], object]


class Step(Enum):
    """What is to be done for a producer."""

    START = "start"
    STOP = "stop"


_STEPS: Mapping[tuple[bool, bool], Step | None] = {
    # (is started, is wanted)
    (False, False): None,
    (False, True): Step.START,
    (True, True): None,
    (True, False): Step.STOP,
}


class Demand:
    """Whether one producer runs, and whether it should. Knows no threads: one at a time."""

    def __init__(self, is_wanted: Callable[[], bool], start: Action, stop: Action) -> None:
        self._is_wanted = is_wanted
        self._actions = {Step.START: start, Step.STOP: stop}
        self._is_started = False
        self._is_busy = False
        self._is_ended = False

    @property
    def step(self) -> Step | None:
        """What is to be done next."""
        return _STEPS[self._is_started, self._is_wanted() and not self._is_ended]

    def advance(self) -> bool:
        """Do what is to be done next, and tell whether there was anything.

        An action that fails is logged and counts as done, so that the two take turns. From
        inside of an action there is nothing to do.
        """
        step = None if self._is_busy else self.step
        if step is None:
            return False
        self._is_busy = True
        try:
            self._actions[step]()
        except Exception:
            # It is the user's code: whatever it raises must not stop the others.
            log.exception("could not %s a producer", step.value)
        self._is_busy = False
        self._is_started = step is Step.START
        return True

    def end(self) -> None:
        """Want it no more, whoever listens."""
        self._is_ended = True


class Demands:
    """The producers of one sender; their actions run one after the other on one thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._due: SimpleQueue[tuple[Demand, Event] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._is_closed = False

    def add(self, demand: Demand) -> None:
        """Carry out what a producer needs from now on. Raises ConfigError after ``close``."""
        with self._lock:
            if self._is_closed:
                raise ConfigError("the sender is closed")
            if self._thread is None:
                self._thread = Thread(target=self._run, name="clacks-demand", daemon=True)
                self._thread.start()
        self.look(demand)

    def look(self, demand: Demand) -> Event | None:
        """Have a producer looked at, soon; return what is set then. None after ``close``."""
        looked = Event()
        with self._lock:
            if self._is_closed:
                return None
            self._due.put((demand, looked))
        return looked

    def end(self, demand: Demand) -> None:
        """End a producer; returns when it is stopped, unless called by its own actions."""
        demand.end()
        if current_thread() is self._thread:
            _settle(demand)
        elif (looked := self.look(demand)) is not None:
            looked.wait()

    def close(self) -> None:
        """Let the thread go; all producers have been ended."""
        with self._lock:
            self._is_closed = True
            self._due.put(None)
        if self._thread is not None and current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while (due := self._due.get()) is not None:
            demand, looked = due
            _settle(demand)
            looked.set()


def _settle(demand: Demand) -> None:
    while demand.advance():
        pass
