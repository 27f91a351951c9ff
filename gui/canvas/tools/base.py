"""What a tool is: one gesture from press to release, that ends in a plain result.

Tools know photo coordinates and the surface they are given; they know no widget, no signal and no
store. A new tool is one new file in this package that declares ``SPECS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt

from core.domain.ids import RegionId
from core.domain.mask import Box, TileKey
from core.geometry.wand import Surroundings
from core.language import tr
from core.registry import discover
from gui.canvas.document import CanvasDocument
from gui.canvas.stroke import Stroke

Band = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Pointer:
    """One pointer event: (x, y) in the photo, (wx, wy) in logical pixels of the widget.

    ``second`` is the right button, or the left one with Alt held; ``again`` is the second press
    of a double click.
    """

    x: float
    y: float
    wx: float
    wy: float
    second: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A line through ``points`` (photo coordinates) to where the pointer is, ``end``.

    ``closes`` draws the line back to the first point as well, ``knots`` the points themselves;
    ``minus`` says that what it encloses will be taken away.
    """

    points: tuple[tuple[float, float], ...]
    end: tuple[float, float] | None = None
    closes: bool = True
    knots: bool = False
    minus: bool = False


class Surface(Protocol):
    """What the canvas lends to a tool."""

    @property
    def document(self) -> CanvasDocument | None: ...
    @property
    def brush_radius(self) -> float: ...
    @property
    def subtracts(self) -> bool:
        """Whether shapes take away without Alt being held."""

    @property
    def tolerance(self) -> float:
        """Of the wand, in units of Lab."""

    def set_tolerance(self, tolerance: float) -> None:
        """Cut to what there is."""

    def surroundings(self) -> Surroundings | None:
        """The pixels of the photo that are seen."""

    def show_path(self, path: Path | None) -> None:
        """Draw the outline of a shape being drawn, or none."""

    def show_stroke(self, stroke: Stroke | None, box: Box | None) -> None:
        """Draw ``stroke`` from now on; its pixels inside the photo ``box`` are new."""

    def show_band(self, band: Band | None) -> None:
        """Draw a rubber band (photo coordinates), or none."""

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the photo by logical pixels."""


@dataclass(frozen=True, slots=True)
class StrokeStarted:
    """The first pixel is down. ``region`` is None when no region is active."""

    region: RegionId | None


@dataclass(frozen=True, slots=True)
class StrokeFinished:
    """``delta``: packed XOR tiles that put the stroke on the region, which is as yet unchanged.

    With ``region`` None they are the whole pixels of a region still to be made.
    """

    region: RegionId | None
    delta: Mapping[TileKey, NDArray[np.uint8]]
    title: str = tr("Brush stroke")


@dataclass(frozen=True, slots=True)
class PointPlaced:
    """A click in photo pixels; ``positive`` says whether it lies inside what is meant."""

    x: float
    y: float
    positive: bool


@dataclass(frozen=True, slots=True)
class BoxDrawn:
    """Photo pixels, half open, not empty."""

    box: Box


@dataclass(frozen=True, slots=True)
class Clicked:
    """A press and release in one place, with a tool that only moves the photo."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The gesture cannot do anything; ``sentence`` says what to do first."""

    sentence: str


@dataclass(frozen=True, slots=True)
class LineDrawn:
    """A line through photo points, to cut along."""

    points: tuple[tuple[float, float], ...]


Result = StrokeStarted | StrokeFinished | PointPlaced | BoxDrawn | Clicked | LineDrawn | Refused


class Tool(Protocol):
    """One instance per canvas; a gesture is press, any moves, then release or cancel."""

    def press(self, at: Pointer, surface: Surface) -> Result | None: ...
    def move(self, at: Pointer, surface: Surface) -> Result | None: ...
    def release(self, at: Pointer, surface: Surface) -> Result | None: ...
    def cancel(self, surface: Surface) -> None:
        """Give the gesture up without a trace."""


@runtime_checkable
class Lasting(Tool, Protocol):
    """A tool whose gesture goes on from one press to the next, until it is closed."""

    @property
    def under_way(self) -> bool: ...
    def hover(self, at: Pointer, surface: Surface) -> None:
        """The pointer moves while no button is down."""

    def close(self, surface: Surface) -> Result | None:
        """End the gesture with what there is."""

    def step_back(self, surface: Surface) -> None:
        """Take the last press back."""


@runtime_checkable
class Turned(Tool, Protocol):
    """A tool that the wheel changes while the button is down."""

    def turn(self, steps: int, surface: Surface) -> None: ...


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One line of the tool table. ``icon`` is a qtawesome name, ``brush`` shows the circle,
    ``second`` wants the right button as well, ``tolerance`` is set like the brush's size.
    """

    id: str
    title: str
    icon: str
    shortcut: str
    hint: str
    place: int
    make: Callable[[], Tool]
    cursor: Qt.CursorShape = Qt.CursorShape.CrossCursor
    brush: bool = False
    second: bool = False
    tolerance: bool = False


def all_tools() -> dict[str, ToolSpec]:
    """Every tool of this package by id, in the order of the tool bar."""
    kind: Any = ToolSpec
    found = discover("gui.canvas.tools", kind)
    return dict(sorted(found.items(), key=lambda item: item[1].place))
