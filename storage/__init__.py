"""Keeps projects on disk; implements ``core.ports``.

Importing it loads SQLAlchemy (half a second): the two composition roots do so when a project is
opened, not before.
"""

from storage.projects import create_project, open_project, restore_backup

__all__ = ["create_project", "open_project", "restore_backup"]
