"""How photo and outlines are shown: the Display menu, its keys and its panel all end here.

Knows the canvas's look and its mask styles; keeps brightness and channel as long as the program
runs, opacity and patterns in the preferences. Changes no photo and no label.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.language import tr
from gui.canvas.look import CHANNELS, LIMIT, PLAIN, Channel
from gui.canvas.mask_layer import MaskMode
from gui.canvas.view import CanvasView
from gui.context import Context
from gui.held_key import HeldKey

STEP = 10
OPACITY = "appearance.mask_opacity"
HATCHING = "appearance.hatching"
TONES = {
    "look.brighter": ("brightness", 1),
    "look.darker": ("brightness", -1),
    "look.more_contrast": ("contrast", 1),
    "look.less_contrast": ("contrast", -1),
    "look.lighter_shadows": ("gamma", 1),
    "look.darker_shadows": ("gamma", -1),
}
"""Which action moves which part of the look, and where to."""


class ViewActions(QObject):
    """``changed`` fires when something is shown differently."""

    changed = Signal()

    def __init__(self, context: Context, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._context, self._canvas = context, canvas
        self._outline = self._hidden = self._peeking = False
        on, toggled = context.actions.on, context.actions.on_toggled
        for action, (part, way) in TONES.items():
            on(action, partial(self._step_tone, part, way))
        on("look.next_channel", partial(self._step_channel, 1))
        on("look.previous_channel", partial(self._step_channel, -1))
        on("look.reset", self.reset)
        on("mask.fainter", partial(self._step_opacity, -STEP))
        on("mask.stronger", partial(self._step_opacity, STEP))
        toggled("mask.outline", self._set_outline)
        toggled("mask.hatching", partial(context.preferences.put, HATCHING))
        toggled("view.masks", self._set_hidden)
        HeldKey(context.actions["mask.peek"], self._peek)
        context.preferences.changed.connect(self._preference_changed)
        for key in (OPACITY, HATCHING):
            self._preference_changed(key)

    @property
    def opacity(self) -> int:
        """Of the outlines' fill, in percent."""
        return self._context.preferences.number(OPACITY)

    def set_opacity(self, percent: int) -> None:
        """Kept for the next time; between the limits of the setting."""
        self._context.preferences.put(OPACITY, min(90, max(10, percent)))

    @property
    def outlined(self) -> bool:
        """Whether regions are shown by their outlines only."""
        return self._outline

    @property
    def patterned(self) -> bool:
        """Whether diseases are told apart by more than colours: dashes where ``outlined``."""
        return self._canvas.regions.hatched

    def tone(self, part: str) -> int:
        """ "brightness", "contrast" or "gamma", −100 to 100."""
        return int(getattr(self._canvas.look, part))

    def set_tone(self, part: str, value: int) -> None:
        value = min(LIMIT, max(-LIMIT, value))
        self._canvas.look = replace(self._canvas.look, **{part: value})  # type: ignore[arg-type]
        self.changed.emit()

    @property
    def channel(self) -> Channel:
        return self._canvas.look.channel

    def set_channel(self, channel: Channel) -> None:
        """Show that part of the photo."""
        self._canvas.look = replace(self._canvas.look, channel=channel)
        self.changed.emit()

    @property
    def altered(self) -> bool:
        """Whether the photo is shown otherwise than it is."""
        return self._canvas.look != PLAIN

    @property
    def altered_words(self) -> str:
        """The channel, or that brightness or contrast are others; "" for the photo as it is."""
        if self.channel is not Channel.COLOUR:
            return self.channel.value
        return tr("Brightness changed") if self.altered else ""

    def reset(self) -> None:
        """The photo as it is."""
        self._canvas.look = PLAIN
        self.changed.emit()

    def _step_tone(self, part: str, way: int) -> None:
        self.set_tone(part, self.tone(part) + way * STEP)

    def _step_channel(self, step: int) -> None:
        self.set_channel(CHANNELS[(CHANNELS.index(self.channel) + step) % len(CHANNELS)])

    def _step_opacity(self, step: int) -> None:
        self.set_opacity(self.opacity + step)

    def _set_outline(self, only: bool) -> None:
        self._outline = only
        self._show_masks()

    def _set_hidden(self, hidden: bool) -> None:
        self._hidden = hidden
        self._show_masks()

    def _peek(self, held: bool) -> None:
        self._peeking = held
        self._show_masks()

    def _show_masks(self) -> None:
        if self._hidden or self._peeking:
            self._canvas.mask_mode = MaskMode.HIDDEN
        else:
            self._canvas.mask_mode = MaskMode.OUTLINE if self._outline else MaskMode.FILL
        self.changed.emit()

    def _preference_changed(self, key: str) -> None:
        if key == OPACITY:
            self._canvas.mask_opacity = self.opacity / 100
        elif key == HATCHING:
            hatched = bool(self._context.preferences.get(HATCHING))
            self._canvas.regions.hatched = hatched
            self._canvas.regions.restyle()
            self._context.actions["mask.hatching"].setChecked(hatched)
        else:
            return
        self.changed.emit()
