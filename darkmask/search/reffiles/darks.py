"""The ``jwst_reffiles`` engine: the published package, kept away from everything else."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from darkmask.core.errors import SearchError, TooLittleError
from darkmask.search.keywords import FIXED_IN_CODE, OFFICIAL_KINDS
from darkmask.search.parameters import SearchParameters

from .process import run_worker

MIN_EXPOSURES = 5  # number of files, whatever they hold (find_bad_pix raises ValueError below it)
# Without flats bad_pixels() uses these search keywords, or records them in its header. It never passes ``plot`` on.
_KEYWORDS = (
    "dark_stdev_clipping_sigma",
    "dark_max_clipping_iters",
    "dark_noisy_threshold",
    "max_saturated_fraction",
    "pedestal_sigma_threshold",
    "rc_fraction_threshold",
    "low_pedestal_fraction",
    "high_cr_fraction",
    *FIXED_IN_CODE,
)


@dataclass(frozen=True)
class Triplet:
    """The products of one exposure.

    Attributes
    ----------
    jump, fitopt : Path
    rate : Path
        The ``_rateints`` file if it exists, else ``_rate``.
    """

    jump: Path
    fitopt: Path
    rate: Path


@dataclass(frozen=True)
class ReffilesResult:
    """The bad pixels that the package found.

    Attributes
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
        Categories on the whole frame of the set, 0 on reference pixels.
    dq : numpy.ndarray, shape (y, x), uint32
        DQ as the package wrote it.
    version : str
        Version of the package.
    """

    categories: np.ndarray
    dq: np.ndarray
    version: str


def search_reffiles(
    triplets: Sequence[Triplet], parameters: SearchParameters, *, detector: str, subarray: str
) -> ReffilesResult:
    """Run ``bad_pixels()`` of jwst_reffiles on the exposures of one set.

    The package runs in a process and a temporary folder of its own, because it changes the flags that it is given and
    writes into the working directory. A full frame takes some 12 s and 3 to 4 GB.

    Parameters
    ----------
    triplets : sequence of Triplet
    parameters : SearchParameters
    detector, subarray : str
        Names for the messages of errors.

    Raises
    ------
    SearchError
        When there are fewer than 5 exposures, a ``_rate`` stands for several integrations, a kind of bad pixel has no
        flag (the package then hides where it is), or the package is missing or failed.
    """
    name = f"{detector} {subarray}"
    if len(triplets) < MIN_EXPOSURES:
        raise TooLittleError(
            f"jwst_reffiles needs at least {MIN_EXPOSURES} exposures and the delivery has {len(triplets)} of {name}: "
            "add exposures, or search with --engine=native."
        )
    if importlib.util.find_spec("jwst_reffiles") is None:
        raise SearchError(
            f"jwst_reffiles is not installed and was asked to search {name}: install jwst_reffiles==1.0.1, or search "
            "with --engine=native."
        )
    _check_flags(parameters, name)
    for triplet in triplets:
        _check_integrations(triplet)
    job: dict[str, Any] = {
        kind: [str(Path(getattr(t, kind)).resolve()) for t in triplets] for kind in ("jump", "fitopt", "rate")
    }
    job["keywords"] = {key: getattr(parameters, key) for key in _KEYWORDS} | _flag_keywords(parameters)
    what = f"the {len(triplets)} exposures of {name}"
    with run_worker("darks_worker", job, what, "look at the files named, or search with --engine=native") as result:
        return ReffilesResult(result["categories"], result["dq"], str(result["version"]))


def _check_flags(parameters: SearchParameters, name: str) -> None:
    for kind in OFFICIAL_KINDS:
        if not parameters.flag_values[kind] and kind not in parameters.dark_do_not_use:
            raise SearchError(
                f"flag_values gives {kind!r} no mnemonic and dark_do_not_use leaves it out, so that jwst_reffiles "
                f"would not tell where those pixels of {name} are: name a mnemonic, or search with --engine=native."
            )


def _check_integrations(triplet: Triplet) -> None:
    """Refuse a 2-D rate with a fitopt of several integrations, which ends in an IndexError in the package."""
    from astropy.io import fits

    try:
        with fits.open(triplet.rate) as rate, fits.open(triplet.fitopt) as fitopt:
            slopes, pedestals = rate["SCI"].shape, fitopt["PEDESTAL"].shape
    except (OSError, KeyError, TypeError) as error:
        raise SearchError(
            f"{Path(triplet.rate).name} and {Path(triplet.fitopt).name} cannot be read ({error}), and a search needs "
            "SCI of the one and PEDESTAL of the other: make the products again, or transfer them again."
        ) from error
    held = 1 if len(slopes) == 2 else slopes[0]
    if held != pedestals[0]:
        raise SearchError(
            f"{Path(triplet.rate).name} holds the rate of {held} integration{'s' if held > 1 else ''} and "
            f"{Path(triplet.fitopt).name} has {pedestals[0]}: jwst_reffiles needs the _rateints of this exposure."
        )


def _flag_keywords(parameters: SearchParameters) -> dict:
    """Return the flags as lists that hold each mnemonic once: the package adds values up, and 1 + 1 is SATURATED."""
    unusable = list(parameters.dark_do_not_use)
    values = {
        kind: [m for m in dict.fromkeys(names) if not (m == "DO_NOT_USE" and kind in unusable)]
        for kind, names in parameters.flag_values.items()
    }
    return {"flag_values": values, "dark_do_not_use": unusable}
