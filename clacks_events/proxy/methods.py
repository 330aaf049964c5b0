"""What an agent offers, as far as a caller knows."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from clacks_events.errors import AccessDenied, RpcError, UnknownCommand
from clacks_events.rpc import RpcClient

__all__ = ["Methods"]

_LISTING = "getMethods"


class Methods:
    """The commands by name, each with its parameters and what it does.

    Whoever may not ask for the list may still call, and is told by the agent what there is not.
    """

    def __init__(self, client: RpcClient) -> None:
        """Ask the agent. Raises RpcTimeout when none answers."""
        self._client = client
        self._known: Mapping[str, Any] | None = None
        self.refresh()

    def refresh(self) -> None:
        """Ask again."""
        try:
            found = self._client.call(_LISTING)
        except AccessDenied:
            self._known = None
            return
        if not isinstance(found, dict):
            raise RpcError(f"the answer to {_LISTING} is no table of commands")
        self._known = found

    @property
    def names(self) -> list[str]:
        """The names of those that are known."""
        return sorted(self._known or ())

    def describe(self, name: str) -> Mapping[str, Any]:
        """Return what is known of a command; raise UnknownCommand if there is none."""
        self.check(name)
        said = (self._known or {}).get(name)
        return said if isinstance(said, dict) else {}

    def check(self, name: str) -> None:
        """Raise UnknownCommand, with near ones, for a name that no command has.

        An agent may have learnt it since, so that it is asked first.
        """
        if self._known is None or name in self._known:
            return
        self.refresh()
        if self._known is not None and name not in self._known:
            near = difflib.get_close_matches(name[:200], self._known, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise UnknownCommand(f"{self._client.queue} has no command {name[:200]!r}{hint}")
