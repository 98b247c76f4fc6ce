"""Measure the bias of raw darks by the first group of every integration, and compare it with a superbias in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darkmask.core.errors import SearchError
from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED

# Resets from which a median absolute deviation is good to a third; one that a cosmic ray hit then counts for nothing.
MIN_RESETS = 10
# A good pixel seems unreliable with this probability: 5 sigma of a Gaussian, one in a detector's 4 million.
FALSE_ALARM = 2.9e-7
# Of the difference from the superbias in force, against the robust scatter of that of all pixels.
OFFSET_SIGMA = 5.0
_ROWS_AT_ONCE = 128


@dataclass(frozen=True)
class Resets:
    """What the first groups of several integrations say of the bias of each pixel.

    Attributes
    ----------
    number : int
        Of resets.
    median, scatter : numpy.ndarray, shape (y, x), float32, DN
        Median over resets, and 1.4826 times the median absolute deviation from it.
    """

    number: int
    median: np.ndarray
    scatter: np.ndarray

    def unreliable(self, good: np.ndarray) -> np.ndarray:
        """Return where the bias scatters more between resets than chance makes a good pixel scatter, bool (y, x).

        Parameters
        ----------
        good : numpy.ndarray, shape (y, x), bool
            The pixels whose median scatter is the usual one.
        """
        # Of few values it is too low (Croux and Rousseeuw 1992): without this, false alarms come three times as often.
        usual = np.median(self.scatter[good]) * self.number / (self.number - 0.8)
        found: np.ndarray = self.scatter > scatter_limit(self.number) * usual
        return found

    def off(self, superbias: np.ndarray, good: np.ndarray, amplifiers: Sequence[slice]) -> np.ndarray:
        """Return where the bias is another than that in force, bool (y, x).

        Each amplifier may have moved as a whole, which the reference pixels correct: its median difference is taken
        off. What the pixels of an amplifier differ by is compared with their own robust scatter.

        Parameters
        ----------
        superbias : numpy.ndarray, shape (y, x), float, DN
            NaN where nothing is known, which is off.
        good : numpy.ndarray, shape (y, x), bool
            The pixels by which the others are judged.
        amplifiers : sequence of slice
        """
        off = np.zeros(good.shape, dtype=bool)
        difference = self.median - superbias
        for columns in amplifiers:
            part = difference[:, columns]
            usual = part[good[:, columns] & np.isfinite(part)]
            if not usual.size:
                off[:, columns] = True
                continue
            centre = np.median(usual)
            sigma = MAD_TO_SIGMA_ROUNDED * np.median(np.abs(usual - centre))
            off[:, columns] = ~(np.abs(part - centre) <= OFFSET_SIGMA * sigma)
        return off


def scatter_limit(number: int) -> float:
    """Return how many times the usual scatter of so many resets a good pixel exceeds once in 1 / FALSE_ALARM.

    A median absolute deviation exceeds a limit when half of the values lie beyond it, so that its chance is binomial.
    Drawn at random, 5e-7 of pixels exceed it with 10 resets, and fewer with more.
    """
    from scipy.optimize import brentq
    from scipy.stats import binom, norm

    most = brentq(lambda p: binom.sf((number - 1) // 2, number, p) - FALSE_ALARM, 1e-12, 0.5)
    return float(norm.isf(most / 2) * MAD_TO_SIGMA_ROUNDED)


def measure_resets(paths: Sequence[Path], *, name: str) -> Resets:
    """Measure the bias of each pixel in the first group of every integration, in blocks of rows.

    Parameters
    ----------
    paths : sequence of Path
        ``_uncal`` files of one set.
    name : str
        Of the set, for the messages of errors.

    Raises
    ------
    SearchError
        When there are too few resets, or a file can no longer be read.
    """
    from astropy.io import fits

    try:
        shapes = [fits.getheader(path, "SCI") for path in paths]
        number = sum(header["NAXIS4"] for header in shapes)
        if number < MIN_RESETS:
            raise SearchError(
                f"the scatter of the bias needs at least {MIN_RESETS} resets and the _uncal files of {name} have "
                f"{number} integrations: add exposures."
            )
        rows, columns = shapes[0]["NAXIS2"], shapes[0]["NAXIS1"]
        median, scatter = np.empty((2, rows, columns), np.float32)
        for first in range(0, rows, _ROWS_AT_ONCE):
            some = slice(first, min(first + _ROWS_AT_ONCE, rows))
            stack = np.concatenate([_first_groups(path, some) for path in paths])
            median[some] = np.median(stack, axis=0)
            scatter[some] = MAD_TO_SIGMA_ROUNDED * np.median(np.abs(stack - median[some]), axis=0)
    except (OSError, KeyError, ValueError) as error:
        raise SearchError(f"an _uncal file of {name} cannot be read ({error}): deliver it again.") from error
    return Resets(number, median, scatter)


def _first_groups(path: Path, rows: slice) -> np.ndarray:
    """Return some rows of group 0 of every integration, float32 (integration, y, x), DN."""
    from astropy.io import fits

    with fits.open(path) as hdus:
        # A section is read alone, with its BZERO; ``.data`` would read the whole ramp.
        science = hdus["SCI"]
        return np.stack([science.section[i, 0, rows].astype(np.float32) for i in range(science.header["NAXIS4"])])


def superbias_in_force(folder: Path, detector: str, subarray: str, readpatt: str) -> Path | None:
    """Return the SUPERBIAS reference file of a set in a folder, or None where there is none.

    Raises
    ------
    SearchError
        When more than one fits.
    """
    from astropy.io import fits

    found = []
    for path in sorted([*folder.rglob("*.fits"), *folder.rglob("*.fits.gz")]):
        try:
            header = fits.getheader(path)
        except OSError:
            continue  # who reads the masks of this folder says so
        wanted = {"REFTYPE": ("SUPERBIAS",), "DETECTOR": (detector,), "SUBARRAY": (subarray, "GENERIC")}
        wanted["READPATT"] = (readpatt, "ANY", "N/A", "")
        if all(str(header.get(key, "")).strip().upper() in values for key, values in wanted.items()):
            found.append(path)
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise SearchError(f"{folder} holds more than one superbias of {detector} {subarray} ({names}): leave one.")
    return found[0] if found else None


def read_superbias(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read a SUPERBIAS reference file: DN, shape (y, x), float64.

    Raises
    ------
    SearchError
        When it cannot be read, or has another shape than the exposures.
    """
    from astropy.io import fits

    try:
        data = np.asarray(fits.getdata(path, "SCI"), dtype=np.float64)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise SearchError(f"{path} cannot be read as a superbias ({error}): replace it.") from error
    if data.shape != shape:
        size = "x".join(map(str, data.shape[::-1]))
        raise SearchError(f"{path} has {size} pixels and the exposures {shape[1]}x{shape[0]}: give that of the set.")
    return data
