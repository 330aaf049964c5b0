"""A bad network between a client and a broker."""

from __future__ import annotations

import socket
import threading

__all__ = ["Forwarder"]


class Forwarder:
    """A TCP relay that can be frozen, as by a cable that was pulled, and can lose its clients."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.flows = threading.Event()
        self.flows.set()
        self._sockets: list[socket.socket] = [self._server]
        self._clients: list[socket.socket] = []
        self._lost: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                target = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [client, target]
            self._clients.append(client)
            for pair in ((client, target), (target, client)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self.flows.wait()
                target.sendall(data)
            if source not in self._lost:
                target.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def lose_clients(self) -> None:
        """Cut those connected now off without a word to the broker, who takes them for alive."""
        clients, self._clients = self._clients, []
        self._lost.update(clients)
        for client in clients:
            client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.flows.set()
        for item in self._sockets:
            item.close()
