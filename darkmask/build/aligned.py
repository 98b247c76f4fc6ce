"""Tell whether all exposures of a set lie on one another, by the bright pixels that most of them show.

An exposure that was turned, or moved by a pixel, on its way is as good as any other one in itself: its ramps fit its
rates, its noise is usual, and so is the number of its bad pixels. Only their places differ from those of the others.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.evenly import evenly
from darkmask.core.statistics import binomial_at_most, level_and_scatter
from darkmask.delivery import OpenExposure, OpenSet
from darkmask.masks.registration import IDENTITY, TRANSFORMS
from darkmask.search.outcome import SearchOutcome
from darkmask.search.request import SetRequest

# Which of two exposures is turned nobody can tell.
_FEWEST_EXPOSURES = 3
# So many bright pixels tell; of more bad ones than these, an even part is asked.
_FEWEST, _MOST = 20, 20_000
# A pixel is bright by so many sigma of a rate, and seen by an exposure that has this part of its usual rate there: a
# detector that is colder by some degrees has half of it.
_BRIGHT, _SEEN = 10.0, 0.2
# So many rows tell how rates scatter.
_ROWS = 256
# What is turned has most of the bright pixels after it is turned back.
_FITS = 0.5
# Rows that hold so many of these pixels are looked at together, one after another and half overlapping. What comes and
# goes makes some of them miss more than others: bands tell where they would do so in fewer cases than this. There are
# hundreds of bands in all exposures of a full frame.
_OF_BAND, _BY_CHANCE = 20, 1e-7


class Aligned(NamedTuple):
    """The exposure that shows the smallest share of the bright pixels that most exposures show.

    Attributes
    ----------
    share : float
        Of the bright pixels of most exposures it shows this share, or of those that it shows most exposures show this
        share, whichever is larger: what comes and goes, and light that one exposure alone saw, lower one of them.
        Of a band of rows the first of these, where it is less than chance makes of the whole.
    seen, number : int
        It shows so many of so many that most exposures show, there.
    path : str
        Of its ramps.
    turned : str
        How what the others show would have to be turned or moved to lie on it, in words; empty where nothing fits.
    rows : tuple of int
        The first and the last row of the band; empty where it is the whole exposure.
    brightness : dict of str to float
        By the path of its ramps: how bright those of these pixels that all exposures show typically are in an exposure,
        in units of what is usual; empty for too few.
    """

    share: float
    seen: int
    number: int
    path: str
    turned: str
    rows: tuple[int, ...]
    brightness: dict[str, float]


def least_aligned(request: SetRequest, outcome: SearchOutcome) -> Aligned | None:
    """Return the exposure of a set that fits the others worst.

    Parameters
    ----------
    request : SetRequest
    outcome : SearchOutcome
        The outcome of that request.

    Returns
    -------
    Aligned or None
        None for fewer than three exposures, or too few bright pixels.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    # Light that decays is as bright as most bad pixels once groups average frames, and never twice.
    unsteady = in_category(outcome.categories, Category.SATURATED) | in_category(outcome.categories, Category.TRANSIENT)
    y, x = np.nonzero((outcome.categories != 0) & ~unsteady & ~request.reference_pixels())
    some = evenly(y.size, _MOST)
    y, x = y[some], x[some]
    if len(request.exposures) < _FEWEST_EXPOSURES or y.size < _FEWEST:
        return None
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        numbers: dict[str, list[int]] = {}
        for k, (exposure, _) in enumerate(opened.planes):
            numbers.setdefault(exposure.exposure.jump.path, []).append(k)
        paths, rates = sorted(numbers), opened.rates_of(y, x)
        shown = np.array([_mean(rates[numbers[path]]) for path in paths])
        scatter = float(np.median([_scatter(*opened.planes[numbers[path][0]]) for path in paths]))
        if len(paths) < _FEWEST_EXPOSURES:
            return None
        usual = of_most = np.median(shown, axis=0)
        # What has no rate somewhere is full there, or was taken out: other checks ask of it.
        bright = np.isfinite(usual) & (usual > _BRIGHT * scatter)
        y, x, usual, number = y[bright], x[bright], usual[bright], int(np.count_nonzero(bright))
        if number < _FEWEST:
            return None
        common = shown[:, bright] >= _SEEN * usual
        own = shown > _BRIGHT * scatter
        theirs = np.count_nonzero(own & (of_most >= _SEEN * shown), axis=1) / np.maximum(own.sum(axis=1), 1)
        # The few that lie where others do by chance say nothing.
        shares = np.maximum(common.mean(axis=1), np.where(own.sum(axis=1) >= _FEWEST, theirs, 0))
        worst = min(range(len(paths)), key=lambda k: (shares[k], paths[k]))
        share, there = float(shares[worst]), np.arange(number)
        likely = np.minimum(common.mean(axis=1), 1 - 1 / number)
        for of_band, k, pixels in _bands(y, common, np.isfinite(shown[:, bright]), likely):
            if of_band < share:
                share, worst, there = of_band, k, pixels
        turned = ""
        if share < _FITS:
            of_worst = (opened.planes[k] for k in numbers[paths[worst]])
            image = _mean(np.array([exposure.rate(integration=i) for exposure, i in of_worst]))
            turned = _turned(image, y[there], x[there], usual[there])
    always = common.all(axis=0)
    brightness = {}
    if np.count_nonzero(always) >= _FEWEST:
        values = np.median(shown[:, bright][:, always] / usual[always], axis=1)
        brightness = dict(zip(paths, values.tolist(), strict=True))
    seen = int(np.count_nonzero(common[worst, there]))
    rows = (int(y[there].min()), int(y[there].max())) if there.size < number else ()
    return Aligned(share, seen, there.size, paths[worst], turned, rows, brightness)


def _bands(
    y: np.ndarray, common: np.ndarray, known: np.ndarray, likely: np.ndarray
) -> list[tuple[float, int, np.ndarray]]:
    """Return the bands of rows of which an exposure shows less than chance makes of what it shows of the whole.

    Parameters
    ----------
    y : numpy.ndarray, shape (pixel,), int
        Rows of the bright pixels, increasing.
    common, known : numpy.ndarray, shape (exposure, pixel), bool
        Where an exposure shows them, and where it has a rate.
    likely : numpy.ndarray, shape (exposure,)
        The share of all that an exposure shows.

    Returns
    -------
    list of (float, int, numpy.ndarray)
        The share that is shown of those with a rate, the exposure, and the pixels of the band; in the order of rows.
    """
    found = []
    for first in range(0, max(y.size - _OF_BAND, 0) + 1, _OF_BAND // 2):
        there = np.arange(first, min(first + _OF_BAND, y.size))
        counts = (np.count_nonzero(each[:, there], axis=1).tolist() for each in (common, known))
        found += [
            (seen / of, k, there)
            for k, (seen, of) in enumerate(zip(*counts, strict=True))
            if 2 * of > there.size and binomial_at_most(seen, of, float(likely[k])) < _BY_CHANCE
        ]
    return found


def _turned(image: np.ndarray, y: np.ndarray, x: np.ndarray, usual: np.ndarray) -> str:
    """Return in words how pixels must be turned and moved to be bright in an image; empty where no way does it."""
    best, most = IDENTITY, 0
    for transform in TRANSFORMS:
        to_x, to_y = transform.move(x, y, image.shape)
        inside = (to_x >= 0) & (to_y >= 0) & (to_x < image.shape[1]) & (to_y < image.shape[0])
        shown = int(np.count_nonzero(image[to_y[inside], to_x[inside]] >= _SEEN * usual[inside]))
        if shown > most:
            best, most = transform, shown
    return str(best) if most >= _FITS * y.size and best != IDENTITY else ""


def _mean(images: np.ndarray) -> np.ndarray:
    """Return the mean of images, or of what they say of some pixels, in the order of values: no other changes a bit."""
    mean: np.ndarray = np.sort(images.astype(np.float64), axis=0).mean(axis=0)
    return mean


def _scatter(exposure: OpenExposure, i: int) -> float:
    rates = exposure.rate(slice(None, None, max(1, exposure.shape[2] // _ROWS)), i)
    return level_and_scatter(rates)[1]
