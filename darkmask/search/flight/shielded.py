"""Judge the pixels of patches by what is left of their rates without the light that the whole patch has."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.flags import Category, in_category
from darkmask.search.maps import CombinedMaps
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

from .afterglow import find_afterglow
from .categories import FlightResult
from .decays import Measured, measure_patches
from .steady import Steady, steady_rates

# In a patch a pixel glows itself if its share of the light lies so many errors above none.
_GLOWS = 2.0


class Shielded(NamedTuple):
    """What the search makes of pixels in patches.

    Attributes
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    measured : list of Measured
    """

    categories: np.ndarray
    measured: list[Measured]


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
    measured = all_patches(request, maps, found, categories)
    named = categories.copy() if measured else categories
    shown = {int(place) for patch in found.patches for place in patch.region}
    for one in measured:
        places = one.patch.region
        steady = steady_rates(request, maps, one.profile, places)
        new = np.array([place not in shown for place in places.tolist()])
        named.ravel()[places] = _named(categories.ravel()[places], steady, request.parameters, new)
    return Shielded(named, measured)


def all_patches(request: SetRequest, maps: CombinedMaps, found: FlightResult, categories: np.ndarray) -> list[Measured]:
    """Return the patches that the trend shows, and then those that begin within the delivery or are small."""
    patches = list(found.patches)
    for late in find_afterglow(request, maps):
        # What both see is one finding, which shields the pixels of both.
        same = [number for number, one in enumerate(patches) if np.isin(late.glowing, one.region).any()]
        for number in same:
            patches[number] = patches[number]._replace(region=np.union1d(patches[number].region, late.region))
        if not same:
            patches.append(late)
    return measure_patches(request, maps, patches, categories)


def steady_limit(error: np.ndarray, parameters: SearchParameters) -> np.ndarray:
    """Return the steady rates, e-/s, from which on pixels of a patch are warm or hot, by their errors."""
    return np.fmax(parameters.warm_rate, parameters.late_significance * error)


def _named(categories: np.ndarray, steady: Steady, parameters: SearchParameters, new: np.ndarray) -> np.ndarray:
    """Return categories of pixels of a patch; new ones, which no trend has judged, are transient where they glow."""
    bright, warm, hot = (
        np.uint16(category.bit) for category in (Category.INTERMITTENT, Category.WARM, Category.HOT)
    )
    transient = np.uint16(Category.TRANSIENT.bit)
    glows = steady.share > _GLOWS * steady.share_error
    # What the light and a steady rate do not explain, or what has a name by its ramps, keeps its name.
    only = (categories & ~(bright | warm | hot | transient)) == 0
    explained = only & (categories != 0) & glows & (steady.farthest < parameters.change_significance)
    stands = steady.rate >= steady_limit(steady.error, parameters)
    is_hot = stands & (steady.rate >= parameters.hot_rate)
    kept = categories & ~(bright | warm | hot)
    again = kept | np.where(is_hot, hot, np.where(stands, warm, np.uint16(0)))
    # The search looks at what was bright; a pixel that it did not call so does not become it here.
    was = in_category(categories, Category.WARM) | in_category(categories, Category.HOT)
    made = np.where(explained, np.where(was | (categories & bright > 0), again, categories), categories)
    lit = glows & only & (new | (explained & (made != categories)))
    return np.where(lit, made | transient, made).astype(np.uint16)
