"""Judge what changes between integrations: pixels that come and go, and patches that decay.

A change is judged by the pixel's own error, and by the scatter of the good pixels of its amplifier where that is more:
low-frequency noise and drifts that all pixels share make no pixel bad.
"""

from typing import Any, NamedTuple

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.search.maps.changes import LEVEL_UNIT, SIGMA_UNIT, ChangeMaps
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.pixel import HEIGHT_UNIT
from darkmask.search.parameters import SearchParameters

from .coupling import MOST_COUPLED, SIDES
from .hits import BY_CHANCE, Hits, usual_second
from .patches import decaying_squares, glowing_pixels
from .robust import places, population

# A pixel is good again where it would rest so long in one of twenty cases, had it only come and gone.
RESTS_BY_CHANCE = 0.05
# A share of a neighbour's change may remain after the subtraction of what it couples in, see
# :data:`.coupling.COUPLING_TOLERANCE`, where its neighbours do not tell that it is more.
COUPLED = 1.1
# Two steps, or two levels, of one height differ by less than this many sigma of both in 99.7 % of cases.
LIKE_HEIGHT = 3 * np.sqrt(2)
# Of the jumps that radiation makes so many are like a fall that noise alone makes, of some 5 sigma: a sixth of those
# simulated, whose charge spreads over decades, lie between 5 and 9.5 sigma.
LIKE_HITS = 1 / 6
# The scatter of the mean of the two differences that share a read, one of them turned, over that of a difference.
GLITCH = np.sqrt(3) / 2
# In a patch, the pixels that decay themselves: a good one is among them in 2 % of cases.
DECAYS_IN_PATCH = 2.0


# The good pixels of so many rows tell how a quantity scatters: 100,000 pixels know it to half a per cent.
ROWS_OF_SCATTER = 256


def usual(values: np.ndarray, where: np.ndarray) -> tuple[float, float]:
    """Return the centre and the scatter of good pixels, measured in some of the rows."""
    some = np.s_[:: max(1, len(values) // ROWS_OF_SCATTER)]
    return population(values[some].astype(np.float32), where[some])


class Patch(NamedTuple):
    """Pixels that decay together, as places of the flattened frame, increasing.

    Attributes
    ----------
    region : numpy.ndarray, shape (n,), int64
        Whose squares decay: up to a few pixels beyond those that glow.
    glowing : numpy.ndarray, shape (m,), int64
        Whose neighbours decay by half of what they do in the core. A pixel's own trend does not tell whether it is
        among them: chance would choose those that began too high.
    begins : int
        Number of the integration from which on they were looked at.
    """

    region: np.ndarray
    glowing: np.ndarray
    begins: int = 0


def find_patches(
    changes: ChangeMaps, science: np.ndarray, amplifiers: tuple[slice, ...], parameters: SearchParameters
) -> tuple[Patch, ...]:
    """Return the patches of pixels that decay, by their first pixel; none when the times are not known."""
    if not changes.order.contrast.any():
        return ()
    centres, scales = np.zeros((2, science.shape[1]), np.float32)
    for columns in amplifiers:
        centre, sigma = usual(changes.rows.trend[:, columns], science[:, columns])
        if sigma > 0:
            centres[columns], scales[columns] = centre, 1 / max(sigma, 1 / SIGMA_UNIT)
    below = np.empty(science.shape, bool)
    if not decaying_squares(changes.rows.trend, science, centres, scales, below):
        return ()
    from scipy.ndimage import label

    clumps, _ = label(below, np.ones((3, 3)))
    places = np.flatnonzero(below)
    numbers = clumps.ravel()[places]
    # A stable order keeps the places of each increasing.
    order = np.argsort(numbers, kind="stable")
    parts = np.split(places[order], np.flatnonzero(np.diff(numbers[order])) + 1)
    regions = [part for part in parts if part.size >= parameters.patch_pixels]
    return tuple(Patch(one, glowing_pixels(changes.rows.trend, science, centres, scales, one)) for one in regions)


class ChangeSearch:
    """The judgement of changes in the columns of an amplifier.

    Parameters
    ----------
    maps : CombinedMaps
        Maps of the whole set, since coupling crosses the edges of an amplifier.
    columns : slice
    detector : Detector
    coupling : float
        Share of a pixel's signal that each of its four neighbours takes on.
    parameters : SearchParameters
    tgroup : float
        Group time, s.
    told : bool, or numpy.ndarray of shape (y, columns), bool
        Give the numbers of all pixels, or of these, for a reader. Others that cannot reach a limit have a distance of
        0, since they are nearly all.
    """

    def __init__(
        self,
        maps: CombinedMaps,
        columns: slice,
        detector: Detector,
        coupling: float,
        parameters: SearchParameters,
        tgroup: float,
        told: bool | np.ndarray = False,
    ):
        if maps.changes is None:
            raise ValueError("These maps were combined without the maps of change.")
        self.changes = maps.changes
        self.rows = maps.changes.part(np.s_[:, columns]).rows
        self.maps, self.detector, self.parameters = maps.of_columns(columns), detector, parameters
        self.integrations, self.told = maps.integrations, told
        self.averaged = maps.read_variance < 0.99 * detector.read_noise**2
        self._columns, self._coupling, self._whole, self._tgroup = columns, coupling, maps, tgroup

    def _reaching(self, image: np.ndarray, least: float) -> Any:
        """Return the index of the pixels of a map of whole numbers that reach a limit, or nearly do."""
        if self.told is True:
            return np.s_[...]
        # A pass over whole numbers; what rounding may move over the limit is among them.
        reaching = image >= np.int16(np.clip(np.nan_to_num(least, nan=np.inf) - 1, -32_768, 32_767))
        return places(reaching if self.told is False else reaching | self.told)

    def _own_spread(self) -> np.ndarray:
        """Return the share of the distance between the two states that is the pixel's own and not coupled into it."""
        columns, coupling = self._columns, self._coupling
        wide = slice(max(columns.start - 1, 0), columns.stop + 1)
        rows = self.changes.part(np.s_[:, wide]).rows
        share: np.ndarray = np.ones(self.rows.second.shape, np.float32)
        # The states of good pixels differ by noise alone, which couples nothing.
        y, x = places(rows.second >= np.int16(np.ceil(self.parameters.change_significance / SIGMA_UNIT)))
        height, width = rows.second.shape
        edge, given = np.zeros((2, height + 2, width + 2), np.float32)
        apart = edge[y + 1, x + 1] = np.nan_to_num(rows.high[y, x] - rows.low[y, x])
        apart = np.where(apart > 0, apart, np.inf)
        near = tuple((y + 1 + dy, x + 1 + dx) for dy, dx in SIDES)
        # As of steady rates: of its neighbours the one that takes on the second least tells what a pixel couples.
        told = np.sort([edge[place] / apart for place in near], axis=0)[1]
        given[y + 1, x + 1] = np.clip(told, COUPLED * coupling, MOST_COUPLED * coupling) * edge[y + 1, x + 1]
        own = np.clip(1 - sum(given[place] for place in near) / apart, 0, 1)
        here = x + wide.start - columns.start
        inside = (here >= 0) & (here < columns.stop - columns.start)
        share[y[inside], here[inside]] = own[inside]
        return share

    def beyond(self, judged: np.ndarray, unlooked: np.ndarray) -> tuple[Any, np.ndarray, float, int]:
        """Return how far rates lie off, relative to what radiation reaches by chance.

        A pixel with one integration alone that lies off may have been hit. How many there are, and how far they lie
        off, tells how often two of one pixel, or three, are hit by chance.

        Returns
        -------
        at : index of an image
            The pixels that may be beyond the limit.
        distance : numpy.ndarray, float32
            Their second or third largest distance in sigma, whichever says more; less than the limit where radiation
            reaches it.
        limit : float
            Sigma that count as a change.
        alone : int
            Number of good pixels with one integration alone beyond the limit.
        """
        rows, good, number = self.rows, judged & ~unlooked, self.integrations
        centre, _ = usual(rows.second, good)
        scale = max(centre * SIGMA_UNIT / usual_second(number), 1.0) if np.isfinite(centre) else 1.0
        limit = self.parameters.change_significance * scale
        hits = Hits.beyond(limit, rows.largest, rows.second, good, SIGMA_UNIT, number)
        # No other number makes a distance larger than the second largest.
        at = self._reaching(rows.second, limit / SIGMA_UNIT)
        own = self._own_spread()[at]
        distances = [
            image[at] * np.float32(SIGMA_UNIT * limit / max(hits.reach(together), limit)) * own
            for together, image in ((2, rows.second), (3, rows.third))
        ]
        # The jump step does not look beside a saturated pixel: radiation stays in the rates there.
        distance = np.where(unlooked[at], distances[1], np.fmax(*distances)).astype(np.float32)
        return at, distance, limit, hits.distances.size

    def switches(
        self, good: np.ndarray, noise_of_good: float | np.ndarray, signal: np.ndarray
    ) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the height of the deepest fall and a rise of like height, in own sigma, and what chance reaches.

        They are those of the pixels at an index, which comes first; no other falls as deep.

        Parameters
        ----------
        good : numpy.ndarray, bool
            Pixels that tell how often one is hit.
        noise_of_good : float, or numpy.ndarray of shape (x,)
            Noise of a difference of good pixels, those with jumps included, DN.
        signal : numpy.ndarray, float32, DN/group
        """
        from scipy.special import ndtri

        # A difference has no less of its own noise than a good pixel's; with more differences, more is asked.
        noise = np.sqrt(2 * self.maps.read_variance)
        least = -ndtri(self.parameters.switch_chance) * min(float(np.nan_to_num(np.min(noise_of_good))) / noise, 1.0)
        at = self._reaching(self.rows.fall, least / HEIGHT_UNIT)
        shot = signal[at] / self.detector.gain
        nominal = np.sqrt(2 * self.maps.read_variance + shot)
        usual_noise = np.broadcast_to(noise_of_good, signal.shape)[at]
        own = np.fmax(self.maps.noise[at], np.sqrt(np.square(usual_noise) + shot)) / nominal
        fall, rise = (image[at] * HEIGHT_UNIT / own for image in (self.rows.fall, self.rows.rise))
        number = np.maximum(self.maps.differences[at] + self.maps.jumps[at], 1)
        each = -ndtri(self.parameters.switch_chance / number)
        # One read that lies off makes a fall and a rise: their mean has this share of the scatter of a difference.
        both = (GLITCH * -ndtri(BY_CHANCE / number)).astype(np.float32)
        # Radiation makes the rise, and noise alone a fall that happens to be like it: of a pixel that is hit often, a
        # fall must be rarer.
        by_hits = BY_CHANCE / max(LIKE_HITS * self.often_hit(good), BY_CHANCE)
        alone = -ndtri(min(self.parameters.switch_chance, by_hits) / number)
        # A switch within a group that averages frames is shared by two differences, and half of it is in one of them.
        shared = np.fmax(fall, rise) / 2 if self.averaged else 0
        alike = (np.abs(fall - rise) <= LIKE_HEIGHT + shared) & (fall >= alone) & (rise >= each)
        return at, np.where(alike, (fall + rise) / 2, 0).astype(np.float32), both

    def often_hit(self, good: np.ndarray) -> float:
        """Return in how many integrations a good pixel has a jump of its own, in the mean."""
        some = np.s_[:: max(1, len(good) // ROWS_OF_SCATTER)]
        stepped = self.rows.stepped[some][good[some]]
        # By how many have none: a bad pixel may have any number.
        share = np.count_nonzero(stepped) / max(stepped.size, 1)
        return float(-np.log1p(-min(share, 0.999)))

    def levels(self, good: np.ndarray, noise_of_good: float) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return how far first groups lie off, of more integrations than are hit before them, and the limit.

        The distance, DN, is that of the second farthest where the farthest is like it, and of the third farthest
        otherwise: a reset that scatters leaves no two alike. They are those of the pixels at an index, which comes
        first; no other's level lies as far.

        Parameters
        ----------
        good : numpy.ndarray, bool
            Pixels that tell how levels scatter: the noise of a reset, and of a read.
        noise_of_good : float
            Noise of a difference of good pixels, DN.
        """
        centre, _ = usual(self.rows.level, good)
        reset = centre * LEVEL_UNIT / usual_second(self.integrations)
        beyond = self.parameters.change_significance * reset
        # Nothing makes the scatter of a level less than that of good pixels.
        at = self._reaching(self.rows.level, beyond / LEVEL_UNIT)
        level, farthest, third = (
            image[at] * np.float32(LEVEL_UNIT)
            for image in (self.rows.level, self.rows.farthest_level, self.rows.third_level)
        )
        # Half the variance of a difference is that of a read.
        more = np.fmax(self.maps.noise[at] ** 2 - np.float32(noise_of_good**2), 0) / 2
        sigma = np.sqrt(np.float32(reset**2) + more)
        # A hit before the end of the first group leaves a level too, once. Of three none has to be like another.
        like = farthest - level <= np.float32(LIKE_HEIGHT) * sigma
        two = three = np.inf
        if np.isfinite(beyond):
            hits = Hits.beyond(beyond, self.rows.farthest_level, self.rows.level, good, LEVEL_UNIT, self.integrations)
            # Two are like each other in one of ten cases at the most, since they spread over decades of energy.
            two, three = hits.reach(2, 10 * BY_CHANCE), hits.reach(3)
        distance = np.fmax(np.where(like & (level >= two), level, 0), np.where(third >= three, third, 0))
        return at, distance.astype(np.float32), np.float32(self.parameters.change_significance) * sigma

    def trend(self, good: np.ndarray, patch: np.ndarray) -> np.ndarray:
        """Return the trend of the rate with the logarithm of time, in sigma of good pixels, float32.

        Of pixels outside ``patch`` that do not decay it is 0, unless those of all are asked for.
        """
        centre, sigma = usual(self.rows.trend, good)
        trend: np.ndarray = np.zeros(good.shape, np.float32)
        if sigma > 0:
            scale = max(sigma, 1 / SIGMA_UNIT)
            least = np.int16(np.clip(centre - self.parameters.trend_significance * scale + 1, -32_768, 32_767))
            at = places((self.rows.trend <= least) | patch | self.told)
            trend[at] = (self.rows.trend[at] - np.float32(centre)) / np.float32(scale)
        return trend

    def lasting(self, at: Any) -> np.ndarray:
        """Return where the high state lasts from some integration, two at least, to the last; bool, of an index."""
        highs, first = self.rows.highs[at], self.rows.first_high[at]
        known = bool(self.changes.times)
        return known & (highs >= 2) & (first == self.integrations - highs)

    def over(self, at: Any) -> np.ndarray:
        """Return where the high state is over in the whole of the last epoch, of two integrations, and the low not hot.

        What comes and goes rests as long by chance: by how often it did before, that must be rare.
        """
        epochs = np.array(self.changes.epochs)
        last = int(np.searchsorted(epochs, epochs[-1]))
        rest = self.integrations - last
        highs = self.rows.highs[at]
        rests = np.clip(1 - highs / max(last, 1), 0, 1) ** rest
        over: np.ndarray = (highs > 0) & (self.rows.last_high[at] < last) & (rests <= RESTS_BY_CHANCE)
        # What only fades may be as hot as others in its low state.
        over &= self.rows.low[at] * np.float32(self.detector.gain) < self.parameters.hot_rate
        return over & (bool(last) and rest >= 2)
