"""What the flight search compares with what: each test's map and limit, and what it asks.

The search compares by :class:`Compared`, so that who asks why a pixel was named reads the very numbers that decided.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Comparison = Callable[[Any, Any], Any]


class Compared(NamedTuple):
    """One comparison of the search, in the columns of an amplifier.

    Attributes
    ----------
    value : numpy.ndarray, shape (y, x), or (n,) of some pixels, by row and then by column
    passes : callable
        Of a value and a limit, element by element.
    limit : number, numpy.ndarray of the same shape, or None
    asked : numpy.ndarray, the same shape, bool
        Where the answer decides something: a saturated pixel is not asked whether it is noisy.
    """

    value: np.ndarray
    passes: Comparison
    limit: Any
    asked: np.ndarray

    def at(self, where: Any) -> tuple[Any, Any, Any]:
        """Return the values of some pixels, their limits, and whether they pass.

        Parameters
        ----------
        where
            Index of these pixels.

        Returns
        -------
        value : number, or numpy.ndarray of shape (n,)
        limit : number, numpy.ndarray of shape (n,), or None
            One number where all pixels have the same limit; None where there is none.
        passes : bool, or numpy.ndarray of shape (n,), bool
        """
        value = self.value[where]
        limit = self.limit[where] if np.ndim(self.limit) else self.limit
        return value, limit, self.passes(value, limit)

    def of(self, where: Any) -> "Compared":
        """Return the same of the pixels at an index."""
        value, limit, _ = self.at(where)
        return Compared(value, self.passes, limit, self.asked[where])

    def everywhere(self) -> np.ndarray:
        """Return where the value passes, bool (y, x)."""
        return self.passes(self.value, self.limit)


Evidence = dict[str, Compared]


def not_reaching(value, limit):
    """Whether a value lies below a limit, or is no number."""
    return np.logical_not(value >= limit)


def is_finite(value, _limit=None):
    """Whether a value is a number."""
    return np.isfinite(value)


def is_true(value, _limit=None):
    """Whether it is so, which needs no limit."""
    return value


class Question(NamedTuple):
    """What a test asks.

    Attributes
    ----------
    name : str
        Of what is compared.
    unit : str
    relation : str
        In which a value that passes stands to the limit.
    sentence : str
        What passing means.
    in_electrons : bool
        The search compares DN; the detector's gain makes electrons of them.
    """

    name: str
    unit: str
    relation: str
    sentence: str
    in_electrons: bool = False


# In the order in which they are asked.
QUESTIONS = {
    "saturated": Question(
        "saturated in group 0", "integrations", ">=", "The saturation step flags the first group often enough."
    ),
    "level": Question(
        "signal of group 0", "DN", ">=", "The level is that of a saturated pixel: with the flags, it is saturated."
    ),
    "stuck": Question(
        "scatter of differences", "DN", "<", "The ramp does not move: with the flags, the pixel is saturated."
    ),
    "differences": Question("group differences", "", ">=", "There are enough of them to judge the pixel."),
    "has_rate": Question("rate", "DN/s", "is finite", "Some integration gives a rate."),
    "lost": Question("taken out by PIXELDQ", "", "is true", "The ramp fit was told not to use it: undetermined."),
    "full_early": Question(
        "saturated in the last group", "integrations", ">=", "It ends saturated: with few differences, it is hot."
    ),
    "bend": Question(
        "bend of the ramp", "DN/group", ">", "The ramp bends by more than a share of its own signal: it may be rc."
    ),
    "early": Question("early minus late differences", "DN/group", ">", "The ramp is steeper early than late: rc."),
    "late": Question("early minus late differences", "DN/group", "<", "The ramp is steeper late than early."),
    "first_group": Question("first group above the ramp", "DN", ">", "There was charge before the ramp began."),
    "change": Question("change over the ramp", "DN", ">", "The ramp changes: with charge from before, it is rc."),
    "falling": Question("last minus first group", "DN", "<", "The signal falls: it is inverse rc, or else rc."),
    "falls": Question("falls", "", ">=", "The signal falls in single groups more often than by chance: unstable."),
    "noise": Question("noise above good pixels", "sigma", ">", "The group differences scatter too much: unstable."),
    "noise_ratio": Question(
        "noise over that of good pixels, less its error",
        "",
        ">=",
        "An unstable pixel is noisy if it is not telegraph; one that falls is so anyhow.",
    ),
    "unusable_noise": Question(
        "noise over that of good pixels", "", ">=", "The noisy pixel is not to be used; one that falls is not anyhow."
    ),
    "scatter": Question(
        "scatter of rates above good pixels",
        "sigma",
        ">",
        "The rates of the integrations scatter by more than the noise within them.",
    ),
    "scatter_ratio": Question(
        "scatter of rates over that by noise, less its error",
        "",
        ">=",
        "With that, it is noisy if it is not telegraph and does not come and go.",
    ),
    "unusable_scatter": Question(
        "scatter of rates over that by noise", "", ">=", "The pixel whose rates scatter is not to be used."
    ),
    "faint_noise": Question(
        "noise above good pixels", "sigma", ">", "It may be a faint telegraph pixel, if its rates move too."
    ),
    "faint_rates": Question(
        "scatter of rates over that by noise", "", ">", "Its ramps are asked whether they have two levels."
    ),
    "jumps": Question("jumps", "", ">=", "It has more jumps than radiation makes, or stands beside such a pixel."),
    "jump_noise": Question(
        "noise with jumps over that of good pixels", "", ">=", "The jumps are its own: its ramps are asked too."
    ),
    "own_jumps": Question(
        "integrations with a jump of its own",
        "integrations",
        ">=",
        "It jumps in more of them than radiation makes: noisy if it is not telegraph, and not to be used.",
    ),
    "column_jumps": Question("jumps", "", ">=", "It jumps more often than others of the column that wanders do."),
    "column_noise": Question(
        "certain noise with jumps over that of its column",
        "",
        ">=",
        "Not all of it is the column's: noisy.",
    ),
    "unusable_column": Question(
        "noise with jumps over that of its column", "", ">=", "The noisy pixel of the column is not to be used."
    ),
    "detected": Question("rate above good pixels", "electron/s", ">=", "The pixel is brighter than others.", True),
    "below": Question("rate below zero", "electron/s", "<=", "The mean rate is significantly negative.", True),
    "sinking": Question("last minus first group", "DN", "<", "The signal falls all along: inverse rc."),
    "hot": Question("rate", "electron/s", ">=", "The detected pixel is hot."),
    "warm": Question("rate", "electron/s", ">=", "The detected pixel is warm; a fainter one has no name."),
    "pedestal": Question("pedestal", "DN", "<", "The pedestal is low."),
    "trend": Question(
        "trend of the rate with log time", "sigma", "<=", "The rate decays: its late half must be bright."
    ),
    "beside_unknown": Question(
        "neighbours that fill their wells before they have a rate",
        "",
        ">=",
        "What these couple into the bright pixel is not known: undetermined.",
    ),
    "late_rate": Question(
        "rate of the late half above others", "electron/s", ">=", "It stands out when the others have decayed.", True
    ),
    "steady_rate": Question(
        "rate without the light of the patch",
        "electron/s",
        ">=",
        "It stands out of a patch that decays by what it has in all integrations alike.",
    ),
    "varies": Question(
        "distance of the second farthest rate", "sigma", ">=", "The rate differs between integrations: intermittent."
    ),
    "fills": Question(
        "integrations in which it fills its well and has no rate",
        "integrations",
        ">=",
        "It is hot in some integrations, and fills its well there: intermittent.",
    ),
    "high_state": Question("rate of the high state", "electron/s", ">=", "The intermittent pixel is hot at times."),
    "switches": Question(
        "fall with a rise of like height", "sigma", ">=", "It falls and rises again: telegraph, or intermittent."
    ),
    "levels": Question(
        "distance of the second farthest first group, or of the third",
        "DN",
        ">=",
        "It begins at two levels, or at many: telegraph, or intermittent.",
    ),
    "few_quiet": Question(
        "differences without jumps",
        "",
        "<",
        "Too few tell of its noise: undetermined, unless something was found.",
    ),
    "telegraph": Question(
        "gain of two levels in BIC", "", ">", "Two levels explain the reads of the unstable pixel: telegraph, or noisy."
    ),
}
