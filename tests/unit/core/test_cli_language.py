"""The command line speaks the language of the locale; the words that are typed stay."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.language import VARIABLE

ROOT = Path(__file__).resolve().parents[3]


def leafspot(*words: str, locale: str) -> tuple[str, str]:
    """Output and errors of a process of its own, in which no variable names a language."""
    bare = {k: v for k, v in os.environ.items() if k not in (VARIABLE, "LC_ALL", "LC_MESSAGES")}
    done = subprocess.run(
        [sys.executable, "-m", "core.cli", *words],
        cwd=ROOT, env=bare | {"LANG": locale, "PYTHONUTF8": "1"},
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    return done.stdout, done.stderr


def test_help_is_in_the_language_of_the_locale() -> None:
    said, _ = leafspot("train", "--help", locale="pt_BR.UTF-8")
    assert said.startswith("uso: leafspot train [-h] --base ID")
    assert "opções:" in said
    assert "--resume continua o último treino" in " ".join(said.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("import",), "Falta indicar: PROJECT, PATH. Veja “leafspot import --help”.\n"),
        (("hard", "x", "--below", "3"),
         "Argumento --below: “3” não serve: um Dice fica entre 0 e 1. "
         "Veja “leafspot hard --help”.\n"),
        (("check", "a", "--foo"), "Argumentos desconhecidos: --foo. Veja “leafspot --help”.\n"),
    ],
)  # fmt: skip
def test_a_refusal_is_whole_in_one_language(words: tuple[str, ...], sentence: str) -> None:
    assert leafspot(*words, locale="pt_BR.UTF-8")[1] == sentence


def test_a_locale_without_a_translation_gets_english() -> None:
    assert leafspot("--help", locale="de_DE.UTF-8")[0].startswith(
        "usage: leafspot [-h] [--version] VERB"
    )


def test_published_scales_tell_their_source_in_the_language_and_keep_names_and_grades() -> None:
    """Their names go into tables, which are the same in every language."""
    program = (
        "from core.domain.scale import PUBLISHED, Scales\n"
        "print([s.title for s in PUBLISHED], 'sadia' in Scales().chosen.source,"
        " Scales().chosen.grade(7.0))"
    )
    bare = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LC_MESSAGES")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=bare | {VARIABLE: "pt_BR", "PYTHONUTF8": "1"},
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    titles = ["Coffee leaf, 0–4", "Horsfall–Barratt, 1–12", "Leaf disease, 1–9"]
    assert done.stdout == f"{titles} True 2\n"
