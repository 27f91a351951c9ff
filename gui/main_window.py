"""The window: a menu bar, a rail of workspaces, and the page in front.

Arranges and closes; behaviour lives in controllers and workspaces. Each workspace is built when it
is first shown, so that the window itself comes up at once.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from gui.actions import MENUS, spec
from gui.context import Context
from gui.glyph import Glyph
from gui.keys_shown import Menu, with_keys
from gui.notice_view import NoticeView
from gui.plain import plain_tip
from gui.shell import Shell
from gui.workspaces import WORKSPACES, Workspace, WorkspaceSpec


class MainWindow:
    """Fills a `Shell`. ``start_page`` is shown while no project is open."""

    def __init__(self, shell: Shell, context: Context, start_page: QWidget) -> None:
        self.shell, self._context = shell, context
        self._pages: dict[str, Workspace] = {}
        self._current = ""
        self._buttons = QButtonGroup(shell)
        self._stack = QStackedWidget()
        self._start = start_page
        self._stack.addWidget(start_page)
        self._banner = Banner(context)
        self.rail = self._build_rail()
        self._assemble()
        self.notice_view = NoticeView(context.notices, context.theme, shell)
        self._menus = {name: Menu(title, shell) for name, title in MENUS.items()}
        for menu in self._menus.values():
            shell.menuBar().addMenu(menu)
        for name in MENUS:
            self._fill_menu(name)
        context.actions.added.connect(self._fill_menu)
        context.project.opened.connect(self._project_changed)
        context.navigator.requested.connect(self._navigate)
        self._project_changed()

    @property
    def current(self) -> str:
        """The id of the workspace in front; "" for the start page."""
        return self._current

    def page(self, workspace: str) -> Workspace:
        """The workspace's page, built now if it has not been yet."""
        if workspace not in self._pages:
            spec = next(s for s in WORKSPACES if s.id == workspace)
            page = spec.build(self._context)
            self._pages[workspace] = page
            self._stack.addWidget(page)
        return self._pages[workspace]

    def show_workspace(self, workspace: str) -> None:
        """Bring it to the front; "" is the start page."""
        if workspace == self._current:
            return
        if self._current:
            self._pages[self._current].left()
            self._context.actions.set_flag(self._current, False)
        self._current = workspace
        if not workspace:
            self._stack.setCurrentWidget(self._start)
            return
        page = self.page(workspace)
        self._stack.setCurrentWidget(page)
        self._context.actions.set_flag(workspace, True)
        for button in self._buttons.buttons():
            if button.objectName() == f"rail.{workspace}":
                button.setChecked(True)
        page.entered()
        page.setFocus()

    def left(self) -> None:
        """The window is closing: the workspace in front hears it as if another came up."""
        if self._current:
            self._pages[self._current].left()

    def _navigate(self, workspace: str, image: object) -> None:
        if self._context.project.info is None:
            return
        self.show_workspace(workspace)
        if image is not None:
            self.page(workspace).open_image(image)  # type: ignore[arg-type]

    def _project_changed(self) -> None:
        info = self._context.project.info
        actions = self._context.actions
        actions.set_flag("project", info is not None)
        actions.set_flag("writable", info is not None and not info.read_only)
        self.rail.setVisible(info is not None)
        self._banner.follow()
        self.shell.setWindowTitle(tr("{name} – Leafspot", name=info.name) if info else "Leafspot")
        if info is None:
            self.show_workspace("")
        elif not self._current:
            self.show_workspace(WORKSPACES[0].id)

    def _fill_menu(self, name: str) -> None:
        if name in self._menus:
            self._context.actions.fill_menu(self._menus[name], name)

    def _build_rail(self) -> QFrame:
        rail = QFrame()
        rail.setObjectName("rail")
        column = QVBoxLayout(rail)
        column.setContentsMargins(6, 8, 6, 8)
        column.setSpacing(4)
        for number, workspace in enumerate(WORKSPACES, 1):
            column.addWidget(self._rail_button(workspace, number))
        column.addStretch(1)
        return rail

    def _rail_button(self, workspace: WorkspaceSpec, number: int) -> QToolButton:
        actions, id_ = self._context.actions, f"workspace.{workspace.id}"
        line = spec(id_, workspace.title, "View", f"Ctrl+Alt+{number}", icon=workspace.icon,
                    needs="project", separator=number == 1)  # fmt: skip
        actions.add(line)
        actions.on(id_, lambda: self.show_workspace(workspace.id))
        button = QToolButton()
        button.setObjectName(f"rail.{workspace.id}")
        button.setText(workspace.title)
        button.setIcon(self._context.theme.icon(workspace.icon))
        button.setIconSize(QSize(24, 24))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setCheckable(True)
        button.setToolTip(plain_tip(with_keys(workspace.tip, actions[id_].shortcuts())))
        button.setAccessibleName(workspace.title)
        button.setAccessibleDescription(workspace.tip)
        self._buttons.addButton(button)
        button.clicked.connect(actions[id_].trigger)
        return button

    def _assemble(self) -> None:
        body = QWidget()
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self._banner)
        right.addWidget(self._stack, 1)
        row.addLayout(right, 1)
        self.shell.setCentralWidget(body)


class Banner(QFrame):
    """Says that the project is open read-only, and who holds it."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.setObjectName("banner")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(Glyph(context.theme, "mdi6.lock-outline", "accent", side=18))
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        row.addWidget(self.text, 1)

    def follow(self) -> None:
        info = self._context.project.info
        self.setVisible(info is not None and info.read_only)
        if info is not None and info.read_only:
            self.text.setText(read_only_sentence(info.locked_by))


def read_only_sentence(locked_by: str) -> str:
    """What a read-only project means and what to do about it."""
    if locked_by:
        return tr(
            "You can look but not change anything: the project is in use by "
            "{locked_by}. Close it there, then open it here again.",
            locked_by=locked_by,
        )
    return tr(
        "You can look but not change anything: the project's folder may not be written. "
        "Copy it to a folder of your own to work on it."
    )
