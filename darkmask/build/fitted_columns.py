"""The columns of a catalogue that say what was fitted to the ramps of its pixels: levels, and exponentials."""

from typing import Any, NamedTuple

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Detector
from darkmask.core.handed import Handed
from darkmask.core.threads import in_threads
from darkmask.delivery import OpenSet
from darkmask.search.exponential import Exponential, fit_exponential, mean_ramps
from darkmask.search.flight.levels import Levels, measure_levels
from darkmask.search.maps.layout import DO_NOT_USE, SATURATED
from darkmask.search.outcome import SearchOutcome
from darkmask.search.request import SetRequest

# So many reads are held at once: what is made of them takes some 50 bytes a read.
_READS_AT_ONCE = 600_000
# So many pixels of a kind are fitted at most, evenly over the frame: a search that calls every tenth pixel telegraph,
# as that of the release does with few integrations, has found nothing that levels would describe.
MOST_FITTED = 20_000


class Fits(NamedTuple):
    """What was fitted to the ramps of a set's bad pixels.

    Attributes
    ----------
    switching : numpy.ndarray, shape (n, 2), int
        (y, x) of the telegraph pixels.
    levels : Levels
    bent : numpy.ndarray, shape (n, 2), int
        (y, x) of the rc and inverse rc pixels.
    exponential : Exponential
    """

    switching: np.ndarray
    levels: Levels
    bent: np.ndarray
    exponential: Exponential


class RampFits:
    """Fit the ramps of telegraph, rc and inverse rc pixels; no other pixel's ramps are read.

    Other processes may do parts of it until it is asked for.

    Parameters
    ----------
    request : SetRequest
    outcome : SearchOutcome
        Its outcome.
    detector : Detector
    """

    def __init__(self, request: SetRequest, outcome: SearchOutcome, detector: Detector):
        maps, categories = outcome.maps, outcome.categories
        bent = in_category(categories, Category.RC) | in_category(categories, Category.INVERSE_RC)
        self._bent = fitted_pixels(bent)
        self._switching = fitted_pixels(in_category(categories, Category.TELEGRAPH))
        tgroup, variance = request.exposures[0].set_key.tgroup, maps.read_variance
        told = (variance, detector.gain, maps.integrations)
        parts = [
            (request, some, np.nan_to_num(maps.rate[*some.T].astype(np.float64)) * tgroup, *told)
            for some in in_parts(self._switching, request)
        ]
        self._number = len(parts)
        parts += [(request, some, None, *told) for some in in_parts(self._bent, request)]
        self._handed = Handed(_fit_opened, parts)

    def fits(self, opened: OpenSet) -> Fits:
        """Return what was fitted.

        Parameters
        ----------
        opened : OpenSet
            The integrations of the request: a page of a map that was read once costs nothing the next time.
        """
        found = self._handed.results(lambda _, *told: _fit_part(opened, *told))
        levels, exponentials = found[: self._number], found[self._number :]
        return Fits(
            self._switching,
            Levels(*_joined(levels, len(Levels._fields))),
            self._bent,
            Exponential(*_joined(exponentials, len(Exponential._fields))),
        )


def _fit_opened(request: SetRequest, *told: Any) -> np.ndarray:
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        return _fit_part(opened, *told)


def _fit_part(
    opened: OpenSet, some: np.ndarray, slope: np.ndarray | None, read_variance: float, gain: float, integrations: int
) -> np.ndarray:
    """Return the rows of :class:`Levels` for pixels of which a slope is given, else those of :class:`Exponential`."""
    sci, groupdq = ramps_of(opened, some)
    if slope is None:
        ramps, reads = mean_ramps(sci, groupdq, read_variance, gain)
        return np.array(fit_exponential(ramps, reads, read_variance, gain, integrations))
    usable = np.where((groupdq & (SATURATED | DO_NOT_USE)) != 0, np.float32(np.nan), sci).transpose(2, 0, 1)
    slope = np.require(slope, requirements="W")
    return np.array(measure_levels(np.ascontiguousarray(usable), slope, float(np.sqrt(2 * read_variance))))


def fitted_columns(
    fits: Fits | None, y: np.ndarray, x: np.ndarray, shape: tuple[int, int], detector: Detector, tgroup: float
) -> dict:
    """Return the values, unit and description of each column.

    Parameters
    ----------
    fits : Fits or None
        None where nobody fitted: all values are NaN.
    y, x : numpy.ndarray, shape (n,), int
        Pixels.
    shape : tuple of int
        Of the frame.
    detector : Detector
    tgroup : float
        Group time, s.
    """
    names = (*_LEVELS, *_EXPONENTIAL)
    columns = {name: np.full(y.size, np.nan, np.float32) for name in names}
    if fits is not None:
        flat = y * shape[1] + x
        for places, of in (
            (fits.switching, _of_levels(fits.levels, tgroup)),
            (fits.bent, _of_bent(fits, detector, tgroup)),
        ):
            fitted = places[:, 0] * shape[1] + places[:, 1]
            where = np.searchsorted(flat, fitted)
            there = np.append(flat, -1)[where] == fitted
            for name, values in of.items():
                columns[name][where[there]] = values[there]
    return {name: (columns[name], *{**_LEVELS, **_EXPONENTIAL}[name]) for name in names}


_LEVELS = {
    "telegraph_low": ("DN", "lower level of a telegraph pixel in the first group, mean over the integrations"),
    "telegraph_height": (
        "DN",
        "distance of its two levels; groups that average frames make it too small",
    ),
    "telegraph_height_error": ("DN", "its error by the scatter about both levels"),
    "duty": (None, "share of the reads on the upper level"),
    "duty_error": (None, "its error by the number of times that the pixel switches"),
    "dwell_low": ("s", "mean time on the lower level; NaN where the pixel was not seen to leave it"),
    "dwell_low_error": ("s", "its error by the number of rises"),
    "dwell_high": ("s", "mean time on the upper level, likewise"),
    "dwell_high_error": ("s", "its error by the number of falls"),
}
_EXPONENTIAL = {
    "rc_amplitude": ("DN", "charge that the exponential of an rc ramp adds from the reset on; negative for inverse rc"),
    "rc_amplitude_error": ("DN", "its error by read noise and shot noise"),
    "rc_time": ("s", "time constant of the exponential; NaN where the ramp does not tell it"),
    "rc_time_error": ("s", "its error, likewise"),
}


def _of_levels(levels: Levels, tgroup: float) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        reads = levels.reads_low + levels.reads_high
        duty = levels.reads_high / reads
        low, low_error, high, high_error = dwell_times(levels)
        # The states of a chain that leaves them at these rates are independent after half this time (in groups).
        memory = np.nan_to_num(1 / (1 / low + 1 / high), nan=np.inf)
        independent = np.clip(reads / np.fmax(2 * memory, 1), 1, None)
        duty_error = np.sqrt(np.clip(duty * (1 - duty), 1 / reads**2, None) / independent)
    return {
        "telegraph_low": levels.low,
        "telegraph_height": levels.height,
        "telegraph_height_error": levels.height_error,
        "duty": duty,
        "duty_error": duty_error,
        "dwell_low": low * tgroup,
        "dwell_low_error": low_error * tgroup,
        "dwell_high": high * tgroup,
        "dwell_high_error": high_error * tgroup,
    }


def dwell_times(levels: Levels) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean time on the lower level and its error, and on the upper one, in groups.

    A chain of two states that is looked at once a group has left and come back in between: of the chances to be found
    on the other level, p and q, the rates follow as -log(1 - p - q) p / (p + q). Chances are known by counting.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = levels.rises / levels.steps_low, levels.falls / levels.steps_high
        p_error, q_error = (
            np.sqrt(share * (1 - share) / number) for share, number in ((p, levels.steps_low), (q, levels.steps_high))
        )
        small = 1e-4
        slopes = [(_dwell(p + a, q + b) - _dwell(p, q)) / small for a, b in ((small, 0), (0, small))]
        low, high = _dwell(p, q), _dwell(q, p)
        turned = [(_dwell(q + a, p + b) - _dwell(q, p)) / small for a, b in ((small, 0), (0, small))]
        low_error = np.hypot(slopes[0] * p_error, slopes[1] * q_error)
        high_error = np.hypot(turned[0] * q_error, turned[1] * p_error)
    return low, low_error, high, high_error


def _dwell(leaving: np.ndarray, coming: np.ndarray) -> np.ndarray:
    both = leaving + coming
    known = (leaving > 0) & (both < 1)
    return np.where(known, both / (-np.log1p(-np.where(both < 1, both, 0)) * leaving), np.nan)


def _of_bent(fits: Fits, detector: Detector, tgroup: float) -> dict[str, np.ndarray]:
    # A pixel shows what it has not coupled into its four neighbours.
    kept = 1 - 4 * detector.ipc
    found = fits.exponential
    return {
        "rc_amplitude": found.amplitude / kept,
        "rc_amplitude_error": found.amplitude_error / kept,
        "rc_time": found.time * tgroup,
        "rc_time_error": found.time_error * tgroup,
    }


def ramps_of(opened: OpenSet, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return SCI and GROUPDQ of some pixels in all integrations searched, shape (integration, group, pixel)."""
    y, x = pixels.T
    sci, groupdq = [], []
    # Most of the time goes into pages that nobody mapped yet, and NumPy lets go of the interpreter's lock meanwhile.
    read = in_threads(lambda exposure: exposure.ramps(y, x), opened.exposures)
    ramps = dict(zip(opened.exposures, read, strict=True))
    for exposure, i in opened.planes:
        sci.append(ramps[exposure][0][i])
        groupdq.append(ramps[exposure][1][i])
    return np.stack(sci), np.stack(groupdq)


def in_parts(pixels: np.ndarray, request: SetRequest) -> list[np.ndarray]:
    """Return pixels, (n, 2), in parts whose ramps may be held at once."""
    at_once = max(1, _READS_AT_ONCE // (len(request.numbers) * request.exposures[0].jump.shape[1]))
    return np.array_split(pixels, -(-len(pixels) // at_once)) if len(pixels) else []


def fitted_pixels(where: np.ndarray) -> np.ndarray:
    """Return the (y, x) of pixels whose ramps are looked at, by row and then by column: at most ``MOST_FITTED``."""
    pixels = np.argwhere(where)
    return pixels[:: max(-(-len(pixels) // MOST_FITTED), 1)]


def _joined(parts: list[np.ndarray], fields: int) -> np.ndarray:
    return np.concatenate(parts, axis=1) if parts else np.empty((fields, 0))
