"""Add defects of known kind and strength to real ramps.

All are pure functions of arrays. :mod:`darkmask.validation.recovery` puts them through the pipeline and judges them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import Detector
from darkmask.search.maps.layout import JUMP_DET, SATURATED
from darkmask.simulate.ramps import saturation_threshold, telegraph_levels

from .switching import burst_levels, shows_switches, some_integrations

# Injections keep this many pixels apart, so that what one couples into its neighbours, and what the steps flag around
# it, is not counted for another.
SPACING = 5
_REACH = SPACING // 2
# Telegraph pixels that stay in a level for longer than a short ramp, and those that are quiet most of the time; hot
# pixels whose well is full in group 2 or 3. They are called telegraph and hot pixels all the same.
SLOW_TELEGRAPH, BURSTS, EARLY_SATURATION = "slow_telegraph", "bursts", "early_saturation"
CALLED = {SLOW_TELEGRAPH: Category.TELEGRAPH, BURSTS: Category.TELEGRAPH, EARLY_SATURATION: Category.HOT}
# A switch of so many times the noise of a difference can be seen; both directions are needed, since hits only rise.
VISIBLE_SWITCH = 6.0
# Mean times in a level, or time constants, in groups; shortest mean time from one burst to the next.
FASTEST, SLOWEST_FAST, QUIET_FROM = 1.5, 5.0, 20.0
# Groups after which the well of an early saturating pixel is full: group 1 is not, and group 3 is.
FULL_AFTER = (1.15, 2.85)
_SATURATED, _JUMP_DET = np.uint8(SATURATED), np.uint8(JUMP_DET)


# So many parts of the pixels go to a kind: fewer where nearly all strengths are judged, more where less than half are.
_USUAL_SHARE = 10
_SHARES = {
    Category.SATURATED: 6,
    EARLY_SATURATION: 6,
    Category.HOT: 8,
    BURSTS: 8,
    Category.INTERMITTENT: 9,
    SLOW_TELEGRAPH: 9,
    Category.LOW_PEDESTAL: 12,
    Category.TELEGRAPH: 14,
}
# A place within a range of strengths, from 0 to 1 in the logarithm, to this power: the upper half, where strengths are
# judged, gets five pixels for each three of the lower half. From where on telegraph pixels show is asked as well.
_DENSER: dict[str, float] = {Category.TELEGRAPH: 1.0}
_USUALLY_DENSER = 0.7


class Strengths(NamedTuple):
    """The least and the largest injected strength of a kind, with its unit; strong ones are more frequent."""

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
        Values of `Category`, or a name of ``CALLED``.
    strength : numpy.ndarray, float
        Hot and warm: e-/s. RC and inverse RC: amplitude of the exponential, DN. Telegraph, bursts: distance of the
        levels, DN. Noisy: factor on the noise of a read. Low pedestal: how far below, DN. Saturated (early or not): 1.
    timescale : numpy.ndarray, float
        RC and inverse RC: time constant; telegraph: mean time in a level; bursts: mean time from the end of one to the
        next; early saturation: when the well is full; all in groups. Intermittent: the number of integrations in which
        it is hot, set by :func:`add_defects`.
    shown : numpy.ndarray, bool
        Whether the ramps show the defect at all: of a slow telegraph pixel, and of one with bursts, at least one fall
        and one rise of ``VISIBLE_SWITCH`` times the noise of a difference. Set by :func:`add_defects`.
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
    return CALLED.get(kind) or Category(kind)


def strengths_of(hot_rate: float, detection_limit: float, read_noise: float, well: float) -> dict[str, Strengths]:
    """Return the strengths to inject, from about what no search can see to what every search must see.

    Parameters
    ----------
    hot_rate, detection_limit : float
        Rates, e-/s. Warm pixels are left out when the limit lies above ``hot_rate``, or no limit is known.
    read_noise, well : float
        Levels, DN.
    """
    kinds: dict[str, Strengths] = {
        Category.SATURATED: Strengths(1.0, 1.0, ""),
        Category.HOT: Strengths(hot_rate, 30.0, "e-/s"),
        Category.WARM: Strengths(0.3 * detection_limit, hot_rate, "e-/s"),
        Category.RC: Strengths(30 * read_noise, well / 4, "DN"),
        Category.INVERSE_RC: Strengths(5 * read_noise, well / 20, "DN"),
        Category.TELEGRAPH: Strengths(0.8 * read_noise, 100 * read_noise, "DN"),
        SLOW_TELEGRAPH: Strengths(8 * read_noise, 100 * read_noise, "DN"),
        BURSTS: Strengths(10 * read_noise, 100 * read_noise, "DN"),
        EARLY_SATURATION: Strengths(1.0, 1.0, ""),
        Category.INTERMITTENT: Strengths(hot_rate, 30.0, "e-/s"),
        Category.NOISY: Strengths(1.2, 12.0, "times the read noise"),
        Category.LOW_PEDESTAL: Strengths(30.0, 1500.0, "DN"),
    }
    # Rates without noise of their own have no limit: what was subtracted from them is noise.
    if not 0 < 0.3 * detection_limit < hot_rate:
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
        Groups of all integrations together: the longest mean time in a level or between bursts, in groups.

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
    # Pixels that are left over when each part has equally many go to all kinds, and not to the first.
    kind = random.permutation(turns[np.arange(y.size) * turns.size // max(y.size, 1)])
    names = np.array([str(kind) for kind in kinds], dtype="U16")
    strength = np.ones(y.size)
    for number, (name, bounds) in enumerate(kinds.items()):
        here = np.flatnonzero(kind == number)
        # Each part of the range gets one, so that a chance gap leaves no part of a curve empty.
        share = (random.permutation(here.size) + random.random(here.size)) / max(here.size, 1)
        strength[here] = bounds.low * (bounds.high / bounds.low) ** share ** _DENSER.get(name, _USUALLY_DENSER)
    timescale = random.uniform(FASTEST, SLOWEST_FAST, y.size)
    for name, shortest in ((SLOW_TELEGRAPH, SLOWEST_FAST), (BURSTS, QUIET_FROM)):
        here = names[kind] == name
        timescale[here] = shortest * max(reads / shortest, 1.0) ** random.random(int(here.sum()))
    early = names[kind] == EARLY_SATURATION
    timescale[early] = random.uniform(*FULL_AFTER, int(early.sum()))
    return Injections(y, x, names[kind], strength, timescale, np.ones(y.size, bool))


def add_defects(
    ramps: np.ndarray,
    groupdq: np.ndarray,
    injections: Injections,
    properties: Detector,
    tgroup: float,
    random: np.random.Generator,
    readpatt: str = "RAPID",
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
    readpatt : str
        READPATT: a group that averages frames averages the noise of a noisy pixel as well.
    """
    nint, ngroup = ramps.shape[:2]
    times = np.arange(1, ngroup + 1)
    full = saturation_threshold(properties)
    for category in (*Category, *CALLED):
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
            on, injections.timescale[chosen] = some_integrations(nint, y.size, random)
            electrons = random.poisson(strength * tgroup * on[:, None], number).cumsum(axis=1)
            _add_coupled(ramps, y, x, electrons / properties.gain, properties.ipc)
        elif category == Category.RC:
            grown = strength * (1 + 1 - np.exp(-times[:, None] / scale))
            _add_coupled(ramps, y, x, np.broadcast_to(grown, number), properties.ipc)
        elif category == Category.INVERSE_RC:
            left = strength * np.exp(-times[:, None] / scale)
            _add_coupled(ramps, y, x, np.broadcast_to(left, number), properties.ipc)
        elif category in (Category.TELEGRAPH, SLOW_TELEGRAPH, BURSTS):
            if category == BURSTS:
                levels = burst_levels(strength, scale, nint * ngroup, random).T.reshape(number)
            else:
                levels = telegraph_levels(strength, scale * tgroup, nint * ngroup, tgroup, random).T.reshape(number)
            ramps[:, :, y, x] += levels
            if category != Category.TELEGRAPH:
                injections.shown[chosen] = shows_switches(levels, VISIBLE_SWITCH * np.sqrt(2) * properties.read_noise)
        elif category == EARLY_SATURATION:
            seen_full = full * properties.gain / (1 - 4 * properties.ipc)
            electrons = random.poisson(seen_full / scale, number).cumsum(axis=1)
            _add_coupled(ramps, y, x, electrons / properties.gain, properties.ipc)
        elif category == Category.NOISY:
            added = np.sqrt(properties.read_variance(readpatt) * (strength**2 - 1))
            ramps[:, :, y, x] += random.normal(0, added, number)
        elif category == Category.LOW_PEDESTAL:
            ramps[:, :, y, x] -= strength
        elif category == Category.SATURATED:
            ramps[:, :, y, x] += 2 * full
    _saturate(ramps, groupdq, injections, full)


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
