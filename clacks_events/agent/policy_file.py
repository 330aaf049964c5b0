"""Policies in files: reading them, and letting a change take effect while an agent runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from clacks_events.agent.policy import Policy
from clacks_events.agent.policy_text import parse_policy
from clacks_events.errors import ConfigError

__all__ = ["PolicyFile", "read_policy"]

log = logging.getLogger(__name__)

_DEBOUNCE = 200  # milliseconds in which changes are taken together
_STEP = 50  # milliseconds of silence that end them early
_LOOK = 1000  # milliseconds after which the file is looked at in any case


def read_policy(path: str | Path) -> Policy:
    """Read a policy from a TOML file.

    Raises ConfigError that names the file, the place in it, and what is wrong there.
    """
    return parse_policy(_content(Path(path)), str(path))


class PolicyFile:
    """A policy that follows its file.

    A file that is broken or gone is logged, and the last good policy stays in force.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the file and watch it. Raises ConfigError."""
        self.path = Path(path).absolute()
        self.policy = read_policy(path)
        """What is in force."""
        self.problem: ConfigError | None = None
        """Why the file, as it is now, is not in force."""
        self._data: bytes | None = None
        self._listeners: list[Callable[[Policy], None]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clacks-policy", daemon=True)
        self._thread.start()

    def on_change(self, listener: Callable[[Policy], None]) -> Callable[[], None]:
        """Call ``listener`` with each new policy, on the thread that found it.

        Returns a function that ends this.
        """

        # Wrapped, so that each of two equal listeners is told apart.
        def entry(policy: Policy) -> None:
            listener(policy)

        self._listeners.append(entry)

        def end() -> None:
            if entry in self._listeners:
                self._listeners.remove(entry)

        return end

    def refresh(self) -> bool:
        """Look at the file now and tell whether the policy changed."""
        with self._lock:
            before = self.policy
            self._look()
            changed = self.policy != before
        for listener in tuple(self._listeners) if changed else ():
            try:
                listener(self.policy)
            except Exception:
                # One listener must neither end the watching nor keep it from the others.
                log.exception("policy %s: a listener failed", self.path)
        return changed

    def _look(self) -> None:
        try:
            data = _content(self.path)
            # Compared by content: times and sizes tell nothing about what replaced it.
            if data == self._data:
                return
            self._data = data
            policy = parse_policy(data, str(self.path))
        except ConfigError as error:
            self._refuse(error)
            return
        if policy != self.policy or self.problem is not None:
            log.info("policy %s is in force, of %d rules", self.path, len(policy.rules))
        self.policy, self.problem = policy, None

    def _refuse(self, error: ConfigError) -> None:
        if isinstance(error.__cause__, OSError):
            self._data = None
        if str(error) != str(self.problem):
            log.error("policy refused, the last good one stays: %s", error)
        self.problem = error

    def _run(self) -> None:
        # 45 ms of import that nobody has to wait for.
        import watchfiles

        try:
            for _ in watchfiles.watch(
                # The directory: a file that is replaced by another is not watched any more.
                self.path.parent,
                watch_filter=None,
                recursive=False,
                debounce=_DEBOUNCE,
                step=_STEP,
                # Also without a change: what a symbolic link leads to is nowhere watched.
                rust_timeout=_LOOK,
                yield_on_timeout=True,
                stop_event=self._stop,
                raise_interrupt=False,
            ):
                self.refresh()
        except (OSError, RuntimeError):
            # No more watches in this system, for instance.
            log.warning("policy %s is looked at each second only", self.path, exc_info=True)
        while not self._stop.wait(_LOOK / 1000):
            self.refresh()

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> PolicyFile:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
