"""The release's own tests of jumps, put to pixels of which some jumps were taken out."""

import numpy as np

from darkmask.search.keywords import FIXED_IN_CODE
from darkmask.search.maps.jumps import NO_LATE_JUMPS
from darkmask.search.official.categories import early_late_cutoffs
from darkmask.search.parameters import SearchParameters

# An rc pixel has a first group above this many DN and changes by more than that over its ramp (the development head of
# jwst_reffiles asks for both; a pedestal alone does not make one).
RC_FIRST, RC_CHANGE = 1000.0, 200.0


def few_jumps(jumps: np.ndarray, parameters: SearchParameters) -> np.ndarray:
    """Return where jumps (integration, group, pixel) are too few for the release, bool (pixel,)."""
    many = (jumps.sum(axis=1) >= FIXED_IN_CODE["max_jump_limit"]).mean(axis=0)
    return many <= parameters.high_cr_fraction


def jumps_early(jumps: np.ndarray, parameters: SearchParameters) -> np.ndarray:
    """Return where jumps (integration, group, pixel) are many and mostly early for the release, bool (pixel,)."""
    early_stop, late_start = early_late_cutoffs(jumps.shape[1])
    if early_stop == 0:
        return np.zeros(jumps.shape[2], bool)
    late = jumps[:, late_start:].mean(axis=1)
    ratio = jumps[:, :early_stop].mean(axis=1) / np.where(late > 0, late, NO_LATE_JUMPS)
    many = jumps.sum(axis=1) >= FIXED_IN_CODE["max_jump_limit"]
    early = (many & (ratio >= FIXED_IN_CODE["jump_ratio_threshold"])).mean(axis=0)
    return early > parameters.rc_fraction_threshold


def no_rc_ramp(signals: np.ndarray) -> np.ndarray:
    """Return where ramps (integration, group, pixel) are not those of an rc pixel: a high pedestal alone made it."""
    first, change = np.median(signals[:, 0], axis=0), np.median(np.abs(signals[:, -1] - signals[:, 0]), axis=0)
    return ~((first > RC_FIRST) & (change > RC_CHANGE))
