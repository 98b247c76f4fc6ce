"""Part the rates of pixels into what is the same in all integrations and their shares of lights that decay."""

from typing import Any, NamedTuple

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.delivery import OpenSet
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.stacks import SLOPE_SHOT
from darkmask.search.request import SetRequest

from .noises import rate_sigma

# Traps differ from pixel to pixel, and a patch has a core and a rim: a pixel glows by up to so many times its mean.
MOST_GLOW = 10.0
# One rate so many sigma off what the patch and the pixel explain is a hit, and is left out.
_HIT = 5.0
# Shares of several lights are found one after the other, so many times. Lights that begin one integration apart, which
# are as alike as two can be, are then parted to a thousandth.
_SWEEPS = 60


class Steady(NamedTuple):
    """What some pixels of patches have besides the light there; of shape (n,), float64, but for two.

    Attributes
    ----------
    rate : e-/s
        The part of the rate that is the same in all integrations.
    error : e-/s
    share : shape (light, n), dimensionless
        The pixel's part of each light in units of the patch's mean, from 0 to ``MOST_GLOW``.
    share_error : shape (light, n)
    farthest : sigma
        How far the second farthest integration lies from all of these together.
    above : e-/s
        How far the second highest integration lies above all of these together, or the highest one of the last epoch
        where that is less.
    unknown : shape (n,), int
        In how many integrations the pipeline gives no rate.
    """

    rate: np.ndarray
    error: np.ndarray
    share: np.ndarray
    share_error: np.ndarray
    farthest: np.ndarray
    above: np.ndarray
    unknown: np.ndarray


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

    def rates(self, rows: slice, columns: slice) -> np.ndarray:
        """Return the rates of a part of the frame in each integration, float32 (integration, y, x), DN/s."""
        return np.stack([exposure.rate(rows, i)[:, columns] for exposure, i in self.opened.planes])

    def steady(
        self, profiles: np.ndarray, places: np.ndarray, most: float = MOST_GLOW, without: int | None = None
    ) -> Steady:
        """Fit a steady rate and shares of lights to the rates of some pixels.

        Parameters
        ----------
        profiles : numpy.ndarray, shape (light, integration), float64
            Lights that fall on each of the pixels.
        places : numpy.ndarray, shape (n,), int
            In the flattened frame.
        most : float
            Shares lie between 0 and this; infinity leaves them free, of one light.
        without : int, optional
            Number of an integration that does not count.
        """
        y, x = np.unravel_index(places, self.maps.rate.shape)
        rows, columns = (slice(int(at.min()), int(at.max()) + 1) for at in (y, x))
        rates = self.rates(rows, columns)[:, y - rows.start, x - columns.start]
        return self.steady_of(rates, profiles, places, most, without)

    def steady_of(
        self,
        rates: np.ndarray,
        profiles: np.ndarray,
        places: np.ndarray,
        most: float = MOST_GLOW,
        without: int | None = None,
    ) -> Steady:
        """Do the same with rates that were read before, shape (integration, n), DN/s."""
        y, x = np.unravel_index(places, self.maps.rate.shape)
        rates = rates.astype(np.float64)
        if without is not None:
            rates[without] = np.nan
        # A law without a unit has no shot noise.
        shot = SLOPE_SHOT / (self.tgroup * max(self.maps.groups - 1, 1)) if most < np.inf else 0.0
        sigma, hot = self.sigma((y, x)).astype(np.float64) * self.gain, self.request.parameters.hot_rate
        epochs = self.maps.changes.epochs if self.maps.changes else ()
        last = epochs.index(epochs[-1]) if len(epochs) == len(rates) else 0
        return fit_steady(rates * self.gain, profiles, sigma, most, shot, hot, last)


def fit_steady(
    rates: np.ndarray,
    profiles: np.ndarray,
    sigma: np.ndarray,
    most: float = MOST_GLOW,
    shot: float = 0.0,
    hot: float = np.inf,
    last: int = 0,
) -> Steady:
    """Fit a level and shares of profiles to some series.

    Parameters
    ----------
    rates : numpy.ndarray, shape (integration, n), float64
        NaN where there is none.
    profiles : numpy.ndarray, shape (light, integration), float64
    sigma : numpy.ndarray, shape (n,), float64
        Error of each value of a series.
    most : float
        See :meth:`Planes.steady`.
    shot : float
        Variance of a value for each unit of light in it.
    hot : float
        No hit of one of several lights leaves so much more than the level.
    last : int
        Number of the first integration of the last epoch.
    """
    known = np.isfinite(rates)
    values, weight = np.where(known, rates, 0), known.astype(np.float64)
    columns, counted = np.arange(rates.shape[1]), known.astype(np.float64)
    fit = _fit(values, weight, profiles, sigma, most)
    if len(profiles) > 1:
        # Lights but a first one may have come with hits, in the integrations before they began. No hit leaves a rate
        # that is hot: a pixel that is so may be hot at times.
        begins = profiles.argmax(axis=1)
        hit = np.zeros((len(rates), 1))
        hit[begins[begins > 0] - 1] = 1
        for _ in range(int(hit.sum())):
            apart = _apart(fit, values, profiles, sigma, shot) * weight * hit * (values - fit.rate < hot)
            worst = apart.argmax(axis=0)
            left_out = apart[worst, columns] > _HIT
            weight[worst[left_out], columns[left_out]] = counted[worst[left_out], columns[left_out]] = 0
            fit = _fit(values, weight, profiles, sigma, most)
    # Without its largest residual, where that is beyond chance.
    apart = _apart(fit, values, profiles, sigma, shot) * weight
    worst = apart.argmax(axis=0)
    weight[worst, columns] = np.where(apart[worst, columns] > _HIT, 0, weight[worst, columns])
    fit = _fit(values, weight, profiles, sigma, most)
    apart = _apart(fit, values, profiles, sigma, shot) * counted
    above = (values - fit.rate - _light(fit, profiles)) * counted
    return fit._replace(
        farthest=np.sort(apart, axis=0)[-2],
        above=np.fmin(np.sort(above, axis=0)[-2], above[last:].max(axis=0)),
        unknown=(~known).sum(axis=0),
    )


def _light(fit: Steady, profiles: np.ndarray) -> np.ndarray:
    """Return the light of a fit, shape (integration, n)."""
    light = np.zeros((profiles.shape[1], fit.rate.size))
    for profile, share in zip(profiles, fit.share, strict=True):
        light += np.outer(profile, share)
    return light


def _apart(fit: Steady, values: np.ndarray, profiles: np.ndarray, sigma: np.ndarray, shot: float) -> np.ndarray:
    """Return how far values lie from a fit, in sigma, with the shot noise of the light."""
    light = _light(fit, profiles)
    apart: np.ndarray = np.abs(values - fit.rate - light) / np.sqrt(sigma**2 + shot * np.fmax(light, 0))
    return apart


def _fit(values: np.ndarray, weight: np.ndarray, profiles: np.ndarray, sigma: np.ndarray, most: float) -> Steady:
    # Sums over integrations are added up one after the other, whatever the number of pixels.
    number = weight.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weight * values).sum(axis=0) / number
        means = np.stack([(weight * profile[:, None]).sum(axis=0) / number for profile in profiles])
        lights = [weight * (profile[:, None] - mean_light) for profile, mean_light in zip(profiles, means, strict=True)]
        products = np.stack([(light * values).sum(axis=0) for light in lights])
        matrix = np.stack([np.stack([(one * other).sum(axis=0) for other in lights]) for one in lights])
        levers = np.stack([matrix[k, k] for k in range(len(lights))])
        least = 0.0 if most < np.inf else -most
        share = np.zeros(products.shape)
        for _ in range(_SWEEPS if len(lights) > 1 else 1):
            for k in range(len(lights)):
                others = sum((matrix[k, j] * share[j] for j in range(len(lights)) if j != k), np.zeros(number.shape))
                share[k] = np.where(levers[k] > 0, np.clip((products[k] - others) / levers[k], least, most), 0)
        # What is known of the level hangs on all light of the pixel together, of whichever there is.
        parts = np.where(share.any(axis=0), share, 1)
        mean_light = (parts * means).sum(axis=0)
        lever = np.square(sum((part * light for part, light in zip(parts, lights, strict=True)), 0)).sum(axis=0)
        error = sigma * np.sqrt(1 / number + np.where(lever > 0, mean_light**2 / lever, 0))
        rate = mean - (share * means).sum(axis=0)
        nothing = np.zeros(number.shape)
        return Steady(rate, error, share, sigma / np.sqrt(levers), nothing, nothing, number)
