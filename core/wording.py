"""How many of what, in words: the one place that knows when English takes its plural.

Knows no figure and no disease.
"""

from __future__ import annotations


def count(number: int, one: str, many: str = "") -> str:
    """“1 leaf”, “1,200 leaves”: ``many`` for every number but 1, ``one`` with an s where it is "".

    Either may be longer than a noun, so that the verb agrees: ``"leaf has", "leaves have"``.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
