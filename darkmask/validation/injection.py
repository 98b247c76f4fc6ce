"""Add defects of known kind and strength to real ramps.

All are pure functions of arrays. :mod:`darkmask.validation.recovery` puts them through the pipeline and judges them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.flags import Category
from darkmask.search.maps.layout import JUMP_DET, SATURATED
from darkmask.simulate.ramps import saturation_threshold, telegraph_levels

# Injections keep this many pixels apart, so that what one couples into its neighbours, and what the steps flag around
# it, is not counted for another.
SPACING = 5
_REACH = SPACING // 2
# Telegraph pixels that stay in a level for longer than a short ramp; they are telegraph pixels all the same.
SLOW_TELEGRAPH = "slow_telegraph"
# A switch of so many times the noise of a difference can be seen; both directions are needed, since hits only rise.
VISIBLE_SWITCH = 6.0
# Mean times in a level, or time constants, in groups.
FASTEST, SLOWEST_FAST = 1.5, 5.0
_SATURATED, _JUMP_DET = np.uint8(SATURATED), np.uint8(JUMP_DET)


# So many parts of the pixels go to a kind: fewer where nearly all strengths are judged, more where less than half are.
_USUAL_SHARE = 4
_SHARES = {
    Category.SATURATED: 2,
    Category.HOT: 3,
    Category.INTERMITTENT: 3,
    SLOW_TELEGRAPH: 3,
    Category.TELEGRAPH: 5,
    Category.LOW_PEDESTAL: 5,
}


class Strengths(NamedTuple):
    """The least and the largest injected strength of a kind, with its unit; strengths are log-uniform between them."""

    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Injections:
    """Injected defects; arrays of one length.

    Attributes
    ----------
    y, x : numpy.ndarray, int
    category : numpy.ndarray of str
        Values of `Category`, or ``SLOW_TELEGRAPH``.
    strength : numpy.ndarray, float
        Hot and warm: e-/s. RC and inverse RC: amplitude of the exponential, DN. Telegraph: distance of the levels, DN.
        Noisy: factor on the noise of a read. Low pedestal: how far below, DN. Saturated: 1.
    timescale : numpy.ndarray, float
        RC and inverse RC: time constant; telegraph: mean time in a level; both in groups. Intermittent: the number of
        integrations in which it is hot, set by :func:`add_defects`.
    shown : numpy.ndarray, bool
        Whether the ramps show the defect at all: of a slow telegraph pixel, at least one fall and one rise of
        ``VISIBLE_SWITCH`` times the noise of a difference. Set by :func:`add_defects`.
    """

    y: np.ndarray
    x: np.ndarray
    category: np.ndarray
    strength: np.ndarray
    timescale: np.ndarray
    shown: np.ndarray

    def of(self, kind: str) -> np.ndarray:
        """Return which injections are of a kind, bool."""
        return self.category == str(kind)


def category_of(kind: str) -> Category:
    """Return the category that a search should give to an injected kind."""
    return Category.TELEGRAPH if kind == SLOW_TELEGRAPH else Category(kind)


def strengths_of(hot_rate: float, detection_limit: float, read_noise: float, well: float) -> dict[str, Strengths]:
    """Return the strengths to inject, from about what no search can see to what every search must see.

    Parameters
    ----------
    hot_rate, detection_limit : float
        Rates, e-/s. Warm pixels are left out when the limit lies above ``hot_rate``.
    read_noise, well : float
        Levels, DN.
    """
    kinds: dict[str, Strengths] = {
        Category.SATURATED: Strengths(1.0, 1.0, ""),
        Category.HOT: Strengths(hot_rate, 30.0, "e-/s"),
        Category.WARM: Strengths(0.3 * detection_limit, hot_rate, "e-/s"),
        Category.RC: Strengths(30 * read_noise, well / 4, "DN"),
        Category.INVERSE_RC: Strengths(5 * read_noise, well / 20, "DN"),
        Category.TELEGRAPH: Strengths(read_noise, 100 * read_noise, "DN"),
        SLOW_TELEGRAPH: Strengths(8 * read_noise, 100 * read_noise, "DN"),
        Category.INTERMITTENT: Strengths(hot_rate, 30.0, "e-/s"),
        Category.NOISY: Strengths(1.2, 12.0, "times the read noise"),
        Category.LOW_PEDESTAL: Strengths(30.0, 1500.0, "DN"),
    }
    if not 0.3 * detection_limit < hot_rate:
        del kinds[Category.WARM]
    return kinds


def draw_injections(
    good: np.ndarray, kinds: dict[str, Strengths], random: np.random.Generator, reads: int
) -> Injections:
    """Choose pixels on a lattice whose surroundings are good, and the defect of each.

    Parameters
    ----------
    good : numpy.ndarray, shape (y, x), bool
    kinds : dict of str to Strengths
        Kinds to inject; each gets a share of the pixels by how many of its strengths are judged.
    random : numpy.random.Generator
    reads : int
        Groups of all integrations together: the longest mean time in a level, in groups.

    Returns
    -------
    Injections
        The chosen defects; none when no pixel is good.
    """
    rows, columns = good.shape
    y, x = np.mgrid[_REACH : rows - _REACH : SPACING, _REACH : columns - _REACH : SPACING].reshape(2, -1)
    around = np.logical_and.reduce(np.lib.stride_tricks.sliding_window_view(good, (SPACING, SPACING)), axis=(2, 3))
    usable = around[y - _REACH, x - _REACH]
    y, x = y[usable], x[usable]
    turns = np.repeat(np.arange(len(kinds)), [_SHARES.get(name, _USUAL_SHARE) for name in kinds])
    kind = random.permutation(turns[np.arange(y.size) % turns.size])
    names = np.array([str(kind) for kind in kinds], dtype="U16")
    strength = np.ones(y.size)
    for number, bounds in enumerate(kinds.values()):
        here = np.flatnonzero(kind == number)
        # Each part of the range gets one, so that a chance gap leaves no part of a curve empty.
        share = (random.permutation(here.size) + random.random(here.size)) / max(here.size, 1)
        strength[here] = bounds.low * (bounds.high / bounds.low) ** share
    timescale = random.uniform(FASTEST, SLOWEST_FAST, y.size)
    slow = names[kind] == SLOW_TELEGRAPH
    longest = max(reads / SLOWEST_FAST, 1.0)
    timescale[slow] = SLOWEST_FAST * longest ** random.random(int(slow.sum()))
    return Injections(y, x, names[kind], strength, timescale, np.ones(y.size, bool))


def add_defects(
    ramps: np.ndarray,
    groupdq: np.ndarray,
    injections: Injections,
    properties: Detector,
    tgroup: float,
    random: np.random.Generator,
) -> None:
    """Add defects to all integrations of a set, in place.

    Charge is coupled into the four neighbours; signal that the read-out adds is not. A ramp that reaches the well stays
    there.

    Parameters
    ----------
    ramps : numpy.ndarray, shape (nint, ngroup, y, x), float32, DN
    groupdq : numpy.ndarray, same shape, uint8
        SATURATED is set on saturated pixels and on their neighbours, as the saturation step does.
    injections : Injections
    properties : Detector
    tgroup : float
        Group time, s.
    random : numpy.random.Generator
    """
    nint, ngroup = ramps.shape[:2]
    times = np.arange(1, ngroup + 1)
    full = saturation_threshold(properties)
    for category in (*Category, SLOW_TELEGRAPH):
        chosen = injections.of(category)
        if not chosen.any():
            continue
        y, x = injections.y[chosen], injections.x[chosen]
        strength, scale = injections.strength[chosen], injections.timescale[chosen]
        number = (nint, ngroup, y.size)
        if category in (Category.HOT, Category.WARM):
            electrons = random.poisson(strength * tgroup, number).cumsum(axis=1)
            _add_coupled(ramps, y, x, electrons / properties.gain, properties.ipc)
        elif category == Category.INTERMITTENT:
            on, injections.timescale[chosen] = _some_integrations(nint, y.size, random)
            electrons = random.poisson(strength * tgroup * on[:, None], number).cumsum(axis=1)
            _add_coupled(ramps, y, x, electrons / properties.gain, properties.ipc)
        elif category == Category.RC:
            grown = strength * (1 + 1 - np.exp(-times[:, None] / scale))
            _add_coupled(ramps, y, x, np.broadcast_to(grown, number), properties.ipc)
        elif category == Category.INVERSE_RC:
            left = strength * np.exp(-times[:, None] / scale)
            _add_coupled(ramps, y, x, np.broadcast_to(left, number), properties.ipc)
        elif category in (Category.TELEGRAPH, SLOW_TELEGRAPH):
            levels = telegraph_levels(strength, scale * tgroup, nint * ngroup, tgroup, random).T.reshape(number)
            ramps[:, :, y, x] += levels
            if category == SLOW_TELEGRAPH:
                injections.shown[chosen] = _shows_switches(levels, VISIBLE_SWITCH * np.sqrt(2) * properties.read_noise)
        elif category == Category.NOISY:
            ramps[:, :, y, x] += random.normal(0, properties.read_noise * np.sqrt(strength**2 - 1), number)
        elif category == Category.LOW_PEDESTAL:
            ramps[:, :, y, x] -= strength
        elif category == Category.SATURATED:
            ramps[:, :, y, x] += 2 * full
    _saturate(ramps, groupdq, injections, full)


def _some_integrations(nint: int, pixels: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return in which integrations each pixel is hot, bool (nint, pixels), and how many these are: two to half of all.

    The last one is among them and the one before is not: a pixel that is hot from some integration on is hot, and one
    that is good in the last epoch is over.
    """
    number = random.integers(2, max(nint // 2, 2) + 1, pixels)
    order = random.random((nint, pixels))
    order[-1], order[-2:-1] = -1.0, 2.0
    return order.argsort(axis=0).argsort(axis=0) < number, number


def _shows_switches(levels: np.ndarray, least: float) -> np.ndarray:
    """Return where a fall and a rise of so many DN lie within ramps, bool (pixel,)."""
    steps = np.diff(levels, axis=1)
    return np.logical_and(np.any(steps >= least, axis=(0, 1)), np.any(steps <= -least, axis=(0, 1)))


def _add_coupled(ramps: np.ndarray, y: np.ndarray, x: np.ndarray, signal: np.ndarray, ipc: float) -> None:
    ramps[:, :, y, x] += (1 - 4 * ipc) * signal
    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        ramps[:, :, y + dy, x + dx] += ipc * signal


def _saturate(ramps: np.ndarray, groupdq: np.ndarray, injections: Injections, full: float) -> None:
    """Hold signal above the well at the well, and flag it with its eight neighbours."""
    y, x = injections.y, injections.x
    over = ramps[:, :, y, x] >= full
    ramps[:, :, y, x] = np.minimum(ramps[:, :, y, x], full)
    over = np.logical_or.accumulate(over, axis=1)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            groupdq[:, :, y + dy, x + dx] |= np.where(over, _SATURATED, np.uint8(0))


def without_jumps(groupdq: np.ndarray) -> np.ndarray:
    """Return GROUPDQ as it was before the jump step, which is to run again."""
    return groupdq & ~_JUMP_DET
