"""The maps of an amplifier without what its pixels have from others: coupling, settling, what a column shares."""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.layout import SHAPE_FRACTION
from darkmask.search.parameters import SearchParameters

from .background import measure_settling, smooth
from .changing import ROWS_OF_SCATTER
from .coupling import Coupling, measure_coupling
from .evidence import Evidence
from .lines import Lines, measure_lines
from .robust import places, population
from .scattering import ScatterSearch

# What settles after a reset is left in the rates when it is less than this share of the faintest named rate: it then
# moves no name, and is no more than what the outputs drift by.
SETTLING_SHARE = 0.1
# A settling that differs from that of the amplifier's others by more sigma than this is taken for a bend of its own.
OWN_SETTLING = 5.0
# Nothing is known of the settling of a ramp that has a few reads; what is taken off is at most so many times the usual.
MOST_SETTLING = np.float32(20.0)
# Of so many good pixels beside a saturated one half of the ramps may be hit before those are called noisy for it: as
# many pixels are noisy.
HALF_HIT = 1e-3


class CorrectedAmplifier:
    """The maps of one amplifier, corrected step by step. Images have shape (y, its columns).

    Parameters
    ----------
    maps : CombinedMaps
        Maps of the whole set, since coupling crosses the edges of an amplifier.
    science : numpy.ndarray, shape (y, x), bool
        Of the whole set: False on reference pixels.
    columns : slice
    detector : Detector
    tgroup : float
        Group time, s.
    parameters : SearchParameters
    evidence : dict of str to Compared, optional
        Is filled with what each test compared, which keeps those maps in memory; see :mod:`.evidence`.
    looked_at : numpy.ndarray, shape (y, x), bool, optional
        Pixels of the whole set of which evidence is kept; of all by default.
    patch : numpy.ndarray, shape (y, x), bool, optional
        Pixels of the whole set among others that decay, see :class:`.changing.Patch`.
    pixels_only : bool
        Leave out what judges no pixel: rows that do something as one, and what tests compared.

    Attributes
    ----------
    rate, shape : numpy.ndarray, float32
        Rate (DN/s) and bend of the ramp (DN).
    coupled_rate, coupled_shape : numpy.ndarray, float32
        What the neighbours put into them.
    signal : numpy.ndarray, float32, DN
        Signal per group, which causes the shot noise.
    settling : float, DN/s
        What settling after a reset adds to the usual rate.
    columns, rows : Lines
        What each column, or row, does as one; set by :meth:`find_lines`, as ``dark`` is. ``rows`` is None with
        ``pixels_only``.
    dark : numpy.ndarray, float32, DN/s
        Smooth rate of good pixels.
    science, patch, looked_at : numpy.ndarray, bool
        Those given, of these columns.
    width : int
        Columns of the whole set.
    noise_of_good, noise_of_all : float
        Noise of a group difference of good pixels, DN, without those with jumps and with them; set by :meth:`noise`.
    """

    columns: Lines
    rows: Lines | None = None
    dark: np.ndarray
    noise_of_good: float
    noise_of_all: float

    def __init__(
        self,
        maps: CombinedMaps,
        science: np.ndarray,
        columns: slice,
        detector: Detector,
        tgroup: float,
        parameters: SearchParameters,
        evidence: Evidence | None = None,
        patch: np.ndarray | None = None,
        pixels_only: bool = False,
        looked_at: np.ndarray | None = None,
    ):
        self.detector, self.tgroup, self.parameters = detector, tgroup, parameters
        self.integrations, self.groups = maps.integrations, maps.groups
        self.maps = maps.of_columns(columns)
        self._columns = columns
        self._coupling = coupling = self._measured_coupling(maps, science)
        self.coupled_rate, self.rate = self._decoupled(maps, "rate")
        self.coupled_shape, self.shape = self._decoupled(maps, "shape")
        self.signal = np.clip(np.nan_to_num(self.rate), 0, None) * np.float32(tgroup)
        self.settling = 0.0
        self._added: np.ndarray | None = None
        self.looked_at = None if looked_at is None else looked_at[:, columns]
        told = evidence is not None if self.looked_at is None else self.looked_at
        self.changing = ScatterSearch(maps, columns, detector, coupling.share, parameters, tgroup, told)
        self.evidence, self.science, self.width = evidence, science[:, columns], science.shape[1]
        self.patch = np.zeros(self.rate.shape, bool) if patch is None else patch[:, columns]
        self.pixels_only = pixels_only

    @cached_property
    def late(self) -> np.ndarray:
        """Rate of the late half, which is asked only where something decays."""
        _, late = self._decoupled(self.changing.changes.rows, "late")
        return late if self._added is None else late - self._added

    def _measured_coupling(self, maps: CombinedMaps, science: np.ndarray) -> Coupling:
        return measure_coupling(maps, science, self._columns, self.detector, self.tgroup, self.parameters)

    def _decoupled(self, maps: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return what neighbours put into a map of the whole set in these columns, and the map without it."""
        return self._coupling.decoupled(getattr(maps, name), self._columns)

    def take_off_settling(self, good) -> None:
        """Take from the rates what settling after a reset adds to them, where it matters.

        The pipeline's rates are those of all groups. A fit without the first groups would need the ramps again, and
        would lose a seventh of its precision for a tenth of the groups.
        """
        slope = self.rate * np.float32(self.tgroup)
        found = measure_settling(slope, self.maps.change, self.shape, good, self.groups, quarter(self.groups))
        least = SETTLING_SHARE * self.parameters.warm_rate * self.tgroup / self.detector.gain
        if not (max(abs(found.common), abs(found.ends)) > least or found.share):
            return
        middle, spread = population(self.shape, good)
        bend = np.nan_to_num(self.shape - np.float32(middle)).clip(-OWN_SETTLING * spread, OWN_SETTLING * spread)
        self.settling = found.common / self.tgroup
        added = np.float32(self.settling) + bend * np.float32(found.share / self.tgroup)
        # Of an offset of the first read a line through fewer reads makes more: 6 / (n (n + 1)) of it.
        reads = (self.maps.differences + self.maps.jumps) / np.float32(self.integrations) + 1
        added = added * np.fmin(self.groups * (self.groups + 1) / (reads * (reads + 1)), MOST_SETTLING)
        # Beside a saturated pixel the pipeline fits nothing, and the mean of differences settles by more than a line.
        at = places(self.maps.saturated_first > 0)
        added[at] += np.float32((found.ends - found.common) / self.tgroup) * self._by_ends(at)
        self.rate, self._added = self.rate - added, added
        self.signal = np.clip(np.nan_to_num(self.rate), 0, None) * np.float32(self.tgroup)

    def _by_ends(self, at: Any) -> np.ndarray:
        """Return which share of the rates of some pixels is of integrations that begin saturated, by their weights."""
        without = self.maps.saturated_first[at].astype(np.float32)
        # The weights of :func:`.maps.pixel.measure_pixel`, of a line and of a mean of differences.
        line, ends = self.groups * (self.groups**2 - 1), 6 * (self.groups - 1) ** 2
        return without * ends / (without * ends + (self.integrations - without) * line)

    def find_lines(self, good) -> None:
        """Find the columns and rows that do something as one, and take off what the pixels of a column share."""
        self.dark = smooth(self.rate, good)
        beyond = self.rate - self.dark
        self.columns = measure_lines(self.maps, beyond, self.shape, good, self.tgroup)
        if not self.pixels_only:
            self.rows = measure_lines(_transposed(self.maps), beyond.T, self.shape.T, good.T, self.tgroup)
        self.rate = self.rate - self.columns.rate
        self.shape = self.shape - self.columns.shape

    def noise(self, judged, unlooked, scatter_of_good) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return how noisy each pixel is beyond the shot noise of its signal.

        Returns
        -------
        excess : numpy.ndarray, float32
            Sigma above good pixels of the cube root of the variance. The cube root of a variance of few differences is
            Gaussian far into the tail (Wilson and Hilferty 1931), while its square root is not.
        quiet, loud : numpy.ndarray, float32
            Noise of the differences without jumps, and with them, in units of the expected noise, at least 1.
        """
        maps = self.maps
        self.noise_of_good, _ = population(maps.noise, judged & ~unlooked)
        self.noise_of_all = scatter_of_good
        shot = self.signal / np.float32(self.detector.gain)
        relative = maps.noise / np.sqrt(np.float32(self.noise_of_good**2) + self.columns.noise + shot)
        excess = np.cbrt(relative * relative)
        centre, sigma = population(excess, judged & ~unlooked)
        most = np.float32(max(int(maps.differences.max()), 1))
        lost = np.sqrt(most / np.maximum(maps.differences, 1).astype(np.float32))
        excess -= np.float32(centre)
        excess /= np.float32(sigma) * lost
        del lost
        loud = maps.scatter / np.sqrt(np.float32(scatter_of_good**2) + self.columns.with_jumps + shot)
        del shot
        # Pixels beside saturated ones are few: the scatter of some rows of good pixels is known well enough to judge
        # them.
        some = np.s_[:: max(1, len(loud) // ROWS_OF_SCATTER)]
        centre, sigma = population(np.cbrt(loud[some] ** 2), (judged & ~unlooked)[some])
        beside = places(unlooked)
        quiet = relative
        if self._half_are_hit(judged & ~unlooked) <= HALF_HIT:
            excess[beside] = (np.cbrt(loud[beside] ** 2) - np.float32(centre)) / np.float32(sigma)
            quiet[beside] = loud[beside]
        else:
            # The jump step does not look there, and the median of all ramps does not tell hits from noise.
            excess[beside], quiet[beside], loud[beside] = 0, 1, 1
        return excess, np.fmax(quiet, 1, out=quiet), np.fmax(loud, 1, out=loud)

    def _half_are_hit(self, good: np.ndarray) -> float:
        """Return the share of good pixels that are hit in half of their integrations or more."""
        from scipy.special import bdtrc

        integrations = self.maps.integrations
        hit = -np.expm1(-self.changing.often_hit(good) / integrations)
        return float(bdtrc((integrations + 1) // 2 - 1, integrations, hit))

    def of_column(self, values: np.ndarray, at: Any) -> np.ndarray:
        """Return what columns have, shape (columns,), for the pixels at an index of an image."""
        return np.broadcast_to(values, self.rate.shape)[at]


def _transposed(maps: CombinedMaps) -> CombinedMaps:
    """Return maps of which the columns are rows; of rows it is not known how far their pixels agree."""
    unknown = np.zeros(len(maps.rate), np.float32)
    wanted = ("noise", "rate_scatter", "pedestal")
    return replace(maps, agreement=unknown, **{name: getattr(maps, name).T for name in wanted})


def quarter(groups: int) -> int:
    """Return how many group differences at each end of a ramp its shape is measured from."""
    return max(int(SHAPE_FRACTION * (groups - 1)), 1)
