"""What the official search reads from a set."""

import numpy as np

from ..delivery import OpenExposure
from ..flags import pack_categories, pixel_flags
from ..maps.integration import JUMP_DET, SATURATED
from .interface import SetRequest


def official_categories(request: SetRequest) -> np.ndarray:
    """Search as jwst_reffiles does, on the science area that it finds by the reference pixels' DQ.

    Parameters
    ----------
    request : SetRequest

    Returns
    -------
    numpy.ndarray, shape (y, x), uint16
    """
    from ..search.official import OfficialInput, early_late_cutoffs, search_official

    opened = [OpenExposure(exposure, request.folder) for exposure in request.exposures]
    groups = opened[0].shape[1]
    early, late = early_late_cutoffs(groups)
    rows, columns = _science_area(opened[-1])
    stacks = {name: [] for name in ("rate", "pedestal", "saturated_first", "jumps", "early_jumps", "late_jumps")}
    for exposure in opened:
        stacks["rate"].append(exposure.rate()[:, rows, columns])
        stacks["pedestal"].append(exposure.pedestal()[:, rows, columns])
        for i in range(exposure.shape[0]):
            groupdq = exposure.groupdq(i, slice(None))[:, rows, columns]
            jump = (groupdq & JUMP_DET) != 0
            stacks["saturated_first"].append((groupdq[:1] & SATURATED) != 0)
            stacks["jumps"].append(jump.sum(axis=0, dtype=np.int16)[None])
            stacks["early_jumps"].append(jump[:early].sum(axis=0, dtype=np.int16)[None])
            stacks["late_jumps"].append(jump[late:].sum(axis=0, dtype=np.int16)[None])
    joined = {name: np.concatenate(parts) for name, parts in stacks.items()}
    found = pack_categories(search_official(OfficialInput(**joined, n_groups=groups), request.parameters))
    categories = np.zeros(request.shape, dtype=np.uint16)
    categories[rows, columns] = found
    return categories


def _science_area(exposure: OpenExposure) -> tuple[slice, slice]:
    """The smallest box around the pixels that the first integration does not call reference pixels."""
    science = (exposure.rate_dq()[0] & pixel_flags()["REFERENCE_PIXEL"]) == 0
    y, x = np.nonzero(science)
    return slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)
