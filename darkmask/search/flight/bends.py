"""Tell how much an exponential bends a ramp beside the scatter that it makes."""

import numpy as np

from .corrected import quarter

# The shortest time constant of an rc pixel, s. It is the pixel's own: of long groups, it ends in the first. Of groups
# shorter than those of a full frame it counts as so many of these.
SHORTEST_CONSTANT, SHORTEST_IN_GROUPS = 16.2, 1.5


def exponential_bend(groups: int, tgroup: float) -> float:
    """Return the early minus late group difference of an exponential ramp, in units of the scatter of its differences.

    Parameters
    ----------
    groups : int
    tgroup : float
        Group time, s.

    Returns
    -------
    float
        The value for ``SHORTEST_CONSTANT``; longer time constants bend by more.
    """
    steps = np.exp(-np.arange(groups - 1) / min(SHORTEST_CONSTANT / tgroup, SHORTEST_IN_GROUPS))
    end = quarter(groups)
    return float((steps[:end].mean() - steps[-end:].mean()) / steps.std(ddof=1))
