"""The words of the program in the language of the person: ``tr`` and its sisters.

English is in the code and is its own translation. Another language is a gettext catalogue,
``resources/translations/CODE.mo``, which `resources/translations/catalogue.py` makes from the
``.po`` that people edit. The language of a process is fixed at its first word: it is the one that
``use`` was told, or the variable ``LEAFSPOT_LANGUAGE``, which the window sets for its workers, or
the locale's. Files for other programs (tables, manifests, logs) are not written through here.
Knows languages and their figures; knows no widget, no setting and no sentence.
"""

from __future__ import annotations

import gettext
import os
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CATALOGUES = Path(__file__).resolve().parents[1] / "resources" / "translations"
VARIABLE = "LEAFSPOT_LANGUAGE"
ENGLISH = "en"
# Every letter is swapped for one that reads like it, so that a text which was never handed to
# ``tr`` stands out on the screen; for the tests, and for whoever adds a screen.
PSEUDO = "pseudo"
# What each language calls itself; for the list to choose from.
NAMES = {ENGLISH: "English", "pt_BR": "Português (Brasil)"}
# Separators of thousands and decimals where they are not English: CLDR 46, symbols of "latn".
_FIGURES = {"pt_BR": (".", ",")}
_SWAPPED = str.maketrans("aeiouyAEIOUYcnsCNS", "àéîõüýÀÉÎÕÜÝçñšÇÑŠ")
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


class _Pseudo(gettext.NullTranslations):
    """Every letter outside the braces changed, nothing else."""

    def gettext(self, message: str) -> str:
        try:
            parts = list(string.Formatter().parse(message))
        except ValueError:  # braces of its own: a text without places to fill
            return message.translate(_SWAPPED)
        return "".join(_swap(*part) for part in parts)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


def _swap(text: str, field: str | None, spec: str | None, conversion: str | None) -> str:
    text = text.translate(_SWAPPED).replace("{", "{{").replace("}", "}}")
    if field is None:
        return text
    kept = field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
    return f"{text}{{{kept}}}"


class _Words:
    """One language: its catalogue and its figures."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.thousands, self.point = _FIGURES.get(code, (",", "."))
        self.catalogue = _catalogue(code)
        self.formatter = _Figures(self)


def _catalogue(code: str) -> gettext.NullTranslations:
    if code == PSEUDO:
        return _Pseudo()
    file = CATALOGUES / f"{code}.mo"
    if code == ENGLISH or not file.is_file():
        return gettext.NullTranslations()
    with file.open("rb") as stream:
        return gettext.GNUTranslations(stream)


class _Figures(string.Formatter):
    """``str.format`` whose numbers carry the separators of the language; “38 %” for ``.0%``."""

    def __init__(self, words: _Words) -> None:
        self._thousands, self._point = words.thousands, words.point

    def format_field(self, value: Any, format_spec: str) -> str:
        text: str = super().format_field(value, format_spec)
        if not isinstance(value, int | float):
            return text
        if format_spec.endswith("%"):  # as every other percentage of the program is written
            text = f"{text[:-1]} %"
        return self.separated(text)

    def separated(self, figure: str) -> str:
        return figure.translate({ord(","): self._thousands, ord("."): self._point})


_now: _Words | None = None


def languages() -> tuple[str, ...]:
    """The codes that can be used: ``en``, then every catalogue there is, by code."""
    return (ENGLISH, *sorted(file.stem for file in CATALOGUES.glob("*.mo")))


def closest(wanted: str) -> str:
    """The language to use for a locale such as ``pt_PT.UTF-8`` or ``pt-BR``; ``en`` for others."""
    plain = wanted.partition(".")[0].partition("@")[0].replace("-", "_")
    if plain == PSEUDO:
        return PSEUDO
    known = languages()
    if plain in known:
        return plain
    family = plain.partition("_")[0]
    return next((code for code in known if code.partition("_")[0] == family), ENGLISH)


def use(code: str) -> None:
    """Speak ``code`` from now on; what was said before keeps its words."""
    global _now
    _now = _Words(closest(code))


def _words() -> _Words:
    if _now is None:
        use(os.environ.get(VARIABLE) or _of_locale(os.environ))
    assert _now is not None
    return _now


def _of_locale(environment: Mapping[str, str]) -> str:
    return next((environment[name] for name in _LOCALE if environment.get(name)), ENGLISH)


def current() -> str:
    """The code of the language in use."""
    return _words().code


def tr(text: str, /, **values: object) -> str:
    """``text`` in the language in use, its ``{names}`` filled from ``values``.

    ``text`` has to be a literal, for it is what translators are shown; without ``values`` braces
    are ordinary characters.
    """
    words = _words()
    said = words.catalogue.gettext(text)
    return words.formatter.vformat(said, (), values) if values else said


def trn(one: str, many: str, n: int, /, **values: object) -> str:
    """``one`` or ``many``, as the language counts ``n``; ``{n}`` stands for it in both."""
    words = _words()
    said = words.catalogue.ngettext(one, many, n)
    return words.formatter.vformat(said, (), {"n": n, **values})


def trc(context: str, text: str, /, **values: object) -> str:
    """As ``tr``, for a word that other languages say in several ways; ``context`` tells which."""
    words = _words()
    said = words.catalogue.pgettext(context, text)
    return words.formatter.vformat(said, (), values) if values else said


def separated(figure: str) -> str:
    """A ``figure`` that was written the English way, with the separators of the language."""
    return _words().formatter.separated(figure)


def number_text(value: float, spec: str = "") -> str:
    """``value`` by the format ``spec``, with the separators of the language in use."""
    return _words().formatter.format_field(value, spec)


def either(texts: Sequence[str]) -> str:
    """“a”, “a or b”, “a, b or c” in the language in use."""
    if len(texts) < 2:
        return "".join(texts)
    return tr("{some} or {last}", some=", ".join(texts[:-1]), last=texts[-1])


def listed(texts: Sequence[str]) -> str:
    """“a”, “a and b”, “a, b and c” in the language in use."""
    if len(texts) < 2:
        return "".join(texts)
    return tr("{some} and {last}", some=", ".join(texts[:-1]), last=texts[-1])
