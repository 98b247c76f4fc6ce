"""Hold the reads of a pixel in question, as its models are fitted to them."""

from typing import NamedTuple

import numpy as np


class Runs(NamedTuple):
    """Runs of reads that no cosmic ray or unusable group interrupts.

    Attributes
    ----------
    values, times : array, shape (read,), float64
        The reads, DN, and the group of each.
    begins : array, shape (run + 1,), int64
        The first read of each run, and the number of reads.
    shots : array, shape (run,), float64, DN**2
        Variance of a group difference by the shot noise of each run's signal.
    astray : float
        A read that lies on neither level costs no more than this chance, in units of the top of a Gaussian: where a
        group averages frames, it may have seen both. 0 where it does not.
    known : array, shape (read,), float64
        Set to the chance that a read lies on one of the levels.
    """

    values: np.ndarray
    times: np.ndarray
    begins: np.ndarray
    shots: np.ndarray
    astray: float
    known: np.ndarray
