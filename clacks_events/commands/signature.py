"""A function as a command: which parameters it takes, and how a call's become them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clacks_events.commands.annotations import Misfit, convert, resolved, schema_of
from clacks_events.errors import ConfigError
from clacks_events.event import JsonValue
from clacks_events.rpc import INVALID_PARAMS, RpcFault

__all__ = ["Arguments", "Signature", "signature_of"]

_USER = "user"  # a parameter of this name is filled with who calls, never by the caller
_NONE = inspect.Parameter.empty
_OPEN = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
_LONGEST = 300  # characters of a reason, which may quote the caller

Arguments = tuple[list[Any], dict[str, Any]]
"""Positional and named ones."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    kind: Any
    """The type of its values; what is Any is not checked."""
    schema: Mapping[str, JsonValue]
    default: Any
    is_by_name: bool

    def value(self, method: str, given: Mapping[str, Any]) -> Any:
        """Return its value in a call; raise RpcFault for none, or one of another type."""
        found = given.get(self.name, _NONE)
        if found is _NONE:
            if self.default is _NONE:
                raise _unfit(method, self.name, "missing")
            return self.default
        if self.kind is Any:
            return found
        try:
            return convert(found, self.kind)
        except Misfit as error:
            raise _unfit(method, self.name, error.reason, error.where) from error

    def described(self) -> dict[str, JsonValue]:
        said: dict[str, JsonValue] = {
            "name": self.name,
            "schema": dict(self.schema),
            "required": self.default is _NONE,
        }
        if isinstance(self.default, bool | int | float | str | None):
            said["default"] = self.default
        return said


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a command, in their order."""

    parameters: tuple[_Parameter, ...]
    returns: Mapping[str, JsonValue] | None
    """The JSON Schema of the result, if anything is said about it."""

    @property
    def offered(self) -> tuple[_Parameter, ...]:
        """Those that a caller may give."""
        return tuple(each for each in self.parameters if each.name != _USER)

    @property
    def takes_user(self) -> bool:
        """Whether it wants to know who calls."""
        return len(self.offered) < len(self.parameters)

    def bind(self, method: str, params: list[Any] | dict[str, Any], user: str | None) -> Arguments:
        """Return the arguments for a call.

        Raises RpcFault for parameters that do not fit, with ``data`` of parameter, path and
        reason.
        """
        given = self._named(method, params) if isinstance(params, list) else dict(params)
        self._check_names(method, given)
        given[_USER] = user
        args: list[Any] = []
        named: dict[str, Any] = {}
        for parameter in self.parameters:
            value = parameter.value(method, given)
            if parameter.is_by_name:
                named[parameter.name] = value
            else:
                args.append(value)
        return args, named

    def _named(self, method: str, params: list[Any]) -> dict[str, Any]:
        names = [each.name for each in self.offered if not each.is_by_name]
        if len(params) > len(names):
            reason = f"too many positional arguments: {len(params)} instead of {len(names)}"
            raise _unfit(method, "", reason)
        return dict(zip(names, params, strict=False))

    def _check_names(self, method: str, given: Mapping[str, Any]) -> None:
        names = [each.name for each in self.offered]
        for name in given:
            if name == _USER:
                raise _unfit(method, _USER, f"{_USER!r} is who calls, not a parameter")
            if name not in names:
                near = difflib.get_close_matches(name[:_LONGEST], names, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise _unfit(method, name[:_LONGEST], f"no such parameter{hint}")


def _unfit(method: str, name: str, reason: str, where: str = "") -> RpcFault:
    path, reason = f"{name}{where}", reason[:_LONGEST]
    data: dict[str, JsonValue] = {"parameter": name, "path": path, "reason": reason}
    said = f"{path}: {reason}" if path else reason
    return RpcFault(INVALID_PARAMS, f"{method}: {said}", data)


def signature_of(command: Callable[..., Any], what: str) -> Signature:
    """Return the parameters of a function; ``what`` names it in errors.

    Raises ConfigError for what cannot be called, for ``*args`` and ``**kwargs``, and for a type
    that no JSON has.
    """
    try:
        found = inspect.signature(command)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what} does not tell its parameters: {error}") from error
    parameters = tuple(_parameter(command, each, what) for each in found.parameters.values())
    return Signature(parameters, _returns(command, found.return_annotation))


def _parameter(command: Callable[..., Any], said: inspect.Parameter, what: str) -> _Parameter:
    if said.kind in _OPEN:
        raise ConfigError(
            f"{what} takes {_OPEN[said.kind]}{said.name}: each parameter needs a name and a place"
        )
    kind: Any = Any
    schema: Mapping[str, JsonValue] = {}
    if said.annotation is not _NONE and said.name != _USER:
        try:
            kind = resolved(command, said.annotation)
            schema = {} if kind is Any else schema_of(kind)
        except ConfigError as error:
            raise ConfigError(f"{what}, parameter {said.name!r}: {error}") from error
    is_by_name = said.kind is inspect.Parameter.KEYWORD_ONLY
    return _Parameter(said.name, kind, schema, said.default, is_by_name)


def _returns(command: Callable[..., Any], annotation: object) -> Mapping[str, JsonValue] | None:
    if annotation is _NONE:
        return None
    try:
        kind = resolved(command, annotation)
        return {} if kind is Any else schema_of(kind)
    except ConfigError:
        # What it returns is only described, and what has no JSON form is told when it is called.
        return None
