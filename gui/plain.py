"""Words as they are written, where Qt would guess.

Qt takes a tool tip for HTML by its looks; names of diseases, photos, folders and people are the
project's and may look like anything. Knows texts; knows no widget.
"""

from __future__ import annotations

import html

from PySide6.QtGui import Qt


def plain_tip(text: str) -> str:
    """A tool tip that shows ``text`` letter by letter: as it is, unless Qt took it for HTML."""
    if not Qt.mightBeRichText(text):
        return text
    return f'<qt><span style="white-space:pre-wrap">{html.escape(text)}</span></qt>'
