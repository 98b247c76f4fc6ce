"""Compare anybody's mask with what darks show: which bad pixels it leaves out, and which names darks do not confirm.

Counts do not tell: a mask may lose as many pixels as another epoch, or another detector, brings.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from darkmask.core.categories import USABLE, Category, in_category
from darkmask.core.flags import dq_bits, has_flag
from darkmask.core.statistics import level_and_scatter, reached_by_chance

# What is unusable, in groups whose names two searches may exchange: what jumps in one may switch in another, and what
# is saturated is hot.
GROUPS: Mapping[str, tuple[Category, ...]] = {
    "hot": (Category.SATURATED, Category.HOT),
    "rc": (Category.RC, Category.INVERSE_RC),
    "noisy": (Category.NOISY, Category.TELEGRAPH, Category.INTERMITTENT),
}
# What darks show in nearly every choice of their exposures. Two levels take a switch, and what comes and goes may be
# away in half of them.
STEADY: Mapping[str, tuple[Category, ...]] = {"hot": GROUPS["hot"], "rc": GROUPS["rc"], "noisy": (Category.NOISY,)}
_BRIGHT = (*GROUPS["hot"], Category.WARM, Category.INTERMITTENT, Category.TRANSIENT)
# What darks may show of a pixel with a flag that they can tell. Hot ones may be warm for another search, or colder.
SHOWN: Mapping[str, tuple[Category, ...]] = {
    "HOT": _BRIGHT,
    "WARM": _BRIGHT,
    "RC": GROUPS["rc"],
    "TELEGRAPH": GROUPS["noisy"],
    "UNRELIABLE_SLOPE": GROUPS["noisy"],
    # Whatever darks show of a pixel makes them no reliable ones.
    "UNRELIABLE_DARK": tuple(category for category in Category if category is not Category.UNDETERMINED),
}
# Flags that say that something is wrong with a pixel, and not what.
VAGUE = ("OTHER_BAD_PIXEL",)
# Somebody's cut of warm pixels may lie lower than ours: what is brighter than good pixels are, by so many sigma of
# theirs, may be called so. Three in a hundred good ones are, and of those that half of the darks call warm 0.91.
_BRIGHTER = 2.0
# Masks that this search makes of half of the exposures of simulated detectors lose this share of what is bad in all.
USUALLY_OTHERWISE = 0.005
# Masks are grown by a pixel: what lies beside a bad one has a reason.
_TOUCHING = np.ones((3, 3))


@dataclass(frozen=True)
class Share:
    """Pixels of a kind, and those of them that agree.

    Attributes
    ----------
    asked, agree : int
        Numbers of pixels.
    others : list of (int, int)
        x and y of those that do not, counted from 0.
    """

    asked: int
    agree: int
    others: list[tuple[int, int]]

    @classmethod
    def of(cls, asked: np.ndarray, agree: np.ndarray) -> "Share":
        """Count the pixels that are asked, and those that agree, bool (y, x) each."""
        y, x = np.nonzero(asked & ~agree)
        number = int(asked.sum())
        return cls(number, number - len(y), [(int(a), int(b)) for a, b in zip(x, y, strict=True)])

    @property
    def beyond_chance(self) -> float:
        """The share that agrees, with as many of the others as a good mask has in all but one case of a thousand."""
        return 1 - others_beyond_chance(self.asked - self.agree, self.asked) / self.asked


def others_beyond_chance(others: int, asked: int) -> int:
    """Return how many of so many pixels of a mask are otherwise than darks show, beyond what a good mask has."""
    return max(others - reached_by_chance(USUALLY_OTHERWISE * asked), 0)


def caught(categories: np.ndarray, unusable: np.ndarray, marked: np.ndarray) -> dict[str, Share]:
    """Return how many of the bad pixels that darks show a mask marks.

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
        What a search of all darks found.
    unusable : numpy.ndarray, shape (y, x), bool
        Science pixels that the search takes out of use.
    marked : numpy.ndarray, shape (y, x), bool
        Those that the mask does.

    Returns
    -------
    dict of str to Share
        By group of ``GROUPS``.
    """
    return {name: Share.of(_any_of(categories, group) & unusable, marked) for name, group in GROUPS.items()}


def caught_of_steady(
    categories: np.ndarray, unusable: np.ndarray, marked: np.ndarray, changing: np.ndarray
) -> dict[str, Share]:
    """Return how many of the bad pixels that darks show throughout a mask marks.

    Parameters
    ----------
    categories, unusable, marked : numpy.ndarray
        As of :func:`caught`.
    changing : numpy.ndarray, shape (y, x), bool
        Pixels that are bad in a part of the darks alone.

    Returns
    -------
    dict of str to Share
        By group of ``STEADY``. Pixels that switch or come and go are of none, nor are noisy ones that may be used.
    """
    now_and_then = _any_of(categories, (Category.TELEGRAPH, Category.INTERMITTENT)) | ((categories & USABLE) != 0)
    asked = unusable & ~changing & ~now_and_then
    return {name: Share.of(_any_of(categories, group) & asked, marked) for name, group in STEADY.items()}


def confirmed(
    called: Mapping[str, np.ndarray], categories: np.ndarray, rate: np.ndarray, warm: float
) -> dict[str, Share]:
    """Return how many of the pixels that a mask gives a name have it in darks.

    Parameters
    ----------
    called : mapping of str to numpy.ndarray, shape (y, x), bool
        By flag of ``SHOWN``: the science pixels that have it in the mask.
    categories : numpy.ndarray, shape (y, x), uint16
        What a search of the darks found.
    rate : numpy.ndarray, shape (y, x), float32, DN/s
        Rates of the darks.
    warm : float
        The rate from which on a pixel is warm, DN/s: what one search calls hot may be warm for another.

    Returns
    -------
    dict of str to Share
        Pixels of which darks tell nothing are not asked: those without a rate of their own, and those beside a
        saturated pixel, which jwst_reffiles calls saturated too.
    """
    saturated = in_category(categories, Category.SATURATED)
    beside = binary_dilation(saturated, _TOUCHING) & ~saturated
    unknown = beside | ~np.isfinite(rate) | in_category(categories, Category.UNDETERMINED)
    brighter = {"HOT": warm}
    if "WARM" in called:
        level, scatter = level_and_scatter(rate[categories == 0])
        brighter["WARM"] = level + _BRIGHTER * scatter
    shares = {}
    for flag, where in called.items():
        shown = _any_of(categories, SHOWN[flag])
        bright = np.nan_to_num(rate) >= brighter.get(flag, np.inf)
        shares[flag] = Share.of(where & (shown | ~unknown), shown | bright)
    return shares


def without_a_name(decoded: np.ndarray) -> np.ndarray:
    """Return the pixels that a mask takes out of use and says nothing of, or something ``VAGUE``, bool (y, x)."""
    return has_flag(decoded, "DO_NOT_USE") & ((decoded & ~dq_bits("DO_NOT_USE", *VAGUE)) == 0)


def without_reason(decoded: np.ndarray, explained: np.ndarray, categories: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Return the pixels that a mask takes out of use for no reason that anybody tells.

    Parameters
    ----------
    decoded : numpy.ndarray, shape (y, x), uint32
        The mask. A flag beside DO_NOT_USE is a reason, for this pixel and for those that touch it, but for ``VAGUE``.
    explained : numpy.ndarray, shape (y, x), bool
        Pixels that have a reason elsewhere.
    categories : numpy.ndarray, shape (y, x), uint16
        What a search of darks found: a reason, too, for its pixels and for those that touch them.
    rate : numpy.ndarray, shape (y, x), float32
        Rates of the darks; of a pixel without one darks say nothing.

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
    """
    unusable = has_flag(decoded, "DO_NOT_USE")
    named = unusable & ~without_a_name(decoded)
    reason = binary_dilation(named | (categories != 0), _TOUCHING) | explained | ~np.isfinite(rate)
    without: np.ndarray = unusable & ~reason
    return without


def _any_of(categories: np.ndarray, some: tuple[Category, ...]) -> np.ndarray:
    there: np.ndarray = np.logical_or.reduce([in_category(categories, category) for category in some])
    return there
