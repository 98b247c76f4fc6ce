"""Count what a subarray and its full frame say differently of the pixels that both have.

Whoever reads what was found needs this and none of the kernels that :mod:`darkmask.build.subarrays` loads.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from darkmask.core.statistics import binomial_at_least, poisson_at_least, surprise

# The limits are those at which 98 % of pixels are found; this share of the pixels there is missed.
MISSED = 0.02


class Part(IntEnum):
    """The outcome for a pixel that at least one of the two sets calls bad."""

    BOTH = 1
    ADDITIONAL = 2  # bad in the subarray, and the full frame would show it
    MISSING = 3  # bad in the full frame, and the subarray would show it
    FAINT = 4  # bad in one, and below what the other could have seen
    EDGE = 5  # on the rim of the subarray, whose neighbours beyond are not read
    REPEATED = 6  # additional or missing as in an earlier subarray, which overlaps this one


@dataclass(frozen=True)
class Difference:
    """Numbers of a subarray compared with its full frame.

    Attributes
    ----------
    both, additional, missing, faint, edge, repeated : int
        Pixels of each `Part`.
    additional_sigma, missing_sigma : float
        How surprising the numbers of additional and missing pixels are, see :func:`darkmask.core.statistics.surprise`.
    expected : float
        Additional pixels that chance gives.
    """

    both: int
    additional: int
    missing: int
    faint: int
    edge: int
    repeated: int
    additional_sigma: float
    missing_sigma: float
    expected: float


def difference_of(parts: np.ndarray, false_alarms: float) -> Difference:
    """Count the parts, and tell how surprising the unexplained ones are.

    Parameters
    ----------
    parts : numpy.ndarray, shape (y, x), uint8
        See :func:`compare_sets`.
    false_alarms : float
        Number that a search is expected to give in so many pixels.
    """
    count = {part: int(np.count_nonzero(parts == part)) for part in Part}
    both, additional, missing = (count[part] for part in (Part.BOTH, Part.ADDITIONAL, Part.MISSING))
    expected = false_alarms + MISSED * both
    return Difference(
        **{part.name.lower(): number for part, number in count.items()},
        additional_sigma=surprise(poisson_at_least(additional, expected)),
        missing_sigma=surprise(binomial_at_least(missing, both + missing, MISSED)),
        expected=expected,
    )
