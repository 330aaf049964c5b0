"""Commands by name: their parameters, and how a call reaches them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from clacks_events.commands.signature import Signature, signature_of
from clacks_events.errors import ConfigError, NameTaken
from clacks_events.event import JsonValue
from clacks_events.rpc import METHOD_NOT_FOUND, RpcFault

__all__ = ["Command", "Commands", "Wait"]

Command: TypeAlias = Callable[..., Any]
Wait: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs what an async function returned, and returns its result."""

_LONGEST_NAME = 200  # characters of a name that are worth a look for near ones


@dataclass(frozen=True, slots=True)
class _Known:
    command: Command
    signature: Signature
    is_idempotent: bool

    def described(self) -> dict[str, JsonValue]:
        said: dict[str, JsonValue] = {
            "parameters": [parameter.described() for parameter in self.signature.offered],
            "documentation": inspect.getdoc(self.command) or "",
            "idempotent": self.is_idempotent,
        }
        returns = self.signature.returns
        return said if returns is None else {**said, "returns": dict(returns)}


class Commands:
    """Functions by name, described by their signatures and docstrings.

    Arguments are checked and converted as the annotations say; a parameter ``user`` is filled
    with who calls.
    """

    def __init__(self, noun: str = "command", wait: Wait | None = None) -> None:
        """Start with none; ``noun`` is what errors call one of them.

        ``wait`` runs what async functions return; without it they are refused.
        """
        self._noun = noun
        self._wait = wait
        self._commands: dict[str, _Known] = {}
        self._default: _Known | None = None

    def add(
        self, command: Command, *, name: str | None = None, idempotent: bool = False
    ) -> Command:
        """Offer a function, under its own name unless given another.

        One that is ``idempotent`` may be carried out twice. Raises NameTaken, or ConfigError for
        what cannot be called.
        """
        name = getattr(command, "__name__", "") if name is None else name
        if not isinstance(name, str) or not name:
            raise ConfigError(f"the name of a {self._noun} is text that is not empty: {name!r}")
        known = self._known(command, f"{self._noun} {name!r}", is_idempotent=idempotent)
        if self._commands.setdefault(name, known) is not known:
            raise NameTaken(f"there is a {self._noun} {name!r} already")
        return command

    def add_default(self, command: Command) -> Command:
        """Offer a function of a name and its parameters for all names that have none.

        Raises ConfigError for what cannot be called.
        """
        self._default = self._known(command, f"the default {self._noun}", is_idempotent=False)
        return command

    def _known(self, command: Command, what: str, *, is_idempotent: bool) -> _Known:
        if not callable(command):
            raise ConfigError(f"{what} is a function, not {type(command).__name__}")
        if inspect.iscoroutinefunction(command) and self._wait is None:
            raise ConfigError(f"{what} is async: only plain functions can be called")
        return _Known(command, signature_of(command, what), is_idempotent)

    def __contains__(self, method: str) -> bool:
        return method in self._commands

    def is_idempotent(self, method: str) -> bool:
        """Tell whether a command may be carried out twice."""
        known = self._commands.get(method)
        return known is not None and known.is_idempotent

    def describe(self) -> dict[str, JsonValue]:
        """Return by name what each command takes, returns and does.

        Parameters have a name, a JSON Schema, and a default unless they are required.
        """
        return {name: known.described() for name, known in sorted(self._commands.items())}

    def dispatch(self, method: str, params: Any, user: str | None) -> Any:
        """Carry out a call; raise RpcFault for an unknown command or unfit parameters."""
        known = self._commands.get(method)
        if known is None:
            return self._fall_back(method, params, user)
        args, named = known.signature.bind(method, params, user)
        result = known.command(*args, **named)
        if self._wait is not None and inspect.iscoroutine(result):
            return self._wait(result)
        return result

    def _fall_back(self, method: str, params: Any, user: str | None) -> Any:
        if self._default is None:
            near = difflib.get_close_matches(method[:_LONGEST_NAME], self._commands, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise RpcFault(METHOD_NOT_FOUND, f"no {self._noun} {method[:_LONGEST_NAME]!r}{hint}")
        caller = {"user": user} if self._default.signature.takes_user else {}
        return self._default.command(method, params, **caller)
