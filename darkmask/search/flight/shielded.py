"""Judge the pixels of patches by what is left of their rates without the light that the whole patch has."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import USABLE, Category
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

from .afterglow import find_afterglow, reached
from .categories import FlightResult
from .changing import Patch
from .decays import Measured, measure_patches
from .light import Light
from .named_by import Passed, at_some, joined
from .steady import Planes, Steady

# In a patch a pixel glows itself if its share of the light lies so many errors above none.
_GLOWS = 2.0


class Shielded(NamedTuple):
    """What the search makes of pixels in patches.

    Attributes
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    measured : list of Measured
    lights : list of Light
        Of the same patches, with the pixels that they explain.
    passed : dict of str to Passed
        The pixels that stand out of their patch.
    """

    categories: np.ndarray
    measured: list[Measured]
    lights: list[Light]
    passed: dict[str, Passed]


def shield(request: SetRequest, maps: CombinedMaps, found: FlightResult, categories: np.ndarray) -> Shielded:
    """Find all patches, and take from their pixels the names that only the patch's light gave them.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps
    found : FlightResult
    categories : numpy.ndarray, shape (y, x), uint16
        What the search calls the pixels otherwise.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    planes = Planes(request, maps)
    measured = all_patches(planes, found, categories)
    named, lights, passed = without_light(planes, found, categories, [one.light for one in measured])
    planes.check_unchanged()
    return Shielded(named, measured, lights, passed)


def without_light(
    planes: Planes, found: FlightResult, categories: np.ndarray, lights: Sequence[Light]
) -> tuple[np.ndarray, list[Light], dict[str, Passed]]:
    """Take from the pixels of patches the names that only the patch's light gave them.

    Parameters
    ----------
    planes : Planes
        Of the integrations that were searched.
    found : FlightResult
    categories : numpy.ndarray, shape (y, x), uint16
        What the search calls the pixels otherwise.
    lights : sequence of Light
        Of the patches, in these integrations.

    Returns
    -------
    categories : numpy.ndarray, shape (y, x), uint16
    lights : list of Light
        With the pixels that they explain.
    passed : dict of str to Passed
        The pixels that stand out of their patch.
    """
    named = categories.copy() if lights else categories
    passed, judged = [], []
    shown = np.zeros(categories.size if lights else 0, bool)
    for patch in found.patches if lights else ():
        shown[patch.region] = True
    for light in lights:
        places = light.region
        if not places.size:
            judged.append(light)
            continue
        steady, usual = own_rates(planes, found, light)
        limit = steady_limit(steady, usual, planes.request.parameters)
        compared = Passed(places.astype(np.int32), steady.rate.astype(np.float32), limit.astype(np.float32))
        passed.append({"steady_rate": at_some(compared, steady.rate >= limit)})
        explains = (steady.farthest < planes.request.parameters.change_significance) & (steady.rate < limit)
        judged.append(light._replace(explains=explains))
        named.ravel()[places] = _named(
            categories.ravel()[places],
            steady,
            usual,
            planes.request.parameters,
            new=~shown[places],
            switching=found.switching.ravel()[places],
            scattering=found.scattering.ravel()[places],
        )
    return named, judged, joined(passed)


def all_patches(planes: Planes, found: FlightResult, categories: np.ndarray) -> list[Measured]:
    """Return the patches that the trend shows, and then those that begin within the delivery or are small.

    Parameters
    ----------
    planes : Planes
    found : FlightResult
    categories : numpy.ndarray, shape (y, x), uint16
        See :func:`.decays.measure_patches`.
    """
    patches = list(found.patches)
    of = {int(place): number for number, patch in enumerate(patches) for place in patch.region}
    for late in find_afterglow(planes):
        both = [of[place] for place in late.glowing.tolist() if place in of]
        if both:
            # What both see is one finding, that of which most glows, and shields the pixels of both.
            number = int(np.bincount(both).argmax())
            patches[number] = Patch(np.union1d(patches[number].region, late.region), late.glowing)
        else:
            patches.append(late)
    science = ~planes.request.reference_pixels()
    wide = [one._replace(region=np.union1d(one.region, reached(one.glowing, science))) for one in patches]
    return measure_patches(planes, wide, categories)


def own_rates(planes: Planes, found: FlightResult, light: Light) -> tuple[Steady, float]:
    """Return what the pixels of a patch have besides its light, and the usual rate, e-/s, both without settling."""
    places = light.region
    steady = planes.steady(light.profile, places)
    # Settling and coupling are the same in all integrations.
    taken = np.nan_to_num(
        found.rate.ravel()[places] - planes.maps.rate.ravel()[places].astype(np.float64) * planes.gain
    )
    own = Steady(
        steady.rate + taken,
        steady.error * light.noise,
        steady.share,
        steady.share_error * light.noise,
        steady.farthest / light.noise,
    )
    return own, light.level + float(np.median(taken))


def steady_limit(steady: Steady, usual: float, parameters: SearchParameters) -> np.ndarray:
    """Return the steady rates, e-/s, from which on pixels of a patch are warm, by their errors and what others have."""
    return np.fmax(parameters.warm_rate, max(usual, 0.0) + parameters.late_significance * steady.error)


def _named(
    categories: np.ndarray,
    steady: Steady,
    usual: float,
    parameters: SearchParameters,
    new: np.ndarray,
    switching: np.ndarray,
    scattering: np.ndarray,
) -> np.ndarray:
    """Return categories of pixels of a patch; new ones, which no trend has judged, are transient where they glow.

    Those that switch do so within their ramps or between resets, which is nothing that light does.
    """
    warm, hot, varying, transient = (
        np.uint16(one.bit) for one in (Category.WARM, Category.HOT, Category.INTERMITTENT, Category.TRANSIENT)
    )
    # Rates that fade scatter, too.
    noisy = np.where(scattering, np.uint16(Category.NOISY.bit | USABLE), np.uint16(0))
    glows = steady.share > _GLOWS * steady.share_error
    # What has a name by its ramps keeps it, and so does what the light and a steady rate do not explain.
    only = ((categories & ~(warm | hot | varying | transient | noisy)) == 0) & ~switching
    explained = only & (steady.farthest < parameters.change_significance)
    asked = explained & (((categories & warm) != 0) | (glows & ((categories & (hot | varying | noisy)) != 0)))
    stands = steady.rate >= steady_limit(steady, usual, parameters)
    is_hot = stands & (steady.rate >= parameters.hot_rate) & ((categories & hot) != 0)
    bright = stands & ((categories & (warm | hot | varying)) != 0)
    again = np.where(is_hot, hot, np.where(bright, warm, np.uint16(0))) | (categories & transient)
    made = np.where(asked, again, categories)
    return np.where(glows & only & (new | (made != categories)), made | transient, made).astype(np.uint16)
