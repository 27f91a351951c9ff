"""A decoder for imports whose files are known to be harmless."""

from __future__ import annotations

from pathlib import Path

from core.errors import ImageUnreadable, ImportRefused
from core.imaging.decode import Inspection, inspect
from core.imaging.mask_files import read_mask
from core.services.import_decoder import MaskSeen


class HereDecoder:
    """Decodes in this process: the limited one has tests of its own."""

    def photo(self, path: Path) -> Inspection:
        try:
            return inspect(path)
        except ImageUnreadable as error:
            raise ImportRefused(path, str(error).removeprefix(f"{path.name}: ")) from error

    def mask(self, path: Path) -> MaskSeen:
        mask = read_mask(path)
        return MaskSeen(mask.sha256, mask.values.shape[1], mask.values.shape[0])

    def close(self) -> None:
        pass
