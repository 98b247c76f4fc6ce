"""Compare what windows of a frame do from one integration to the next with lights that fade from some of them on.

The trend of a whole epoch does not show what begins within it. Rates of each integration do, summed over blocks of
pixels; they are the pipeline's, so that no ramp is read again.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.core.statistics import MAD_TO_SIGMA
from darkmask.delivery.times import SECONDS_PER_DAY
from darkmask.search.maps.combine import CombinedMaps

from .steady import Planes

# Squares of four by four pixels are summed; four of these are a window, and windows overlap by half.
BLOCK = 4
WINDOW = 2 * BLOCK
# So many sigma of one pixel count at the most, in one integration: a single one, however bright, makes no patch, and
# what fades from a bright integration on still fades.
_MOST = 8.0
# ... but where a small snowball is asked whether it fades: by then it is found in many pixels, and eight sigma would
# hide in long ramps that it does.
_MOST_FADING = 40.0
# What a window must reach, in sigma: as a rise that fades, as what fades from its brightest on, and without the
# brightest integration, which may be one hit. Of a million windows with ten beginnings none reaches the first by noise,
# and of the tenth of them that a hit stands in, 7 reached 3 sigma of the last in a full frame without any light, and 1
# reaches 4.
RISES, FADES, LASTS = 6.0, 4.0, 4.0
# In all of a frame a window needs to fade by so much to be asked again.
_MAY_FADE = 1.0
# What a column does as one is taken off of about so many rows at once: a patch is a small part of them.
_BAND = 256
# Beginnings that are tried in all of a frame, evenly over the integrations.
_BEGINNINGS = 12


class Law(NamedTuple):
    """A light that fades from some integration on.

    Attributes
    ----------
    begins : int
        Number of that integration.
    light : numpy.ndarray, shape (integration,), float64
    contrasts : numpy.ndarray, shape (3, integration), float32
        They tell of it, with unit variance and no level: of what must reach ``RISES``, ``FADES`` and ``LASTS``.
    """

    begins: int
    light: np.ndarray
    contrasts: np.ndarray


class Rising(NamedTuple):
    """Which windows show a light; window (j, i) begins in row 4 j and column 4 i of where it was looked for.

    Attributes
    ----------
    rises, fades, lasts : numpy.ndarray, shape (j, i), float32, sigma
        0 where no law passes the limits.
    law : numpy.ndarray, shape (j, i), int16
        Number of the law that rises most.
    """

    rises: np.ndarray
    fades: np.ndarray
    lasts: np.ndarray
    law: np.ndarray


def _nothing(shape: tuple[int, int]) -> Rising:
    rises, fades, lasts = np.zeros((3, *shape), np.float32)
    return Rising(rises, fades, lasts, np.zeros(shape, np.int16))


class _Common(NamedTuple):
    """What is common to a band of rows in each integration: of each column of blocks; centre and scatter of windows."""

    columns: np.ndarray
    centre: np.ndarray
    scatter: np.ndarray


class Windows:
    """The windows of a frame.

    Parameters
    ----------
    planes : Planes
        Of a set whose times are known.
    science : numpy.ndarray, shape (y, x), bool

    Attributes
    ----------
    laws : list of Law
        One for each integration with which a light may begin.
    """

    def __init__(self, planes: Planes, science: np.ndarray):
        self.laws = list(laws_of(planes.maps))
        self._planes, self._science = planes, science
        # Bands are alike, and share half of a window with the next.
        height = len(science)
        self._rows = -(-height // max(round(height / _BAND), 1) // BLOCK) * BLOCK
        self._bands: list[_Common] = []

    def everywhere(self) -> Rising:
        """Look in all of the frame for what may be a light: :meth:`again` tells."""
        planes, maps, science = self._planes, self._planes.maps, self._science
        height, width = science.shape
        shape = height // BLOCK - 1, width // BLOCK - 1
        found = _nothing(shape)
        numbers = range(len(self.laws))
        if len(numbers) > _BEGINNINGS:
            numbers = np.unique(np.linspace(0, len(self.laws) - 1, _BEGINNINGS).round().astype(int)).tolist()
        for start in range(0, height - WINDOW + 1, self._rows):
            band = slice(start, min(start + self._rows + BLOCK, height // BLOCK * BLOCK))
            sigma = planes.sigma(band)
            series, columns = [], []
            for exposure, integration in planes.opened.planes:
                sums, column = _blocks(exposure.rate(band, integration), maps.rate[band], sigma, science[band], _MOST)
                columns.append(column * np.float32(BLOCK / len(sigma)))
                series.append(sums - columns[-1])
            summed = _in_windows(np.stack(series))
            common = _Common(np.stack(columns), *np.zeros((2, len(series), shape[1]), np.float32))
            for here in planes.request.amplifiers():
                of = slice(here.start // BLOCK, -(-here.stop // BLOCK))
                if summed[:, :, of].size:
                    common.centre[:, of], common.scatter[:, of] = _usual(summed[:, :, of])
            self._bands.append(common)
            first = start // BLOCK
            part = Rising(*(image[first : first + summed.shape[1]] for image in found))
            summed = _normal(summed, common.centre[:, None], common.scatter[:, None])
            self._compare(summed, summed, numbers, part, sure=False)
        return found

    def again(self, rates: np.ndarray, usual: np.ndarray, first: tuple[int, int]) -> Rising:
        """Look for lights in a part of the frame, by other rates than those of the files.

        Parameters
        ----------
        rates : numpy.ndarray, shape (integration, y, x), float32, DN/s
        usual : numpy.ndarray, shape (y, x), float32, DN/s
        first : tuple of int
            Row and column of the first pixel, multiples of four.
        """
        (y, x), (height, width) = first, usual.shape
        here = np.s_[y : y + height, x : x + width]
        sigma, science = self._planes.sigma(here), np.ascontiguousarray(self._science[here])
        sums, wide = (
            np.stack([_blocks(np.ascontiguousarray(one), usual, sigma, science, most)[0] for one in rates])
            for most in (_MOST, _MOST_FADING)
        )
        shape = sums.shape[1] - 1, sums.shape[2] - 1
        found = _nothing(shape)
        blocks = slice(x // BLOCK, x // BLOCK + sums.shape[2])
        windows = slice(blocks.start, blocks.start + shape[1])
        of = np.fmin((y // BLOCK + np.arange(shape[0])) // (self._rows // BLOCK), len(self._bands) - 1)
        for band in np.unique(of):
            rows = np.flatnonzero(of == band)
            common = self._bands[band]
            centre, scatter = (image[:, None, windows] for image in (common.centre, common.scatter))
            clipped, fading = (
                _normal(
                    _in_windows(of_blocks[:, rows[0] : rows[-1] + 2] - common.columns[:, None, blocks]), centre, scatter
                )
                for of_blocks in (sums, wide)
            )
            chosen = Rising(*(image[rows[0] : rows[-1] + 1] for image in found))
            self._compare(clipped, fading, range(len(self.laws)), chosen, sure=True)
        return found

    def _compare(
        self, summed: np.ndarray, fading: np.ndarray, numbers: Iterable[int], found: Rising, sure: bool
    ) -> None:
        """Set what windows show of some laws, by their series."""
        for number in numbers:
            begins, _, (rising, fade, last) = self.laws[number]
            # A product of matrices would wake threads for a thousandth of a second's work.
            rises, lasts = (np.einsum("i,iyx->yx", contrast, summed) for contrast in (rising, last))
            better = (rises > RISES) & (lasts > LASTS) & (rises > found.rises)
            fading_by = np.einsum("i,iyx->yx", fade, fading)
            better &= fading_by > (FADES if sure else _MAY_FADE)
            if sure:
                # One bright integration fades from the one before it on, but for that.
                better &= fading[begins] > fading[begins + 1 : begins + 3].max(axis=0) - FADES
            for image, values in ((found.rises, rises), (found.fades, fading_by), (found.lasts, lasts)):
                image[better] = values[better]
            found.law[better] = number


def _in_windows(series: np.ndarray) -> np.ndarray:
    """Return sums of four blocks, of sums of blocks in each integration."""
    summed = series[:, :-1] + series[:, 1:]
    windows: np.ndarray = summed[:, :, :-1] + summed[:, :, 1:]
    return windows


def _blocks(
    rates: np.ndarray, usual: np.ndarray, sigma: np.ndarray, science: np.ndarray, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums over blocks of how far rates lie off, in sigma, and over columns of blocks; float32."""
    height, width = (size // BLOCK for size in rates.shape)
    sums, columns = np.zeros((height, width), np.float32), np.zeros(width * BLOCK, np.float32)
    _sum_blocks(rates, usual, sigma, science, np.float32(most), sums, columns)
    return sums, columns.reshape(width, BLOCK).sum(axis=1)


@kernel
def _sum_blocks(rates, usual, sigma, science, most, sums, columns):
    """Add up distances in sigma by block and by column."""
    row = np.empty(columns.size, np.float32)
    for y in range(sums.shape[0] * BLOCK):
        for x in range(columns.size):
            apart = (rates[y, x] - usual[y, x]) / sigma[y, x]
            apart = apart if apart < most else most
            apart = apart if apart > -most else -most
            known = science[y, x] & (abs(rates[y, x]) < np.float32(np.inf)) & (sigma[y, x] > 0)
            row[x] = apart if known else np.float32(0)
        total = sums[y // BLOCK]
        for x in range(columns.size):
            columns[x] += row[x]
        for block in range(total.size):
            x = block * BLOCK
            total[block] += row[x] + row[x + 1] + row[x + 2] + row[x + 3]


def _usual(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what all windows have in common in each integration, shape (integration, 1), and their scatter."""
    flat = values.reshape(len(values), -1)
    centre = np.median(flat, axis=1)
    scatter = MAD_TO_SIGMA * np.median(np.abs(values - centre[:, None, None]))
    return centre[:, None], np.full((len(values), 1), scatter)


def _normal(values: np.ndarray, centre: np.ndarray, scatter: np.ndarray) -> np.ndarray:
    normal: np.ndarray = np.where(scatter > 0, (values - centre) / np.where(scatter > 0, scatter, 1), 0)
    return normal


def laws_of(maps: CombinedMaps) -> Iterator[Law]:
    """Give a light that fades from each integration on after which two of its epoch follow."""
    changes = maps.changes
    if changes is None:
        return
    times, epochs = np.array(changes.times) * SECONDS_PER_DAY, np.array(changes.epochs)
    number = times.size
    step = max(float(np.median(np.diff(times))), 1.0)
    for first in range(number - 2):
        after = (np.arange(number) >= first) & (epochs == epochs[first])
        if after.sum() < 3:
            continue
        law = np.where(after, 1 / (1 + np.abs(times - times[first]) / step), 0)
        here = epochs == epochs[first]
        others = here & (np.arange(number) != first)
        yield Law(first, law, np.stack([_contrast(law, here), _contrast(law, after), _contrast(law, others)]))


def _contrast(law: np.ndarray, where: np.ndarray) -> np.ndarray:
    centred = np.where(where, law - law[where].mean(), 0)
    norm = float(np.sqrt(np.square(centred).sum()))
    return (centred / norm if norm > 0 else centred).astype(np.float32)
