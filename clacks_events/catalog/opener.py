"""The shelf as xmlschema asks for it: through urllib, of which it needs only ``file:`` URLs.

A module of its own because urllib.request takes 25 ms to import.
"""

from __future__ import annotations

from email.message import Message
from io import BytesIO
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import BaseHandler, OpenerDirector, Request
from urllib.response import addinfourl

from clacks_events.catalog.documents import is_bundled
from clacks_events.catalog.shelf import Shelf

__all__ = ["opener"]


def opener(shelf: Shelf) -> OpenerDirector:
    """Return an opener that serves ``file:`` URLs from the shelf and refuses all else."""
    director = OpenerDirector()
    director.add_handler(_Handler(shelf))
    return director


class _Handler(BaseHandler):
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def file_open(self, request: Request) -> addinfourl:
        url = request.full_url
        document = self._shelf.find(url)
        if document is not None:
            return addinfourl(BytesIO(document.data), Message(), url)
        path = Path(unquote(urlsplit(url).path))
        if not is_bundled(path):
            raise URLError(f"{path} is no part of this schema")
        return addinfourl(BytesIO(path.read_bytes()), Message(), url)

    def unknown_open(self, request: Request) -> addinfourl:
        raise URLError(f"{request.full_url} is not a local file")
