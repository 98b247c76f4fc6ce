"""What our own searches read from a set beyond its combined maps."""

import numpy as np

from ..delivery import OpenExposure
from ..detectors import detector as look_up_detector
from ..flags import pack_categories, pixel_flags
from ..maps import CombinedMaps
from ..maps.combine import nan_median
from ..maps.integration import JUMP_DET, SATURATED, usable_groups
from ..search.flight import saturation_level
from ..search.robust import by_amplifier
from ..search.telegraph import telegraph_evidence
from .interface import SetRequest

# Ramps of candidates are held whole; more than this many pixels are taken in turns (10 integrations of 100 groups:
# 80 MB).
_PIXELS_AT_ONCE = 20_000


def name_unstable(request: SetRequest, maps: CombinedMaps, unstable: np.ndarray) -> np.ndarray:
    """Which of the unstable pixels switch between two levels.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps
    unstable : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
        The telegraph pixels; the other unstable ones are noisy.
    """
    telegraph = np.zeros_like(unstable)
    nominal, _ = by_amplifier(maps.noise, ~request.reference_pixels(), request.amplifiers())
    y, x = np.nonzero(unstable)
    for start in range(0, len(y), _PIXELS_AT_ONCE):
        part = slice(start, start + _PIXELS_AT_ONCE)
        steps, usable = _differences(request, y[part], x[part])
        evidence = telegraph_evidence(steps, usable, nominal[x[part]])
        telegraph[y[part], x[part]] = evidence > request.parameters.telegraph_bic
    return telegraph


def _differences(request: SetRequest, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Group differences of chosen pixels over all integrations, less the pixel's median, and which are usable."""
    level = saturation_level(look_up_detector(request.detector))
    steps, usable = [], []
    for exposure in request.exposures:
        ramps, groupdq = OpenExposure(exposure, request.folder).pixel_ramps(y, x)
        good = np.moveaxis(usable_groups(np.moveaxis(ramps, 2, 0), np.moveaxis(groupdq, 2, 0), level), 0, 2)
        steps.append(np.diff(ramps, axis=2).reshape(len(y), -1))
        usable.append((good[:, :, 1:] & good[:, :, :-1]).reshape(len(y), -1))
    step, use = np.concatenate(steps, axis=1), np.concatenate(usable, axis=1)
    return step - nan_median(np.where(use, step, np.nan).T)[:, None], use


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
