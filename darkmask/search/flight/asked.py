"""Which pixels are combined and judged where some are asked: those around them, and rows that tell what is usual."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.detectors import detector as look_up_detector
from darkmask.search.maps.some import SomeMaps
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

from .light import Light, in_patches
from .patches import PATCH_SIDE

# So many pixels of an amplifier tell what is usual: a median to 0.7 % of a sigma, and a scatter to as much of itself,
# so that a limit of 5 sigma is known to a thirtieth of a sigma, which makes what chance exceeds of it a sixth more or
# less.
LEAST_TOLD = 1 << 15
# There are so many for each pixel that is asked, at least: these lie among them where good ones are looked for.
_TOLD_FOR_EACH = 4
# A name depends on the pixels beside a pixel. What was coupled into these from bright ones beyond is known, since such
# pixels are asked too; of others it is a share of a share of little.
REACH = 1


class Asked(NamedTuple):
    """Some pixels of a set that are judged, and what they are judged by.

    Attributes
    ----------
    some : SomeMaps
        Its pixels are those asked and those around them (:func:`reached`).
    pixels : numpy.ndarray, shape (y, x), bool
        Those asked.
    science : numpy.ndarray, shape (y, x), bool
        False on reference pixels.
    amplifiers : tuple of slice
        Columns of each amplifier.
    detector : Detector
    tgroup : float
        Group time, s.
    parameters : SearchParameters
    patch : numpy.ndarray, shape (y, x), bool
        Pixels among others that decay, as the search of all integrations found them.
    """

    some: SomeMaps
    pixels: np.ndarray
    science: np.ndarray
    amplifiers: tuple[slice, ...]
    detector: Detector
    tgroup: float
    parameters: SearchParameters
    patch: np.ndarray

    @classmethod
    def of(cls, request: SetRequest, some: SomeMaps, pixels: np.ndarray, lights: Sequence[Light] = ()) -> "Asked":
        """Ask for some pixels of a set, with the patches that the search of all integrations found."""
        return cls(
            some=some,
            pixels=pixels,
            science=~request.reference_pixels(),
            amplifiers=tuple(request.amplifiers()),
            detector=look_up_detector(request.detector),
            tgroup=request.exposures[0].set_key.tgroup,
            parameters=request.parameters,
            patch=in_patches(request.shape, lights),
        )


def rows_apart(asked: np.ndarray, amplifiers: Sequence[slice]) -> int:
    """Return one of how many rows tells what is usual; 1 where all do.

    Parameters
    ----------
    asked : numpy.ndarray, shape (y, x), bool
        Pixels that are to be judged.
    amplifiers : sequence of slice
        Columns of each amplifier.
    """
    told = max(LEAST_TOLD, _TOLD_FOR_EACH * max(int(np.count_nonzero(asked[:, columns])) for columns in amplifiers))
    pixels = min(len(asked) * (columns.stop - columns.start) for columns in amplifiers)
    return max(1, pixels // told)


def reached(asked: np.ndarray, reach: int = REACH, square: bool = False) -> np.ndarray:
    """Return some pixels and those around them, up to so many steps to a side, or in a square; bool (y, x)."""
    height, width = asked.shape
    y, x = np.divmod(np.flatnonzero(asked), width)
    around = asked.copy()
    side = range(-reach, reach + 1)
    for dy, dx in ((dy, dx) for dy in side for dx in side if square or abs(dy) + abs(dx) <= reach):
        around[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)] = True
    return around


def with_surroundings(asked: np.ndarray, lights: Sequence[Light]) -> np.ndarray:
    """Return some pixels, those of patches and what these are compared with, bool (y, x)."""
    if not lights:
        return asked
    return asked | reached(in_patches(asked.shape, lights), PATCH_SIDE // 2, square=True)
