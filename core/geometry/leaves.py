"""Which pixels called leaf are one leaf and which another.

Leaves lie apart: what is connected (sides or corners), over its lesions as well, is one leaf. What
is far too small for a leaf beside the largest is a speck of an outline, and belongs to the leaf it
is nearest to; no pixel is lost. Knows arrays; knows no photo and no region.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.bool_]
SHARE = 0.01
"""Of the largest leaf. Specks of the BRACOL masks have 0.00006 at most."""


def apart(leaf: Pixels, lesions: Pixels) -> list[Pixels]:
    """[h, w] bool for each leaf, largest first; together they are ``leaf``."""
    count, labels = cv2.connectedComponents((leaf | lesions).view(np.uint8), connectivity=8)
    sizes = np.bincount(labels[leaf], minlength=count)
    large = [n for n in np.argsort(-sizes, kind="stable") if sizes[n] > SHARE * sizes.max()]
    if len(large) < 2:
        return [leaf]
    owner = np.full(count, -1, np.int32)
    owner[large] = np.arange(len(large))
    owners = np.where(leaf, owner[labels], -1)
    specks = leaf & (owners < 0)
    if specks.any():
        owners[specks] = _nearest(owners)[specks]
    return [owners == n for n in range(len(large))]


def _nearest(owners: NDArray[np.int32]) -> NDArray[np.int32]:
    """[h, w] the owner of the nearest pixel that has one."""
    open_ = np.asarray(owners < 0, np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        open_, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP
    )
    of = np.zeros(int(nearest.max()) + 1, np.int32)
    of[nearest[open_ == 0]] = owners[open_ == 0]
    found: NDArray[np.int32] = of[nearest]
    return found
