"""The menu about the selected photos: what can be done to all of them at once.

Knows the actions of `gui.controllers.bulk`; does none of them itself.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from core.domain.disease import LONGEST_NAME
from core.domain.ids import ImageId
from core.language import tr, trn
from core.services.starter_list import crops
from gui.context import Context
from gui.controllers.bulk import BulkController
from gui.gallery.panel import GalleryPanel
from gui.gallery.swatch import swatch
from gui.gallery.wording import SPLIT_TEXT, STATE_TEXT
from gui.keys_shown import Menu
from gui.models.diseases import DiseaseList

LONGEST_GROUP = 200


class BulkMenu:
    """Shown beside the pointer, by the menu key and by an action of the Photo menu."""

    def __init__(
        self,
        context: Context,
        gallery: GalleryPanel,
        bulk: BulkController,
        diseases: DiseaseList,
    ) -> None:
        self._context, self._gallery = context, gallery
        self._bulk, self._diseases = bulk, diseases
        gallery.view.menu_wanted.connect(self.show)
        context.actions.on("photos.selected", gallery.view.ask_menu)
        bulk.done.connect(lambda _images: gallery.offer_choices())

    def show(self, place: QPoint) -> None:
        menu = self.menu(self._gallery)
        menu.popup(place)

    def menu(self, parent: QWidget) -> QMenu:
        """What can be done to what is selected now."""
        images = self._gallery.view.selection.ids
        menu = Menu(parent)
        menu.aboutToHide.connect(menu.deleteLater)
        heading = menu.addAction(trn("{n:,} photo", "{n:,} photos", len(images)))
        heading.setEnabled(False)
        menu.addSeparator()
        named = menu.addMenu(tr("Disease"))
        for disease in self._diseases.all:
            act = named.addAction(swatch(disease.colour), disease.name.replace("&", "&&"))
            act.triggered.connect(partial(self._bulk.name, images, disease))
        named.addSeparator()
        named.addAction(tr("Not named")).triggered.connect(partial(self._bulk.name, images, None))
        states = menu.addMenu(tr("State"))
        for state, text in STATE_TEXT.items():
            states.addAction(text).triggered.connect(partial(self._bulk.mark, images, state))
        splits = menu.addMenu(tr("Part of training"))
        for split, text in SPLIT_TEXT:
            splits.addAction(text).triggered.connect(partial(self._bulk.split, images, split))
        menu.addAction(tr("Group…")).triggered.connect(lambda: self.ask_group(images))
        menu.addAction(tr("Crop…")).triggered.connect(lambda: self.ask_crop(images))
        menu.addSeparator()
        if self._gallery.index.query.removed:
            back = menu.addAction(tr("Put back into the project"))
            back.triggered.connect(lambda: self._bulk.remove(images, back=True))
        else:
            out = menu.addAction(tr("Remove from the project"))
            out.triggered.connect(lambda: self._bulk.remove(images))
        for action in menu.actions()[1:]:
            action.setEnabled(self._context.project.writable and bool(images))
        menu.addSeparator()
        menu.addAction(self._context.actions["photo.info"])
        return menu

    def ask_group(self, images: tuple[ImageId, ...]) -> None:
        """A dialog of its own, so that nothing waits for the answer."""
        dialog = QInputDialog(self._gallery.window())
        dialog.finished.connect(dialog.deleteLater)
        dialog.setWindowTitle(tr("Group"))
        dialog.setLabelText(
            tr("Plant, plot or session. Training never parts the photos of a group.")
        )
        dialog.setComboBoxItems(["", *self._gallery.groups])
        dialog.setComboBoxEditable(True)
        dialog.textValueSelected.connect(
            lambda text: self._bulk.group(images, text[:LONGEST_GROUP])
        )
        dialog.open()

    def ask_crop(self, images: tuple[ImageId, ...]) -> None:
        """As ``ask_group``; the crop of the project's diseases is there to choose first."""
        named = [d.crop for d in self._diseases.all if d.crop]
        dialog = QInputDialog(self._gallery.window())
        dialog.finished.connect(dialog.deleteLater)
        dialog.setWindowTitle(tr("Crop"))
        dialog.setLabelText(tr("The plant on these photos; empty where it is not known."))
        dialog.setComboBoxItems(list(dict.fromkeys((*named, *crops(), ""))))
        dialog.setComboBoxEditable(True)
        dialog.textValueSelected.connect(lambda text: self._bulk.crop(images, text[:LONGEST_NAME]))
        dialog.open()
