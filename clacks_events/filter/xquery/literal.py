"""The content of string literals: doubled quotes, entities and character references."""

from __future__ import annotations

import re
from typing import Final

from clacks_events.errors import FilterSyntaxError

__all__ = ["decode"]

_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_REFERENCE: Final = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#(\d+)|#x([\da-fA-F]+));")


def decode(text: str, start: int, end: int, quote: str) -> str:
    """Return what a literal between ``start`` and ``end`` stands for.

    ``quote`` is its delimiter, doubled inside. Line ends are normalised as XQuery 3.1 §A.2.3
    asks for. Raises FilterSyntaxError at a bare ``&`` or at a character that XML does not allow.
    """
    parts, position = [], start
    while (mark := text.find("&", position, end)) >= 0:
        parts += [_plain(text[position:mark], quote), _reference(text, mark)]
        position = text.index(";", mark) + 1
    return "".join([*parts, _plain(text[position:end], quote)])


def _plain(text: str, quote: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace(quote * 2, quote) if quote else text


def _reference(text: str, mark: int) -> str:
    match = _REFERENCE.match(text, mark)
    if match is None:
        reason = "A & in a string is written &amp; [XPST0003]"
        raise FilterSyntaxError(reason, text, (mark, mark + 1))
    if match[1]:
        return _ENTITIES[match[1]]
    # Nine digits are too many for a character in either base, and never slow to convert.
    code = (
        int(match[2].lstrip("0")[:9] or "0")
        if match[2]
        else int(match[3].lstrip("0")[:9] or "0", 16)
    )
    if not _is_xml_char(code):
        reason = "The character reference is not a character of XML [XQST0090]"
        raise FilterSyntaxError(reason, text, match.span())
    return chr(code)


def _is_xml_char(code: int) -> bool:
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )
