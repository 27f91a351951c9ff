"""Every setting of the program as one table; the dialog and the tests are drawn from it.

Knows names, kinds, defaults and their wording; knows neither where they are kept nor any widget.
A value that does not fit its kind reads as the default: a settings file is edited by strangers.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import Bug
from core.language import NAMES, languages, tr

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One of ``options``, (value, wording) pairs; or the ids of ``registry``, a core package."""

    options: tuple[tuple[str, str], ...] = ()
    registry: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from ``low`` to ``high``, shown with ``unit``."""

    low: int
    high: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """On or off."""


@dataclass(frozen=True, slots=True)
class Text:
    """One line of at most ``longest`` characters."""

    longest: int = 200


Kind = Choice | Number | Flag | Text


@dataclass(frozen=True, slots=True)
class Setting:
    """``group`` "" keeps a setting out of the dialog (its own panel sets it)."""

    key: str
    kind: Kind
    default: Value
    title: str
    group: str = ""
    note: str = ""


SETTINGS = (
    Setting(
        "appearance.theme",
        Choice((("auto", tr("As the system")), ("light", tr("Light")), ("dark", tr("Dark")))),
        "auto",
        tr("Colours"),
        tr("Appearance"),
    ),
    Setting(
        "appearance.language",
        Choice((("auto", tr("As the system")), *((c, NAMES.get(c, c)) for c in languages()))),
        "auto",
        tr("Language"),
        tr("Appearance"),
        tr("From the next start of Leafspot on."),
    ),
    Setting(
        "appearance.mask_opacity",
        Number(10, 90, " %"),
        45,
        tr("Opacity of the outlines"),
        tr("Appearance"),
    ),
    Setting(
        "appearance.hatching",
        Flag(),
        True,
        tr("A pattern for each disease"),
        tr("Appearance"),
        tr("Tells lesions of different diseases apart without their colours."),
    ),
    Setting(
        "gallery.thumbnail",
        Number(64, 240, " px"),
        100,
        tr("Size of the gallery pictures"),
        tr("Appearance"),
    ),
    Setting(
        "label.author",
        Text(80),
        "",
        tr("Your name"),
        tr("Labelling"),
        tr("Kept with every region you outline, so that a team can tell who drew what."),
    ),
    Setting(
        "label.advance",
        Flag(),
        True,
        tr("Go to the next photo after “Done”"),
        tr("Labelling"),
    ),
    Setting(
        "label.undo_megabytes",
        Number(16, 2048, " MB"),
        256,
        tr("Memory for undo"),
        tr("Labelling"),
        tr("A brush stroke takes a few kilobytes; the oldest steps are forgotten first."),
    ),
    Setting(
        "assistant.prepared_gigabytes",
        Number(0, 500, " GB"),
        5,
        tr("Space for prepared photos"),
        tr("Labelling"),
        tr(
            "The assistant keeps what it saw in the project, so that nobody waits for it twice. "
            "What was used longest ago goes first; 0 keeps nothing."
        ),
    ),
    Setting(
        "assistant.wakes_early",
        Flag(),
        True,
        tr("Wake the assistant before the first click"),
        tr("Labelling"),
        tr("It takes some hundred megabytes of memory while the window is open."),
    ),
    Setting("assistant.engine", Choice(registry="core.engines"), "leaf", tr("Assistant")),
    Setting("assistant.checkpoint", Text(4000), "", tr("Weights file of the assistant")),
    Setting("label.tolerance", Number(1, 100), 12, tr("Tolerance of the magic wand")),
    Setting("label.grow", Number(1, 100, " px"), 1, tr("Grow and shrink by")),
    Setting("label.smooth", Number(1, 50, " px"), 2, tr("Smooth over")),
    Setting("label.specks", Number(2, 100_000, " px"), 20, tr("Specks are smaller than")),
    Setting("label.inside_leaf", Flag(), False, tr("Keep new lesion pixels inside the leaf")),
    Setting(
        "label.overlap",
        Choice((("allow", tr("May overlap")), ("take", tr("Take")), ("keep_out", tr("Keep out")))),
        "allow",
        tr("New lesions over others"),
    ),
    Setting("label.brush", Number(1, 300, " px"), 20, tr("Brush radius")),
)

BY_KEY = {setting.key: setting for setting in SETTINGS}


def setting(key: str) -> Setting:
    """The entry called ``key``. Raises Bug when there is none."""
    if key not in BY_KEY:
        raise Bug(f"there is no setting {key!r}")
    return BY_KEY[key]


def clean(key: str, raw: object) -> Value:
    """``raw``, as it was read from somewhere, if it fits the setting; its default otherwise.

    INI files give back texts: "true" and "20" are understood.
    """
    entry = setting(key)
    match entry.kind:
        case Flag():
            return {"true": True, "false": False}.get(str(raw).lower(), entry.default)
        case Number(low, high):
            text = str(raw)
            fits = text.lstrip("-").isdecimal() and low <= int(text) <= high
            return int(text) if fits and not isinstance(raw, bool) else entry.default
        case Choice(options) if options:
            return raw if isinstance(raw, str) and raw in dict(options) else entry.default
        case Choice():
            return raw if isinstance(raw, str) and raw else entry.default
        case Text(longest):
            return raw if isinstance(raw, str) and len(raw) <= longest else entry.default
