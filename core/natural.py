"""The order in which people count: leaf 3 before leaf 23, plot 2 before plot 10, without case.

Knows text alone.
"""

from __future__ import annotations

import re
import unicodedata

_NUMBER = re.compile(r"\d+")
_LONGEST = 0x1000
"""Digits whose number is told in the key; longer ones are alike in length."""


def natural(text: str) -> str:
    """A text that sorts, sign by sign, as ``text`` does for people; a database can keep it.

    Each run of digits stands for its number, whatever its script and its leading zeros: a "0", a
    sign for how many digits follow, and the digits. Not for showing.
    """
    return _NUMBER.sub(_number, unicodedata.normalize("NFC", text).casefold())


def _number(found: re.Match[str]) -> str:
    digits = found[0]
    if not digits.isascii():
        digits = "".join(str(unicodedata.decimal(digit)) for digit in digits)
    digits = digits.lstrip("0")
    return f"0{chr(0x30 + min(len(digits), _LONGEST))}{digits}"
