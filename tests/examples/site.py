"""A web events logger that runs as a program, and events for it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx
from lxml import etree, html

from clacks_events import Event
from tests.harness.program import ROOT, TIMEOUT, Program
from tests.harness.waiting import wait_until

__all__ = ["CHANGES", "NAMESPACE", "PROGRAM", "Site", "call", "leave"]

PROGRAM = (sys.executable, str(ROOT / "examples" / "web_events_logger.py"))
NAMESPACE = "http://www.gonicus.de/Events"
CHANGES = ("/add", "/remove", "/rem", "/clear", "/flush", "/config", "/cfg")


class Site:
    """A logger that runs, with a client that takes no proxy from the environment."""

    def __init__(self, url: str, *arguments: str | Path, listen: str = "127.0.0.1:0") -> None:
        self._stack = ExitStack()
        given = ("--url", url, "--listen", listen, *arguments)
        self.program = self._stack.enter_context(Program(*given, command=PROGRAM))
        try:
            self.program.wait_for("Ctrl-C ends\n")
        except BaseException:
            self._stack.close()
            raise
        self.url = self.program.out.split()[4].rstrip("/;")
        self.client = self._stack.enter_context(
            httpx.Client(base_url=self.url, trust_env=False, timeout=TIMEOUT)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def get(self, path: str, **parameters: str) -> httpx.Response:
        return self.client.get(path, params=parameters or None)

    def page(self, path: str, **parameters: str) -> html.HtmlElement:
        found = self.get(path, **parameters)
        assert found.status_code == 200, found.text
        return html.document_fromstring(found.text)

    def lines(self, **parameters: str) -> list[list[str]]:
        text = self.get("/", fmt="plain", **parameters).raise_for_status().text
        return [line.split("\t") for line in text.splitlines()]

    def wait_for(self, text: str, times: int = 1) -> list[list[str]]:
        def found() -> bool:
            return sum(text in line[3] for line in self.lines()) >= times

        wait_until(found, TIMEOUT, self.program.report)
        return self.lines()

    @property
    def token(self) -> str:
        return self.page("/clear").forms[0].fields["token"] or ""

    def post(
        self, path: str, headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        return self.client.post(path, data={"token": self.token, **fields}, headers=headers)

    def registrations(self) -> list[list[str]]:
        rows = self.page("/regs").findall(".//tbody/tr")
        return [[cell.text_content() for cell in row.findall("td")[:2]] for row in rows]

    def state(self) -> tuple[object, ...]:
        """Return all that a request could have changed."""
        limit = self.page("/config").findtext(".//p")
        return self.registrations(), self.lines(), limit


def call(number: object, **fields: str) -> Event:
    """Return a PhoneStatus."""
    root = etree.Element(f"{{{NAMESPACE}}}PhoneStatus", nsmap={None: NAMESPACE})
    for name, text in {"CallerId": str(number), "ReceiverId": "300", "Status": "busy"}.items():
        etree.SubElement(root, f"{{{NAMESPACE}}}{name}").text = fields.get(name, text)
    return Event(root)


def leave(number: object) -> Event:
    """Return a NodeLeave."""
    root = etree.Element(f"{{{NAMESPACE}}}NodeLeave", nsmap={None: NAMESPACE})
    etree.SubElement(root, f"{{{NAMESPACE}}}Id").text = str(number)
    return Event(root)
