"""Measure the dark current of good pixels without what settles after a reset.

The level that settles after a reset adds to the slope of every ramp, and is no charge. All good pixels of an output
share it, so that the median ramp of each integration shows it: a line, which is dark current, and an exponential.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED, median_of_finite
from darkmask.search.flight.background import TIME_CONSTANTS

# With fewer groups a line and an exponential pass through what is there, and with fewer integrations there is no error.
_FEWEST_GROUPS, _FEWEST_MEDIANS = 6, 5
# So many steps after a reset are judged as what settles; so many errors are certain, and so many of thousands of steps.
_SETTLING, _CERTAIN, _CERTAIN_OF_MANY = 2, 3, 5
# A variance beyond so many medians of all is that of a pixel that was hit.
_HIT = 4.0


class DarkCurrent(NamedTuple):
    """The median dark current of good pixels, DN/s; NaN where nothing can be told.

    Attributes
    ----------
    rate, error : float
        Without what settles, and the error by the scatter between integrations.
    settling : float
        What settling adds to the rates of the pipeline, and was taken off.
    start, start_error : float, DN
        By how much the first read lies below where it settles, and the error in the same way; that of the output which
        certainly settles by most.
    """

    rate: float
    error: float
    settling: float
    start: float
    start_error: float


_UNKNOWN = DarkCurrent(*(float("nan"),) * len(DarkCurrent._fields))


class Step(NamedTuple):
    """A step that all good pixels of an output share.

    Attributes
    ----------
    size : float, DN
        Beyond its error, 0 for what that explains.
    group : int
        The group that begins with it, counted from 1.
    integration : int or None
        Its number among those that were searched; None for all of them.
    """

    size: float
    group: int
    integration: int | None


def unsettled(steps: np.ndarray) -> Step | None:
    """Return the largest step that good pixels share and no line and exponential explains.

    Parameters
    ----------
    steps : numpy.ndarray, shape (integration, amplifier, group - 1), DN
        See :class:`.steps.Steps`.

    Returns
    -------
    Step or None
        Of all integrations, beyond three times its error by their scatter, or of one of them, beyond five times that
        scatter; None for fewer than five integrations, or too few groups.

    Notes
    -----
    The first steps are left to what settles: no single exponential fits them to a tenth of a DN.
    """
    number, _, differences = steps.shape
    steps = steps[:, np.isfinite(steps).all(axis=(0, 2))]
    if number < _FEWEST_MEDIANS or differences + 1 < _FEWEST_GROUPS or not steps.shape[1]:
        return None
    # In the order of their values, so that the order of integrations changes no bit.
    ordered = np.sort(steps, axis=0)
    mean = ordered.mean(axis=0)
    error = np.sqrt(((ordered - mean) ** 2).sum(axis=0) / (number - 1) / number)
    ramps = np.concatenate([np.zeros((len(mean), 1)), mean.cumsum(axis=1)], axis=1).T
    left = [ramps - model.design @ (model.inverse @ ramps) for model in _settling_models(len(ramps))]
    least = min(left, key=lambda one: float((one**2).sum()))
    of_all = np.maximum(np.abs(np.diff(least, axis=0).T) - _CERTAIN * error, 0)[:, _SETTLING:].max(axis=0)
    apart = np.abs(steps - np.median(ordered, axis=0))[:, :, _SETTLING:]
    usual = MAD_TO_SIGMA_ROUNDED * np.median(apart, axis=(0, 2), keepdims=True)
    of_one = np.maximum(apart - _CERTAIN_OF_MANY * usual, 0).max(axis=1)
    first, (k, g) = int(of_all.argmax()), np.unravel_index(int(of_one.argmax()), of_one.shape)
    if of_one[k, g] > of_all[first]:
        return Step(float(of_one[k, g]), int(g) + _SETTLING + 2, int(k))
    return Step(float(of_all[first]), first + _SETTLING + 2, None)


def settling_of(steps: np.ndarray) -> tuple[float, np.ndarray]:
    """Return what an exponential adds to the slope of a line through the reads of a ramp, and where ramps begin.

    Parameters
    ----------
    steps : numpy.ndarray, shape (amplifier, group - 1), DN
        Group differences. The amplitude of each amplifier is its own, and the time constant that with which a line and
        an exponential fit all of them best.

    Returns
    -------
    slope : float
        Mean of the amplifiers, DN/group.
    start : numpy.ndarray, shape (amplifier,), DN
        By how much the first read lies below where it settles.
    """
    ramps = np.concatenate([np.zeros((len(steps), 1)), steps.cumsum(axis=1)], axis=1).T
    models = _settling_models(len(ramps))
    fits = [model.inverse @ ramps for model in models]
    left = [((ramps - model.design @ fit) ** 2).sum() for model, fit in zip(models, fits, strict=True)]
    best = int(np.argmin(left))
    return float(fits[best][2].mean() * models[best].slope), fits[best][2]


class _SettlingModel(NamedTuple):
    """A line and an exponential of one time constant.

    Attributes
    ----------
    design : numpy.ndarray, shape (group, 3)
        Constant, line and exponential.
    inverse : numpy.ndarray, shape (3, group)
        Pseudo-inverse of the design, which makes a least-squares fit of a ramp.
    slope : float
        What an exponential of amplitude 1 adds to the slope of a line, 1/group.
    """

    design: np.ndarray
    inverse: np.ndarray
    slope: float


@cache
def _settling_models(groups: int) -> tuple[_SettlingModel, ...]:
    """Return the model of each time constant; they are the same for each integration that is left out."""
    group = np.arange(groups)
    line = np.stack([np.ones(groups), group], axis=1)
    slope = np.linalg.pinv(line)[1]
    levels = [-np.exp(-group / constant) for constant in TIME_CONSTANTS]
    designs = [np.column_stack([line, level]) for level in levels]
    return tuple(
        _SettlingModel(design, np.linalg.pinv(design), slope @ level)
        for design, level in zip(designs, levels, strict=True)
    )


def dark_current(medians: np.ndarray, steps: np.ndarray, tgroup: float) -> DarkCurrent:
    """Return the dark current without what settles after a reset.

    Parameters
    ----------
    medians : numpy.ndarray, shape (integration,), DN/s
        Median rate of each integration as the pipeline has it; NaN for none.
    steps : numpy.ndarray, shape (integration, amplifier, group - 1), DN
        See :class:`.steps.Steps`.
    tgroup : float
        Group time, s.

    Returns
    -------
    DarkCurrent
        NaN when the medians of fewer than five integrations differ. The error is that of the jackknife:
        leaving out one integration after the other shows offsets and drifts that all pixels of one share, and how well
        the exponential is known.
    """
    # In the order of their values, so that the order of files changes no bit; copies say nothing of the error.
    medians, first = np.unique(medians, return_index=True)
    first, medians = first[np.isfinite(medians)], medians[np.isfinite(medians)]
    number = len(medians)
    if number < _FEWEST_MEDIANS:
        return _UNKNOWN
    steps = steps[first][:, np.isfinite(steps).all(axis=(0, 2))]
    fitted = steps.shape[1] > 0 and steps.shape[2] + 1 >= _FEWEST_GROUPS

    def of(kept: np.ndarray) -> tuple[float, float, np.ndarray]:
        if not fitted:
            return float(medians[kept].mean()), 0.0, np.zeros(1)
        slope, start = settling_of(steps[kept].mean(axis=0))
        settling = slope / tgroup
        return float(medians[kept].mean()) - settling, settling, start

    everyone = np.arange(number)
    others = [of(np.delete(everyone, i)) for i in everyone]
    error, start_error = (_jackknife(np.array([one[k] for one in others])) for k in (0, 2))
    rate, settling, start = of(everyone)
    most = int(np.argmax(np.abs(start) - start_error))
    return DarkCurrent(rate, float(error), settling, float(start[most]), float(start_error[most]))


def _jackknife(values: np.ndarray) -> np.ndarray:
    """Return the error of what was measured without each integration in turn, along the first axis."""
    number = len(values)
    error: np.ndarray = np.sqrt((number - 1) / number * ((values - values.mean(axis=0)) ** 2).sum(axis=0))
    return error


def scatter_of_means(rates: Iterable[np.ndarray], good: np.ndarray, amplifiers: Sequence[slice]) -> float:
    """Return how the mean rates of good pixels scatter, in units of what their integrations make them scatter.

    Parameters
    ----------
    rates : iterable of numpy.ndarray, shape (y, x), float32, DN/s
        One per integration.
    good : numpy.ndarray, shape (y, x), bool
    amplifiers : sequence of slice
        The columns that each amplifier reads.

    Returns
    -------
    float
        1 for integrations that are independent of one another, and more where pixels differ; 0 where what they have in
        common was taken off. NaN for fewer than two integrations or no good pixel.

    Notes
    -----
    Source: the variance of a mean of n independent values is theirs over n. Pixels that a hit made scatter are left
    out: their variance is beyond four times the median.
    """
    number, total, squares = 0, np.zeros(np.count_nonzero(good)), np.zeros(np.count_nonzero(good))
    column = np.nonzero(good)[1]
    outputs = [here for here in ((column >= a.start) & (column < a.stop) for a in amplifiers) if here.any()]
    for rate in rates:
        values = rate[good].astype(np.float64)
        # What all pixels of an output have in common, as a glow or a drift, is in no pixel's mean beside the others'.
        for output in outputs:
            values[output] -= median_of_finite(values[output])
        number, total, squares = number + 1, total + values, squares + values**2
    if number < 2:
        return float("nan")
    mean = total / number
    variance = (squares - number * mean**2) / (number - 1)
    known = np.isfinite(variance)
    known[known] = variance[known] <= _HIT * median_of_finite(variance[known])
    if not known.any():
        return float("nan")
    expected = np.sqrt(variance[known].mean() / number)
    mean = mean[known]
    return float(MAD_TO_SIGMA_ROUNDED * np.median(np.abs(mean - np.median(mean))) / max(expected, 1e-30))
