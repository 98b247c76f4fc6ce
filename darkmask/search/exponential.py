"""Fit an exponential to the ramps of rc and inverse rc pixels."""

from typing import NamedTuple

import numpy as np

from darkmask.search.maps.layout import DO_NOT_USE, SATURATED

# An exponential, a slope and an offset have four parameters; two reads more make an error of them.
LEAST_READS = 6
# Time constants that are tried first, in group times, and up to how many lengths of the ramp.
_SHORTEST, _LONGEST, _TRIED = 0.3, 3.0, 40
_STEPS = 8
# A difference that lies so many sigma from the median of the integrations is a cosmic ray.
_HIT = 5.0
# So many pixels are fitted at once: their matrices take some MB.
_AT_ONCE = 500


class Exponential(NamedTuple):
    """What the exponential of some ramps is; NaN where none fits.

    Attributes
    ----------
    amplitude, amplitude_error : numpy.ndarray, shape (pixel,), float64, DN
        Charge that the exponential adds from the reset on; negative for one that it loses.
    time, time_error : numpy.ndarray, shape (pixel,), float64, in group times
        Time constant.
    """

    amplitude: np.ndarray
    amplitude_error: np.ndarray
    time: np.ndarray
    time_error: np.ndarray


def mean_ramps(
    sci: np.ndarray, groupdq: np.ndarray, read_variance: float, gain: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean ramp of each pixel over the integrations, without cosmic rays.

    Parameters
    ----------
    sci : numpy.ndarray, shape (integration, group, pixel), float32, DN
    groupdq : numpy.ndarray, same shape, uint8
    read_variance : float, DN**2
    gain : float, e-/DN

    Returns
    -------
    ramps : numpy.ndarray, shape (pixel, group), float64, DN
        Above the first group.
    reads : numpy.ndarray, shape (pixel,), int
        The groups before the first one that is not usable in some integration.

    Notes
    -----
    The jump step flags the steep beginning of such a ramp in every integration. A cosmic ray is a difference that is
    not like that of the other integrations, and the median takes its place.
    """
    bad = (((groupdq & (SATURATED | DO_NOT_USE)) != 0) | ~np.isfinite(sci)).any(axis=0)
    reads = np.where(bad.any(axis=0), bad.argmax(axis=0), len(bad))
    steps = np.diff(np.where(bad, 0, sci).astype(np.float64), axis=1)
    usual = np.median(steps, axis=0)
    sigma = np.sqrt(2 * read_variance + np.maximum(usual, 0) / gain)
    steps = np.where(np.abs(steps - usual) > _HIT * sigma, usual, steps)
    ramps = np.cumsum(steps.mean(axis=0), axis=0).T
    return np.hstack([np.zeros((len(ramps), 1)), ramps]), reads


def fit_exponential(
    ramps: np.ndarray, reads: np.ndarray, read_variance: float, gain: float, integrations: int
) -> Exponential:
    """Fit offset + slope * t - amplitude * exp(-t / time) to mean ramps, t from the reset on in group times.

    Parameters
    ----------
    ramps, reads : numpy.ndarray
        See :func:`mean_ramps`.
    read_variance : float, DN**2
        Of a group of one integration.
    gain : float, e-/DN
    integrations : int

    Returns
    -------
    Exponential

    Notes
    -----
    Least squares, begun at the best of some time constants (for each, the other parameters are linear), and improved by
    Gauss and Newton. Errors are those of read noise and of the shot noise of the charge, which all later reads share.
    """
    found = np.full((4, len(ramps)), np.nan)
    for count in np.unique(reads[reads >= LEAST_READS]):
        here = np.flatnonzero(reads == count)
        for some in np.array_split(here, -(-here.size // _AT_ONCE)):
            found[:, some] = _fit(ramps[some, :count], read_variance / integrations, gain * integrations)
    return Exponential(*found)


def _fit(ramps: np.ndarray, read_variance: float, gain: float) -> np.ndarray:
    """Return the rows of :class:`Exponential` for ramps of one length."""
    times = np.arange(1.0, ramps.shape[1] + 1)
    constant = _first_constant(ramps, times)
    for _ in range(_STEPS):
        design, values = _linearised(ramps, times, constant)
        # The last column is what the model changes by with the logarithm of the time constant.
        step = (np.linalg.pinv(design) @ (ramps - values)[..., None])[:, 3, 0]
        constant = np.clip(constant * np.exp(np.clip(step, -0.5, 0.5)), _SHORTEST / 3, 3 * _LONGEST * times[-1])
    design, values = _linearised(ramps, times, constant)
    inverse = np.linalg.pinv(design)
    charge = np.maximum.accumulate(np.maximum(values - values[:, :1], 0), axis=1) / gain
    # Two reads share the shot noise of what was there at the earlier one: each bit of charge moves a parameter by what
    # the later reads do together. A matrix of all pairs of reads would take their square.
    later = np.cumsum(inverse[:, :, ::-1], axis=2)[:, :, ::-1]
    added = np.diff(charge, axis=1, prepend=0)[:, None]
    errors = np.sqrt((read_variance * inverse**2 + added * later**2).sum(axis=2))
    amplitude = -_linear(ramps, times, constant)[:, 2]
    found = np.array([amplitude, errors[:, 2], constant, constant * errors[:, 3]])
    # A time constant that is known to no better than itself is none.
    found[:, ~(errors[:, 3] < 1) | ~(np.abs(amplitude) > errors[:, 2])] = np.nan
    return found


def _first_constant(ramps: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the time constant of those tried that leaves least of each ramp."""
    tried = np.geomspace(_SHORTEST, _LONGEST * times[-1], _TRIED)
    explained = np.empty((_TRIED, len(ramps)))
    for k, constant in enumerate(tried):
        basis, _ = np.linalg.qr(np.stack([np.ones_like(times), times, np.exp(-times / constant)], axis=1))
        explained[k] = ((ramps @ basis) ** 2).sum(axis=1)
    chosen: np.ndarray = tried[explained.argmax(axis=0)]
    return chosen


def _linear(ramps: np.ndarray, times: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """Return offset, slope and factor of the exponential for known time constants, (pixel, 3)."""
    shape = np.exp(-times / constant[:, None])
    design = np.stack([np.broadcast_to(1.0, shape.shape), np.broadcast_to(times, shape.shape), shape], axis=2)
    parameters: np.ndarray = (np.linalg.pinv(design) @ ramps[..., None])[..., 0]
    return parameters


def _linearised(ramps: np.ndarray, times: np.ndarray, constant: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives of the model, (pixel, read, 4), and its values, (pixel, read)."""
    offset, slope, factor = (part[:, None] for part in _linear(ramps, times, constant).T)
    shape = np.exp(-times / constant[:, None])
    design = np.stack(
        [
            np.broadcast_to(1.0, shape.shape),
            np.broadcast_to(times, shape.shape),
            shape,
            factor * shape * times / constant[:, None],
        ],
        axis=2,
    )
    return design, offset + slope * times + factor * shape
