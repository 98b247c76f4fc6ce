"""Part the rates of pixels into what is the same in all integrations and their share of a light that decays."""

from typing import Any, NamedTuple

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.delivery import OpenSet
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.request import SetRequest

from .noises import rate_sigma

# Traps differ from pixel to pixel: one glows by up to so many times the mean of its patch.
MOST_GLOW = 4.0
# One rate so many sigma off what the patch and the pixel explain is a hit, and is left out.
_HIT = 5.0


class Steady(NamedTuple):
    """What some pixels of a patch have besides its light; each of shape (n,), float64.

    Attributes
    ----------
    rate : e-/s
        The part of the rate that is the same in all integrations.
    error : e-/s
    share : dimensionless
        The pixel's light in units of the patch's mean, from 0 to ``MOST_GLOW``.
    share_error
    farthest : sigma
        How far the second farthest integration lies from both together.
    """

    rate: np.ndarray
    error: np.ndarray
    share: np.ndarray
    share_error: np.ndarray
    farthest: np.ndarray


class Planes:
    """The pipeline's rates of all integrations of a set, opened once for any number of patches.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps

    Attributes
    ----------
    opened : OpenSet
    gain : float, e-/DN
    tgroup : float, s

    Raises
    ------
    DeliveryError
        When a file has changed since it was scanned.
    """

    def __init__(self, request: SetRequest, maps: CombinedMaps):
        self.request, self.maps = request, maps
        self.opened = OpenSet(request.exposures, request.folder, request.integrations)
        self.gain, self.tgroup = look_up_detector(request.detector).gain, request.exposures[0].set_key.tgroup

    def check_unchanged(self) -> None:
        """Make sure that what was read is what was scanned; else raise a DeliveryError."""
        for exposure in self.opened.exposures:
            exposure.check_unchanged()

    def sigma(self, where: Any) -> np.ndarray:
        """Return the error of the rate of one integration by its pixel's own noise, float32, DN/s."""
        return rate_sigma(self.maps, where, self.tgroup, self.gain)

    def steady(
        self, profile: np.ndarray, places: np.ndarray, most: float = MOST_GLOW, without: int | None = None
    ) -> Steady:
        """Fit a steady rate and a share of a patch's light to the rates of some of its pixels.

        Parameters
        ----------
        profile : numpy.ndarray, shape (integration,), float64
            Light of the patch.
        places : numpy.ndarray, shape (n,), int
            In the flattened frame.
        most : float
            Shares lie between 0 and this; infinity leaves them free.
        without : int, optional
            Number of an integration that does not count.
        """
        y, x = np.unravel_index(places, self.maps.rate.shape)
        rows, columns = (slice(int(at.min()), int(at.max()) + 1) for at in (y, x))
        rates = np.stack([
            exposure.rate(rows, i)[:, columns][y - rows.start, x - columns.start] for exposure, i in self.opened.planes
        ]).astype(np.float64)  # fmt: skip
        if without is not None:
            rates[without] = np.nan
        return fit_steady(rates * self.gain, profile, self.sigma((y, x)).astype(np.float64) * self.gain, most)


def fit_steady(rates: np.ndarray, profile: np.ndarray, sigma: np.ndarray, most: float = MOST_GLOW) -> Steady:
    """Fit a level and a share of a profile to some series.

    Parameters
    ----------
    rates : numpy.ndarray, shape (integration, n), float64
        NaN where there is none.
    profile : numpy.ndarray, shape (integration,), float64
    sigma : numpy.ndarray, shape (n,), float64
        Error of each value of a series.
    most : float
        See :meth:`Planes.steady`.
    """
    weight = np.isfinite(rates).astype(np.float64)
    values = np.where(weight > 0, rates, 0)
    fit = _fit(values, weight, profile, sigma, most)
    apart = np.abs(values - fit.rate - np.outer(profile, fit.share)) / sigma * weight
    # Without its largest residual, where that is beyond chance.
    worst = apart.argmax(axis=0)
    columns = np.arange(worst.size)
    weight[worst, columns] = np.where(apart[worst, columns] > _HIT, 0, weight[worst, columns])
    fit = _fit(values, weight, profile, sigma, most)
    apart = np.abs(values - fit.rate - np.outer(profile, fit.share)) / sigma * np.isfinite(rates)
    return fit._replace(farthest=np.sort(apart, axis=0)[-2])


def _fit(values: np.ndarray, weight: np.ndarray, profile: np.ndarray, sigma: np.ndarray, most: float) -> Steady:
    number = weight.sum(axis=0)
    light = profile[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_light, mean = (weight * light).sum(axis=0) / number, (weight * values).sum(axis=0) / number
        lever = (weight * np.square(light - mean_light)).sum(axis=0)
        share = np.clip(
            (weight * (light - mean_light) * values).sum(axis=0) / lever, 0 if most < np.inf else -most, most
        )
        share = np.where(lever > 0, share, 0)
        error = sigma * np.sqrt(1 / number + np.where(lever > 0, mean_light**2 / lever, 0))
        return Steady(mean - share * mean_light, error, share, sigma / np.sqrt(lever), np.zeros_like(share))
