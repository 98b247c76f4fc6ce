"""Measure the superbias of raw darks by ``jwst_reffiles.superbias``: clipped mean and scatter of first groups."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darkmask.core.errors import SearchError
from darkmask.delivery.records import FileRecord

from .process import run_worker

# The scatter of fewer exposures means nothing: with five it has an uncertainty of a third.
MIN_EXPOSURES = 5


@dataclass(frozen=True)
class Superbias:
    """The bias of each pixel, by the first groups of several exposures.

    Attributes
    ----------
    mean, scatter : numpy.ndarray, shape (y, x), float64, DN
        Sigma-clipped (3 sigma, 3 iterations) mean and standard deviation over exposures.
    unreliable : numpy.ndarray, shape (y, x), bool
        UNRELIABLE_BIAS: the scatter lies more than 5 sigma above the mean of all pixels' scatter (clipped in the same
        way), or is NaN.
    version : str
        Version of jwst_reffiles.
    """

    mean: np.ndarray
    scatter: np.ndarray
    unreliable: np.ndarray
    version: str


def raw_set(records: Sequence[FileRecord], detector: str, subarray: str) -> tuple[FileRecord, ...]:
    """Return the largest set of ``_uncal`` files whose first groups can be compared.

    Returns
    -------
    tuple of FileRecord
        Files of one read-out pattern, number of outputs and frame, one for each exposure, ordered by path; empty when
        there are none.
    """
    sets: dict[tuple, list[FileRecord]] = {}
    for record in records:
        # An exposure counts once, with the first integration that it has.
        if (record.detector, record.subarray) == (detector, subarray) and record.segment == 1:
            key = (record.readpatt, record.noutputs, record.shape[-2:], record.xstart, record.ystart)
            sets.setdefault(key, []).append(record)
    largest = max(sets, key=lambda key: (len(sets[key]), key), default=None)
    return tuple(sorted(sets[largest], key=lambda record: record.path)) if largest else ()


def measure_superbias(paths: Sequence[Path], *, detector: str, subarray: str) -> Superbias:
    """Measure the bias of each pixel in the first group of the first integration of each exposure.

    The measurement has a process of its own, so that its memory is freed: 8 bytes for each pixel and exposure, six
    times over.

    Parameters
    ----------
    paths : sequence of Path
        ``_uncal`` files of one set (:func:`raw_set`).
    detector, subarray : str
        Names for the messages of errors.

    Raises
    ------
    SearchError
        When there are fewer than 5 exposures, or jwst_reffiles is missing or failed.
    """
    name = f"{detector} {subarray}"
    if len(paths) < MIN_EXPOSURES:
        raise SearchError(
            f"the scatter of the bias needs at least {MIN_EXPOSURES} _uncal files and the delivery has {len(paths)} of "
            f"{name}: add exposures."
        )
    if importlib.util.find_spec("jwst_reffiles") is None:
        raise SearchError(
            f"jwst_reffiles is not installed and was to measure the superbias of {name}: install jwst_reffiles==1.0.1."
        )
    job = {"paths": [str(Path(path).resolve()) for path in paths]}
    what = f"the superbias of {len(paths)} exposures of {name}"
    with run_worker("superbias_worker", job, what) as result:
        return Superbias(result["mean"], result["scatter"], result["unreliable"], str(result["version"]))
