"""The window's actions as a table: id, text, shortcut, icon, and when each is enabled.

An action is enabled while all its flags are set ("project", "writable", "image", "candidate", a
workspace's id, …). Whoever knows a fact sets its flag; whoever does the work binds a function.
Knows QAction; knows no workspace and no project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from core.errors import Bug
from core.language import tr
from gui.keys_shown import with_keys
from gui.plain import plain_tip

if TYPE_CHECKING:
    from gui.theme import Theme


@dataclass(frozen=True)
class ActionSpec:
    """One line of the table. ``menu`` "" keeps the action out of the menu bar.

    ``shortcuts`` are portable texts ("Ctrl+Z"); ``needs`` are the flags that must all be set.
    ``separator`` draws a line above it in its menu; ``checkable`` actions hand their state over.
    ``sheet`` is its heading on the sheet of keys where that is not its menu.
    """

    id: str
    text: str
    menu: str = ""
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    needs: frozenset[str] = frozenset()
    sheet: str = ""
    checkable: bool = False
    separator: bool = False
    repeats: bool = False


def spec(
    id_: str,
    text: str,
    menu: str = "",
    *shortcuts: str,
    icon: str = "",
    needs: str = "",
    sheet: str = "",
    **more: bool,
) -> ActionSpec:
    """``needs`` as words: ``needs="project writable"``."""
    return ActionSpec(id_, text, menu, shortcuts, icon, frozenset(needs.split()), sheet, **more)


def line(id_: str, text: str, menu: str = "", *shortcuts: str, **more: Any) -> ActionSpec:
    """``spec`` of a text that is written here, said in the person's language."""
    # The one text given to ``tr`` that does not stand inside its brackets: the table reads better
    # so, and the catalogue takes the second word of every ``line`` as a text.
    return spec(id_, tr(text), menu, *shortcuts, **more)


# What the table calls its menus, and what the person reads.
MENUS = {
    "File": tr("File"),
    "Edit": tr("Edit"),
    "Photo": tr("Photo"),
    "Label": tr("Label"),
    "Region": tr("Region"),
    "View": tr("View"),
    "Display": tr("Display"),
    "Help": tr("Help"),
}
HAND = (
    # What hands do on the photo without an action of the table, for the sheet of keys.
    (tr("Wheel"), tr("Zoom at the pointer")),
    (tr("Shift+Wheel"), tr("Move the photo sideways")),
    (tr("Alt+Wheel"), tr("Size of the brush")),
    (tr("Hold Space, drag"), tr("Move the photo with any tool")),
    (tr("Middle button, drag"), tr("Move the photo with any tool")),
    (tr("Arrow keys"), tr("Move the photo; with Shift by half a view")),
    (tr("Right click"), tr("With “Assisted: click”: this is not part of it")),
)

TABLE = (
    line("project.new", "New project…", "File", "Ctrl+N", icon="mdi6.folder-plus-outline"),
    line("project.open", "Open project…", "File", "Ctrl+O", icon="mdi6.folder-open-outline"),
    line("project.sample", "Open sample project", "File", icon="mdi6.leaf"),
    line("project.close", "Close project", "File", "Ctrl+W", needs="project"),
    line(
        "photos.import", "Import photos…", "File", "Ctrl+I",
        icon="mdi6.image-plus", needs="project writable", separator=True,
    ),
    line("photos.prepared", "Prepared photos…", "File", needs="project"),
    line("app.preferences", "Preferences…", "File", "Ctrl+,",
         icon="mdi6.cog-outline", separator=True),
    line("app.quit", "Quit", "File", "Ctrl+Q", separator=True),
    line("edit.undo", "Undo", "Edit", "Ctrl+Z", icon="mdi6.undo", needs="label undo", repeats=True),
    line(
        "edit.redo", "Redo", "Edit", "Ctrl+Shift+Z", "Ctrl+Y",
        icon="mdi6.redo", needs="label redo", repeats=True,
    ),
    line(
        "region.delete", "Delete the chosen regions", "Edit", "Delete", "Backspace",
        icon="mdi6.trash-can-outline", needs="label region writable", separator=True,
    ),
    line(
        "photo.accept_next", "Accept, or done and next photo", "Photo", "Space",
        icon="mdi6.check-underline", needs="label image writable",
    ),
    line(
        "photo.next", "Next photo", "Photo", "N", "PgDown", "Alt+Right", separator=True,
        icon="mdi6.chevron-right", needs="label project", repeats=True,
    ),
    line(
        "photo.previous", "Previous photo", "Photo", "P", "PgUp", "Alt+Left",
        icon="mdi6.chevron-left", needs="label project", repeats=True,
    ),
    line(
        "photo.next_open", "Next photo not yet done", "Photo", "Shift+N",
        icon="mdi6.skip-next-outline", needs="label project",
    ),
    line(
        "photo.done", "Done, next photo", "Photo", "D",
        icon="mdi6.check", needs="label image writable", separator=True,
    ),
    line(
        "photo.checked", "Mark as checked", "Photo", "Shift+D",
        icon="mdi6.check-all", needs="label image writable",
    ),
    line(
        "photo.no_lesions", "No lesions on this leaf", "Photo", "H",
        icon="mdi6.leaf-circle-outline", needs="label image writable",
    ),
    line("photo.scale_card", "Scale card…", "Photo", "Ctrl+K",
         icon="mdi6.ruler", needs="label image writable"),
    line("photo.info", "Photo information", "Photo", "I", icon="mdi6.information-outline",
         needs="label image", separator=True),
    line("photos.selected", "Selected photos…", "Photo", "Shift+M", needs="label project"),
    line("photo.locate", "Locate moved photos…", "Photo", needs="project writable"),
    line("find.leaf", "Outline the leaf", "Label", "Shift+L", icon="mdi6.leaf-circle",
         needs="label image writable", separator=True),
    line("find.everything", "Find the lesions", "Label", "Ctrl+L", icon="mdi6.auto-fix",
         needs="label image writable"),
    line("find.alike", "Find more like this", "Label", "Ctrl+M",
         icon="mdi6.image-search-outline", needs="label image region writable"),
    line("find.words", "Find by its name", "Label", "Ctrl+T",
         icon="mdi6.text-search", needs="label image writable words"),
    line("find.model", "Drafts of the trained model", "Label", "Ctrl+D",
         icon="mdi6.robot-outline", needs="label image writable"),
    line("candidate.accept", "Accept the suggestion", "Label", "Return", "Enter",
         icon="mdi6.check-bold", needs="label candidate writable", separator=True),
    line("candidate.all", "Accept all suggestions", "Label", "Ctrl+Return", "Ctrl+Enter",
         needs="label suggestion writable"),
    line("candidate.extend", "Add the suggestion to the region", "Label", "Shift+Return",
         icon="mdi6.vector-union", needs="label candidate region writable"),
    line("candidate.reject", "Reject the suggestion", "Label", "J",
         needs="label suggestion writable"),
    line("candidate.next", "Next suggestion", "Label", "Tab", needs="label candidate"),
    line("candidate.previous", "Previous suggestion", "Label", "Shift+Tab",
         needs="label candidate"),
    line("candidate.cancel", "Cancel", "Label", "Esc", needs="label image"),
    line("label.diseases", "Diseases…", "Label", needs="label project writable", separator=True),
    line("label.scales", "Severity scale…", "Label", needs="label project"),
    line("kind.toggle", "Outline a leaf instead of a lesion", "Label", "L",
         icon="mdi6.leaf", needs="label image writable", checkable=True, separator=True),
    line("draw.subtract", "Take away instead of adding", "Label", "T",
         icon="mdi6.vector-difference", needs="label image writable", checkable=True),
    line("brush.smaller", "Smaller brush", "Label", "[", needs="label image", repeats=True),
    line("brush.larger", "Larger brush", "Label", "]", needs="label image", repeats=True),
    line("region.fill", "Fill holes", "Region", "Shift+F", icon="mdi6.format-color-fill",
         needs="label region writable"),
    line("region.specks", "Drop specks", "Region", "Shift+K", icon="mdi6.grain",
         needs="label region writable"),
    line("region.smooth", "Smooth the outline", "Region", "Shift+S", icon="mdi6.vector-curve",
         needs="label region writable"),
    line("region.grow", "Grow", "Region", "Ctrl+]", icon="mdi6.arrow-expand-all",
         needs="label region writable", separator=True, repeats=True),
    line("region.shrink", "Shrink", "Region", "Ctrl+[", icon="mdi6.arrow-collapse-all",
         needs="label region writable", repeats=True),
    line("region.split", "Split into its pieces", "Region", "Ctrl+Shift+G", icon="mdi6.set-split",
         needs="label region writable", separator=True),
    line("region.merge", "Merge the chosen regions", "Region", "Ctrl+G",
         icon="mdi6.vector-combine", needs="label several_regions writable"),
    line("lesions.clip", "Clip all lesions to the leaf", "Region", "Shift+I",
         icon="mdi6.vector-intersection", needs="label image writable", separator=True),
    line("lesions.inside", "Keep new lesion pixels inside the leaf", "Region",
         needs="label image writable", checkable=True),
    line("overlap.allow", "New lesions may overlap others", "Region",
         needs="label image writable", checkable=True, separator=True),
    line("overlap.take", "New lesions take the pixels of others", "Region",
         needs="label image writable", checkable=True),
    line("overlap.keep_out", "New lesions keep out of others", "Region",
         needs="label image writable", checkable=True),
    line("view.fit", "Fit the photo", "View", "F", "Ctrl+0", icon="mdi6.fit-to-screen-outline",
         needs="label image"),
    line("view.actual", "Actual pixels", "View", "Ctrl+1", icon="mdi6.numeric-1-box-outline",
         needs="label image"),
    line("view.zoom_in", "Zoom in", "View", "+", "=", icon="mdi6.magnify-plus-outline",
         needs="label image", repeats=True),
    line("view.zoom_out", "Zoom out", "View", "-", icon="mdi6.magnify-minus-outline",
         needs="label image", repeats=True),
    line("view.filter", "Filter photos", "View", "Ctrl+F", icon="mdi6.filter-outline",
         needs="label project", separator=True),
    line("mask.fainter", "Fainter outlines", "Display", ",", needs="label image", repeats=True),
    line("mask.stronger", "Stronger outlines", "Display", ".", needs="label image", repeats=True),
    line("mask.outline", "Outlines only", "Display", "O", icon="mdi6.vector-square",
         needs="label image", checkable=True),
    line("mask.hatching", "Pattern for each disease", "Display", "Shift+H",
         icon="mdi6.texture-box", needs="label image", checkable=True),
    line("view.masks", "Hide the outlines", "Display", "M", icon="mdi6.eye-off-outline",
         needs="label image", checkable=True),
    line("mask.peek", "Hide the outlines while held", "", "Q", needs="label image",
         sheet="Display"),
    line("look.brighter", "Brighter", "Display", "Ctrl+Up", needs="label image",
         separator=True, repeats=True),
    line("look.darker", "Darker", "Display", "Ctrl+Down", needs="label image", repeats=True),
    line("look.more_contrast", "More contrast", "Display", "Ctrl+Right",
         needs="label image", repeats=True),
    line("look.less_contrast", "Less contrast", "Display", "Ctrl+Left",
         needs="label image", repeats=True),
    line("look.lighter_shadows", "Lighter shadows", "Display", "Ctrl+Shift+Up",
         needs="label image", repeats=True),
    line("look.darker_shadows", "Darker shadows", "Display", "Ctrl+Shift+Down",
         needs="label image", repeats=True),
    line("look.next_channel", "Next channel", "Display", "C", needs="label image",
         separator=True, repeats=True),
    line("look.previous_channel", "Previous channel", "Display", "Shift+C",
         needs="label image", repeats=True),
    line("look.reset", "Photo as it is", "Display", "R", icon="mdi6.restore",
         needs="label image", separator=True),
    line("help.keys", "Keys", "Help", "F1", "?", icon="mdi6.keyboard-outline"),
    line("help.about", "About Leafspot", "Help", icon="mdi6.information-outline"),
)  # fmt: skip


class Actions(QObject):
    """The QActions of the table, enabled by flags. ``window`` receives their shortcuts.

    ``added`` carries the name of a menu that has one more line.
    """

    added = Signal(str)

    def __init__(self, window: QWidget, theme: Theme, specs: Iterable[ActionSpec] = TABLE) -> None:
        super().__init__(window)
        self._window, self._theme = window, theme
        self._actions: dict[str, QAction] = {}
        self._specs: dict[str, ActionSpec] = {}
        self._flags: set[str] = set()
        for line in specs:
            self.add(line)

    def add(self, line: ActionSpec) -> QAction:
        """Put one more line in the table (a workspace's own actions)."""
        if line.id in self._specs:
            raise Bug(f"two actions call themselves {line.id!r}")
        action = QAction(line.text, self)
        action.setObjectName(line.id)
        action.setShortcuts([QKeySequence(text) for text in line.shortcuts])
        action.setCheckable(line.checkable)
        action.setAutoRepeat(line.repeats)
        if line.icon:
            action.setIcon(self._theme.icon(line.icon))
        action.setToolTip(plain_tip(with_keys(line.text.rstrip("…"), action.shortcuts())))
        action.setEnabled(line.needs <= self._flags)
        self._specs[line.id], self._actions[line.id] = line, action
        self._window.addAction(action)
        self.added.emit(line.menu)
        return action

    def __getitem__(self, id_: str) -> QAction:
        return self._actions[id_]

    @property
    def specs(self) -> tuple[ActionSpec, ...]:
        return tuple(self._specs.values())

    def on(self, id_: str, function: Callable[[], object]) -> None:
        """Call ``function`` when the person triggers the action."""
        self._actions[id_].triggered.connect(lambda _checked=False: function())

    def on_toggled(self, id_: str, function: Callable[[bool], object]) -> None:
        """Call ``function`` with the new state when the person checks or unchecks it."""
        self._actions[id_].triggered.connect(lambda checked=False: function(checked))

    def set_flag(self, flag: str, on: bool) -> None:
        """A fact became true or false; the actions that need it follow."""
        if (flag in self._flags) == on:
            return
        (self._flags.add if on else self._flags.discard)(flag)
        for line in self._specs.values():
            if flag in line.needs:
                self._actions[line.id].setEnabled(line.needs <= self._flags)

    def flag(self, flag: str) -> bool:
        return flag in self._flags

    def fill_menu(self, menu: QMenu, name: str) -> None:
        """The lines of menu ``name``, in table order; what was in it goes."""
        menu.clear()
        for line in self._specs.values():
            if line.menu == name:
                if line.separator and not menu.isEmpty():
                    menu.addSeparator()
                menu.addAction(self._actions[line.id])
