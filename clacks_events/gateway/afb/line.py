"""The text messages of one WebSocket."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from clacks_events.gateway.afb.frames import NOT_TEXT, Hangup

__all__ = ["Line"]


class Line:
    """Sends and receives text until either side hangs up."""

    def __init__(self, socket: WebSocket, stall: float) -> None:
        """Take an accepted socket; one that takes nothing for ``stall`` seconds is given up."""
        self._socket = socket
        self._stall = stall

    async def receive(self) -> str:
        """Return the next message. Raises Hangup: the peer is gone, or sent no text."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise Hangup
        text = message.get("text")
        if not isinstance(text, str):
            raise Hangup(NOT_TEXT, "text frames only")
        return text

    async def send(self, text: str) -> None:
        """Send a message, as soon as the socket takes it. Raises Hangup."""
        try:
            async with asyncio.timeout(self._stall):
                await self._socket.send({"type": "websocket.send", "text": text})
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
            # RuntimeError: the server closed it meanwhile, for a ping that nobody answered.
            raise Hangup from error

    async def close(self, hangup: Hangup) -> None:
        """Say why, to a peer that is still there."""
        if hangup.code is None:
            return
        try:
            async with asyncio.timeout(self._stall):
                await self._socket.close(hangup.code, hangup.reason)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            # It went first: there is nobody to tell.
            return
