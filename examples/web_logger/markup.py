"""HTML of which every text is escaped, and the looks of the page."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlencode

__all__ = ["STYLE_HASH", "Markup", "element", "link", "page", "printable", "table"]

_EMPTY = ("input", "meta", "option")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


_STYLE = Markup("""
:root { color-scheme: light dark; --line: #8884; --link: light-dark(#05a, #8bf) }
body { font: 15px/1.45 system-ui, sans-serif; margin: auto; max-width: 80rem; padding: 0 1rem 2rem }
header { display: flex; gap: 1.2rem; padding: .8rem 0; border-bottom: 1px solid var(--line) }
header strong { margin-right: auto }
h1 { font-size: 1.3rem }
a { color: var(--link) }
form { display: inline-flex; flex-wrap: wrap; gap: .6rem; align-items: end;
  margin: .6rem .6rem .2rem 0; vertical-align: bottom }
label { display: grid; font-size: .85rem }
input, button { font: inherit; padding: .25rem .5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; unicode-bidi: isolate }
td:not(:last-child) { min-width: 8.5rem; max-width: 18rem }
td form { margin: 0 }
time { display: block; max-width: 14rem; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; font-variant-numeric: tabular-nums }
summary { cursor: pointer }
pre { background: #8881; padding: .6rem; max-height: 24rem; overflow: auto;
  white-space: pre-wrap; overflow-wrap: anywhere }
""")

STYLE_HASH: Final = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
"""What a Content-Security-Policy allows this style sheet, and no other, by."""


def printable(text: str, newline: str = "\n") -> str:
    """Return text in which what steers a terminal, or turns the writing, is seen instead."""
    return newline.join(map(_printable, text.split("\n")))


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in line
    )


def element(tag: str, /, *content: str, **attributes: str) -> Markup:
    """Return an HTML element; content that is not Markup is text."""
    given = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    inner = "".join(
        each if isinstance(each, Markup) else html.escape(printable(each)) for each in content
    )
    end = "" if tag in _EMPTY else f"</{tag}>"
    return Markup(f"<{tag}{given}>{inner}{end}")


def link(text: str, path: str, **parameters: str) -> Markup:
    """Return a link to a path of this server: nothing in the parameters leads elsewhere."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return element("a", text, href=f"{path}?{query}" if query else path)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table with a row of headings."""
    body = (element("tr", *(element("td", cell) for cell in row)) for row in rows)
    headings = element("tr", *(element("th", name) for name in head))
    return element("table", element("thead", headings), element("tbody", *body))


def page(title: str, *content: str) -> str:
    """Return a whole document."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", f"{title} - events logger"),
        element("style", _STYLE),
    )
    links = (link("Events", "/"), link("Registrations", "/regs"), link("Settings", "/config"))
    top = element("header", element("strong", "Events logger"), *links)
    body = element("body", top, element("main", element("h1", title), *content))
    return f"<!DOCTYPE html>{element('html', head, body, lang='en')}"
