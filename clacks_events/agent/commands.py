"""The commands of an agent: names, parameters, and how a call reaches them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from clacks_events.event import JsonValue
from clacks_events.rpc import INVALID_PARAMS, METHOD_NOT_FOUND, RpcFault

__all__ = ["Commands"]

Command: TypeAlias = Callable[..., Any]

_USER = "user"  # a parameter of this name is filled with who calls, never by the caller


class Commands:
    """Functions by name, described by their signatures and docstrings."""

    def __init__(self) -> None:
        self._commands: dict[str, tuple[Command, inspect.Signature]] = {}

    def add(self, command: Command) -> Command:
        """Offer a function under its own name."""
        self._commands[command.__name__] = (command, inspect.signature(command))
        return command

    def describe(self) -> dict[str, JsonValue]:
        """Return what each command takes and does."""
        return {
            name: {
                "parameters": [taken for taken in signature.parameters if taken != _USER],
                "documentation": inspect.getdoc(command) or "",
            }
            for name, (command, signature) in sorted(self._commands.items())
        }

    def dispatch(self, method: str, params: Any, user: str | None) -> JsonValue:
        """Carry out a call; raise RpcFault for an unknown command or unfit parameters."""
        if method not in self._commands:
            near = difflib.get_close_matches(method, self._commands, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise RpcFault(METHOD_NOT_FOUND, f"no command {method!r}{hint}")
        command, signature = self._commands[method]
        named = dict(params) if isinstance(params, dict) else {}
        if _USER in named:
            raise RpcFault(INVALID_PARAMS, f"{method}: {_USER!r} is who calls, not a parameter")
        if _USER in signature.parameters:
            named[_USER] = user
        try:
            bound = signature.bind(*(params if isinstance(params, list) else ()), **named)
        except TypeError as error:
            raise RpcFault(INVALID_PARAMS, f"{method}: {error}") from error
        self._check_kinds(method, bound)
        result: JsonValue = command(*bound.args, **bound.kwargs)
        return result

    @staticmethod
    def _check_kinds(method: str, bound: inspect.BoundArguments) -> None:
        for name, value in bound.arguments.items():
            annotation = bound.signature.parameters[name].annotation
            if annotation in ("str", str) and not isinstance(value, str):
                raise RpcFault(INVALID_PARAMS, f"{method}: {name} must be a string")
