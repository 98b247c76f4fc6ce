"""What a search calls a pixel, and the reads of a rate."""

import numpy as np

from darkmask.core.categories import category_names
from darkmask.core.flags import has_flag
from darkmask.search.outcome import SearchOutcome
from tests.support.raw_exposures import TGROUP

GAIN, CENTRE = 2.13, (48, 50)


def named(outcome: SearchOutcome, y: int, x: int) -> str:
    return category_names(int(outcome.categories[y, x]))


def unusable(outcome: SearchOutcome) -> np.ndarray:
    return has_flag(outcome.flags.to_dq(outcome.categories), "DO_NOT_USE")


def rising(rate: float, groups: int) -> np.ndarray:
    """Return the reads of so many e-/s, DN."""
    return rate * TGROUP / GAIN * np.arange(groups)
