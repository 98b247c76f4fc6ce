"""Place the defects of a detector, and choose how strong they are."""

from dataclasses import dataclass

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import Geometry
from darkmask.core.errors import ParameterError

from .spec import FULL_FRAME_TIME, SimulationSpec

# e-/s. Hot and warm rates spread over three decades, log-uniform; the CV3 cut parts them (docs of hot_rate). Warm rates
# start a little above warm_rate (0.05), where a mini-frame delivery could not tell them from its noise anyway.
WARM_RATES = (0.06, 0.275)
HOT_RATES = (0.275, 60.0)
# The brightest few fill their well before the ramp ends (a mini-frame ramp lasts 215 s: from about 500 e-/s).
BRIGHTEST_RATES = (60.0, 1200.0)
BRIGHTEST_SHARE = 0.04
# Flight lists of new hot pixels show clumps and crosses; this share of hot and warm pixels touches another one.
CLUSTERED_SHARE = 0.15
CLUSTER_SIZES = (2, 5)
# Two defects keep this many pixels apart along rows or columns, so that the four neighbours that the jump step flags,
# and the eight that the saturation step grows into, belong to one defect each.
SEPARATION = 3
# Each subarray gets at least this many of every category that is simulated at all.
LEAST_IN_SUBARRAY = 3

UNITS = {
    Category.SATURATED: "DN",
    Category.HOT: "electron / s",
    Category.WARM: "electron / s",
    Category.RC: "DN",
    Category.INVERSE_RC: "DN",
    Category.TELEGRAPH: "DN",
    Category.NOISY: "",
    Category.LOW_PEDESTAL: "DN",
}


@dataclass(frozen=True)
class Defects:
    """The defects of one detector, fixed for all its exposures and subarrays; arrays of one length.

    Attributes
    ----------
    x, y : numpy.ndarray, int
        Array indices in the full frame (science orientation), from 0.
    category : numpy.ndarray of Category
    strength : numpy.ndarray, float
        Hot and warm: dark rate of the pixel, e-/s. RC and inverse RC: amplitude of the exponential, DN. Telegraph:
        distance of the two levels, DN. Noisy: factor on the read noise. Low pedestal: pedestal, DN. Saturated: level
        where the counts stop, DN.
    timescale : numpy.ndarray, float
        RC and inverse RC: time constant, s; telegraph: mean dwell time in a level, s; 0 for others.
    pedestal : numpy.ndarray, float
        Extra pedestal of RC and inverse RC pixels, DN.
    cluster : numpy.ndarray, int
        Number of the clump of touching hot pixels, -1 for isolated ones.
    """

    x: np.ndarray
    y: np.ndarray
    category: np.ndarray
    strength: np.ndarray
    timescale: np.ndarray
    pedestal: np.ndarray
    cluster: np.ndarray

    def of(self, *categories: Category) -> "Defects":
        """Return the defects of some categories."""
        return self._where(np.isin(self.category, [str(c) for c in categories]))

    def inside(self, rows: slice, columns: slice) -> "Defects":
        """Return the defects within a cut-out of the frame, with x and y counted from its corner."""
        cut = self._where(
            (self.y >= rows.start) & (self.y < rows.stop) & (self.x >= columns.start) & (self.x < columns.stop)
        )
        object.__setattr__(cut, "x", cut.x - columns.start)
        object.__setattr__(cut, "y", cut.y - rows.start)
        return cut

    def _where(self, chosen: np.ndarray) -> "Defects":
        return Defects(**{name: values[chosen] for name, values in vars(self).items()})


def draw_defects(spec: SimulationSpec, detector_name: str, saturation: float) -> Defects:
    """Place the defects of a detector, ordered by row, then column.

    Parameters
    ----------
    spec : SimulationSpec
    detector_name : str
    saturation : float
        Level at which the counts of a saturated pixel stop, DN.
    """
    rng = spec.generator(detector_name, "defects")
    science = (spec.frame - 2 * spec.border) ** 2
    counts = {category: round(fraction * science) for category, fraction in spec.fractions.items()}
    place = _Placer(spec, rng)
    rows: list[tuple] = []

    # The pixels that subarrays must get come first: later the frame may be too full for them.
    regions = [s.window.slices for s in spec.cut_outs if s.detector == detector_name]
    for region in regions:
        for category, count in counts.items():
            if count:
                for _ in range(LEAST_IN_SUBARRAY):
                    rows.append((*place.one(region), category, -1))
                counts[category] = max(0, count - LEAST_IN_SUBARRAY)

    # Hot and warm pixels are shuffled together, and the first of them form clumps.
    pool = [c for c in (Category.HOT, Category.WARM) for _ in range(counts.pop(c, 0))]
    rng.shuffle(pool)
    left = round(CLUSTERED_SHARE * len(pool))
    number = 0
    while left >= CLUSTER_SIZES[0]:
        size = min(int(rng.integers(CLUSTER_SIZES[0], CLUSTER_SIZES[1] + 1)), left)
        rows += [(x, y, pool.pop(), number) for x, y in place.clump(size)]
        number, left = number + 1, left - size
    for category in [*pool, *(c for c, count in counts.items() for _ in range(count))]:
        rows.append((*place.one(), category, -1))

    rows.sort(key=lambda row: (row[1], row[0]))
    x, y, kinds, cluster = (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.zeros(0)] * 4
    kinds = kinds.astype("U16")
    strength, timescale, pedestal = _strengths(kinds, rng, saturation, spec.weakest)
    return Defects(x.astype(int), y.astype(int), kinds, strength, timescale, pedestal, cluster.astype(int))


def _strengths(category: np.ndarray, rng: np.random.Generator, saturation: float, weakest: float):
    strength, timescale, pedestal = (np.zeros(category.size) for _ in range(3))

    def log_uniform(low: float, high: float, size: int) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), size))

    def fill(name: Category, draw) -> np.ndarray:
        where = np.flatnonzero(category == name)
        strength[where] = draw(where.size)
        return where

    fill(Category.SATURATED, lambda n: np.full(n, saturation))
    fill(Category.WARM, lambda n: log_uniform(weakest * WARM_RATES[0], WARM_RATES[1], n))
    fill(
        Category.HOT,
        lambda n: np.where(
            rng.random(n) < BRIGHTEST_SHARE, log_uniform(*BRIGHTEST_RATES, n), log_uniform(*HOT_RATES, n)
        ),
    )
    # RC amplitudes range from about the smallest that shows over 100 s of ramp to a third of the well.
    where = fill(Category.RC, lambda n: log_uniform(weakest * 1500.0, 15_000.0, n))
    timescale[where] = rng.uniform(1.5, 4.0, where.size) * FULL_FRAME_TIME
    pedestal[where] = rng.uniform(weakest * 1200.0, weakest * 6000.0, where.size)
    where = fill(Category.INVERSE_RC, lambda n: log_uniform(weakest * 300.0, 3000.0, n))
    timescale[where] = rng.uniform(1.5, 6.0, where.size) * FULL_FRAME_TIME
    pedestal[where] = rng.uniform(weakest * 300.0, weakest * 1500.0, where.size)
    # The jump threshold for one group difference is 4 * sqrt(2) * 5 DN = 30 DN: some stay below it.
    where = fill(Category.TELEGRAPH, lambda n: log_uniform(weakest * 20.0, 300.0, n))
    timescale[where] = rng.uniform(2.0, 6.0, where.size) * FULL_FRAME_TIME
    fill(Category.NOISY, lambda n: rng.uniform(1 + weakest * 3.0, 12.0, n))
    fill(Category.LOW_PEDESTAL, lambda n: -rng.uniform(weakest * 200.0, 1500.0, n))
    return strength, timescale, pedestal


class _Placer:
    """Draws free positions, one after the other."""

    def __init__(self, spec: SimulationSpec, rng: np.random.Generator):
        self.rng = rng
        # Defects keep one pixel off the border, so that all eight neighbours of a defect are science pixels.
        self.taken = Geometry(spec.frame, spec.border + 1).reference_pixels()
        self.science = slice(spec.border, spec.frame - spec.border)

    def one(self, region: tuple[slice, slice] | None = None) -> tuple[int, int]:
        """Draw a pixel at least SEPARATION from every defect, and mark it as taken with its surroundings."""
        x, y = self._free(region)
        self._take([(x, y)])
        return x, y

    def clump(self, size: int) -> list[tuple[int, int]]:
        """Draw touching pixels (side or corner), grown one by one from a free one."""
        pixels = [self._free(None)]
        for _ in range(50 * size):
            if len(pixels) == size:
                break
            x, y = pixels[self.rng.integers(len(pixels))]
            dx, dy = self.rng.integers(-1, 2, 2)
            new = (int(x + dx), int(y + dy))
            if new not in pixels and not self.taken[new[1], new[0]]:
                pixels.append(new)
        if len(pixels) < size:  # the clump is hemmed in: try elsewhere
            return self.clump(size)
        self._take(pixels)
        return pixels

    def _free(self, region: tuple[slice, slice] | None) -> tuple[int, int]:
        rows, columns = region or (self.science, self.science)
        for _ in range(10_000):
            x = int(self.rng.integers(columns.start, columns.stop))
            y = int(self.rng.integers(rows.start, rows.stop))
            if not self.taken[y, x]:
                return x, y
        raise ParameterError(
            f"no room is left for another defect in rows {rows.start} to {rows.stop}: ask for smaller fractions, a "
            "larger frame or larger subarrays."
        )

    def _take(self, pixels: list[tuple[int, int]]) -> None:
        reach = SEPARATION - 1
        for x, y in pixels:
            self.taken[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = True
