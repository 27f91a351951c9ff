"""What gestures, keys and clicks mean for the open photo's labels.

Turns them into edits of the labelling session and hands those on. Knows the session and the
diseases; knows no widget, no history and no store.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.domain.disease import Disease
from core.domain.edits import Edit, PackedTiles
from core.domain.ids import DiseaseId, RegionId
from core.domain.image import ImageState
from core.domain.region import RegionInfo, RegionKind
from core.engines.base import Candidate
from core.language import tr
from core.services.annotate import Draft, LabellingSession
from core.services.rules import Overlap, Rules, obey
from core.services.suggest import twin
from gui.context import Context
from gui.controllers.bulk import BulkController
from gui.controllers.edits import Edits
from gui.controllers.open_photo import OpenPhoto
from gui.models.diseases import DiseaseList

FORBIDDEN = tr(
    "Nothing was added: all of it lies where new lesions may not go. The Region menu has the rules."
)

TWIN = tr("This was outlined already; the new outline has taken the place of the old one.")


class LabelController(QObject):
    """``current`` is the open photo, ``edits`` carries actions out and ``bulk`` those on many;
    every method here is one.
    """

    def __init__(self, context: Context, diseases: DiseaseList, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._diseases = context, diseases
        self.current = OpenPhoto(context, diseases, self)
        self.edits = Edits(context, self.current, self)
        self.bulk = BulkController(context, self.edits, diseases, self)
        self.kind = RegionKind.LESION
        self.edits.updated.connect(self._follow_draft)

    @property
    def session(self) -> LabellingSession | None:
        """The open photo's session, or None."""
        return self.current.session

    @property
    def disease(self) -> DiseaseId | None:
        """What new lesions are called: as the leaf."""
        found = self._diseases.get(self.session.image.disease) if self.session else None
        return found.id if found is not None and not found.healthy else None

    def draft(self, source: str = "hand") -> Draft:
        """What the next new region will be."""
        author = self._context.preferences.text("label.author")
        disease = self.disease if self.kind is RegionKind.LESION else None
        return Draft(self.kind, disease, source, author)

    def lesion_draft(self) -> Draft:
        """What a region becomes that says itself whether it is a lesion."""
        author = self._context.preferences.text("label.author")
        return Draft(RegionKind.LESION, self.disease, "hand", author)

    @property
    def draft_colour(self) -> str:
        """``#rrggbb`` of the next new region."""
        draft = self.draft()
        image = self.session.image.id if self.session else None
        if image is None:
            return "#ffffff"
        return self.current.colour(RegionInfo(RegionId(0), image, draft.kind, draft.disease))

    def set_kind(self, kind: RegionKind) -> None:
        """What is outlined next: a lesion or a leaf. The active region is let go."""
        self.kind = kind
        self.edits.set_active(None)
        self.edits.updated.emit()

    @property
    def rules(self) -> Rules:
        """Where new pixels of lesions may go."""
        preferences = self._context.preferences
        inside = bool(preferences.get("label.inside_leaf"))
        return Rules(inside, Overlap(preferences.text("label.overlap")))

    def propose(self, edit: Edit | None, *, select: bool = False) -> None:
        """Carry out what adds pixels, as far as the rules allow."""
        if self.session is None or edit is None:
            return
        allowed = obey(self.session, edit, self.rules)
        if allowed is None:
            self._context.notices.info(FORBIDDEN)
        self.edits.do(allowed, select=select)

    def stroke(
        self, region: RegionId | None, delta: PackedTiles, title: str = tr("Brush stroke")
    ) -> None:
        """A finished stroke or shape."""
        if self.session is not None:
            draft = self.draft()
            edit = self.session.stroke(delta, region=region, draft=draft, title=title)
            self.propose(edit, select=True)

    def accept(
        self,
        candidate: Candidate,
        *,
        source: str,
        into: RegionId | None,
        instead: bool = False,
    ) -> None:
        """A proposal becomes a region, more pixels of ``into``, or all of them ``instead``.

        Of what is outlined already it becomes the outline, so that no lesion is counted twice.
        """
        if self.session is not None:
            draft = self.draft(source)
            if into is None:
                into = twin(candidate, draft.kind, self.session.regions)
                instead = into is not None
                if instead:
                    self._context.notices.info(TWIN)
            edit = self.session.accept(candidate, into=into, draft=draft, instead=instead)
            self.propose(edit, select=True)

    def delete_chosen(self) -> None:
        """Take the chosen regions away."""
        if self.session is not None:
            self.edits.do(self.session.delete(*self.edits.chosen))

    def relabel_chosen(self, kind: RegionKind, disease: DiseaseId | None) -> None:
        """Another kind or disease of the chosen regions."""
        if self.session is not None:
            chosen = self.edits.chosen
            self.edits.do(self.session.relabel(*chosen, kind=kind, disease=disease))

    def name(self, disease: Disease | None) -> None:
        """The disease of the leaf."""
        if self.session is not None:
            self.edits.do(self.session.name_disease(disease))

    def name_chosen(self, disease: Disease) -> None:
        """A number key: the chosen lesions' disease; the leaf's when no lesion is chosen."""
        if self.session is None:
            return
        regions = [self.session.region(r) for r in self.edits.chosen]
        lesions = [r.info.id for r in regions if r and r.info.kind is RegionKind.LESION]
        if not lesions or disease.healthy:
            self.name(disease)
        else:
            kind = RegionKind.LESION
            self.edits.do(self.session.relabel(*lesions, kind=kind, disease=disease.id))

    def no_lesions(self) -> None:
        """The leaf is healthy."""
        if self.session is not None:
            self.edits.do(self.session.no_lesions(self._diseases.healthy))

    def mark(self, state: ImageState) -> None:
        """How far the person got."""
        if self.session is not None:
            healthy = self._diseases.healthy
            by = self._context.preferences.text("label.author").strip()
            named = healthy.id if healthy else None
            self.edits.do(self.session.set_state(state, named, by=by))

    def _follow_draft(self) -> None:
        if self.current.document is not None:
            self.current.document.new_colour = self.draft_colour
