"""Find lights that show in nothing but a few pixels whose rates differ, such as what a small snowball leaves.

Of too few pixels to be seen in a window, or beside a brighter light, each has rates that differ by themselves: it would
be noisy or intermittent. That they lie together and fade as one tells.
"""

import numpy as np

from .changing import Patch
from .steady import Planes, fit_steady
from .windows import laws_of

# So many pixels that lie within five of one another make no light by chance: of good ones one in millions differs.
_FEWEST, _APART = 3, 2
# A light must explain so much of the variance of their mean rate, and be so many errors above none. Of sixteen values
# that only scatter, one of ten laws explains this much in one case of a thousand.
_EXPLAINED, _SHINES = 0.6, 5.0


def find_few_lit(planes: Planes, unsteady: np.ndarray) -> list[Patch]:
    """Return the patches of pixels whose rates differ since they fade together from some integration on.

    Parameters
    ----------
    planes : Planes
    unsteady : numpy.ndarray, shape (y, x), bool
        Pixels that are bad by how their rates differ between integrations, and not hot.

    Returns
    -------
    list of Patch
        By their first pixel.
    """
    from scipy.ndimage import binary_dilation, label

    places = np.flatnonzero(unsteady)
    changes = planes.maps.changes
    if places.size < _FEWEST or changes is None or not changes.order.contrast.any():
        return []
    laws = list(laws_of(planes.maps))
    clumps, _ = label(binary_dilation(unsteady, np.ones((3, 3)), _APART), np.ones((3, 3)))
    of = clumps.ravel()[places]
    patches = []
    for number in np.flatnonzero(np.bincount(of) >= _FEWEST):
        mine = places[of == number]
        y, x = np.unravel_index(mine, unsteady.shape)
        rates = planes.opened.rates_of(y, x).astype(np.float64)
        sigma = planes.sigma((y, x)).astype(np.float64)
        begins = _begins(rates, sigma, [law.light for law in laws])
        if begins is not None:
            patches.append(Patch(mine, mine, laws[begins].begins))
    return patches


def _begins(rates: np.ndarray, sigma: np.ndarray, lights: list[np.ndarray]) -> int | None:
    """Return the number of the light that explains the mean of some rates best, if it explains it."""
    known = np.isfinite(rates).all(axis=1)
    mean = np.where(known, np.nan_to_num(rates).mean(axis=1), np.nan)[:, None]
    error = np.array([np.sqrt(np.square(sigma).sum()) / sigma.size])
    best, least = None, np.inf
    for number, light in enumerate(lights):
        # A hit leaves something of its own in the integration that it fell into.
        values = mean.copy()
        values[int(np.argmax(light))] = np.nan
        if np.isfinite(values).sum() <= _FEWEST:
            continue
        fit = fit_steady(values, light[None], error, np.inf)
        left = values[:, 0] - fit.rate - fit.share[0] * light
        share = np.nanvar(left) / np.nanvar(values)
        if share < least and fit.share[0, 0] > _SHINES * fit.share_error[0, 0]:
            best, least = number, share
    return best if least <= 1 - _EXPLAINED else None
