"""The gateway of ``clacks-events serve``: from settings to a gateway that can be started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clacks_events.agent import Agent
from clacks_events.agent.settings import AgentSettings, GatewaySettings
from clacks_events.errors import ConfigError

if TYPE_CHECKING:
    from clacks_events.gateway import Gateway, GatewayOptions

_EXTRA = ("httptools", "prometheus_client", "starlette", "uvicorn", "websockets")


def gateway_of(agent: Agent, settings: AgentSettings) -> Gateway | None:
    """Return the gateway that the settings ask for, not yet started. Raises ConfigError."""
    if settings.http is None:
        if settings.gateway != GatewaySettings():
            raise ConfigError('the table gateway needs an address: http = "HOST:PORT"')
        return None
    try:
        # Here, because what it needs is an extra.
        from clacks_events.gateway import Gateway
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise ConfigError("--http needs an extra: pip install 'clacks-events[gateway]'") from error
    return Gateway(agent, settings.http, options=_options(settings.gateway))


def _options(said: GatewaySettings) -> GatewayOptions:
    from clacks_events import gateway

    access = gateway.AccessOptions(
        **_given(said, "hosts", "origins", "anonymous", "user_header", "proxies"),
        **_given(said, "rate", "burst", "requests", "body"),
    )
    return gateway.GatewayOptions(
        access=access,
        limits=gateway.Limits(**_given(said, "streams", "streams_per_client")),
        connections=gateway.ConnectionLimits(
            **_given(said, "connections", "connections_per_address")
        ),
        history=gateway.HistoryOptions(**_given(said, "linger", events="history")),
        xerus=gateway.XerusOptions(**_given(said, "channel_expiry")),
        tls=_tls(said),
        **_given(said, "heartbeat"),
    )


def _given(said: GatewaySettings, *names: str, **renamed: str) -> dict[str, Any]:
    """Return the settings that say something, under the names of the options."""
    wanted = {**{name: name for name in names}, **renamed}
    found = {option: getattr(said, name) for option, name in wanted.items()}
    return {option: value for option, value in found.items() if value is not None}


def _tls(said: GatewaySettings) -> Any:
    from clacks_events.gateway import Tls

    if said.certificate is None and said.private_key is None:
        return None
    if said.certificate is None or said.private_key is None:
        raise ConfigError("TLS needs both: gateway.certificate and gateway.private_key")
    return Tls(said.certificate, said.private_key)
