"""An agent: a process on the bus that carries out commands for others."""

from __future__ import annotations

from clacks_events.agent.agent import Agent, AgentOptions

__all__ = ["Agent", "AgentOptions"]
