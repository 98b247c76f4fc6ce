"""Judge the pixels of patches by what is left of their rates without the light that the whole patch has."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import USABLE, Category, in_category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.search.maps.changes import SIGMA_UNIT
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

from .afterglow import find_afterglow, reached
from .categories import FlightResult
from .changing import Patch
from .coupling import MOST_COUPLED, SIDES
from .decays import Measured, measure_patches
from .few_lit import find_few_lit
from .light import Light
from .named_by import Passed, at_some, joined
from .steady import Planes, Steady
from .together import lit_together
from .varying import LEAST_FILLED

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
    unsteady = (found.scattering & in_category(named, Category.NOISY)) | (
        found.varying & in_category(named, Category.INTERMITTENT) & ~in_category(named, Category.HOT)
    )
    more = find_few_lit(planes, unsteady)
    if more:
        measured = _measured(planes, [*(one.patch for one in measured), *more], categories)
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
    passed: list[dict[str, Passed]] = []
    shown = np.zeros(categories.size if lights else 0, bool)
    for patch in found.patches if lights else ():
        shown[patch.region] = True
    parameters = planes.request.parameters
    explained: np.ndarray = np.zeros(categories.size if lights else 0, bool)
    fading: np.ndarray = np.zeros(categories.shape if lights else 0, bool)
    above: np.ndarray = np.zeros(categories.shape if lights else 0, np.float32)
    for places, steady, usual in own_rates(planes, found, lights):
        limit = steady_limit(steady, usual, parameters)
        compared = Passed(places.astype(np.int32), steady.rate.astype(np.float32), limit.astype(np.float32))
        passed.append({"steady_rate": at_some(compared, steady.rate >= limit)})
        here = np.unravel_index(places, categories.shape)
        here_found = found.part(here)
        explained[places] = _explained(steady, here_found, parameters) & (steady.rate < limit)
        named[here] = _named(categories[here], steady, usual, parameters, ~shown[places], here_found)
        transient = (categories[here] == Category.TRANSIENT.bit) & ~here_found.switching
        fading[here] = transient & (steady.farthest >= parameters.change_significance)
        above[here] = steady.above
    if lights:
        hot = _hot_besides(planes, fading, np.nan_to_num(above))
        named[hot] |= np.uint16(Category.HOT.bit | Category.INTERMITTENT.bit)
    judged = [light._replace(explains=explained[light.region]) for light in lights]
    return named, judged, joined(passed)


def _hot_besides(planes: Planes, fading: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return the pixels that are hot in two integrations besides a light that fades, bool (y, x).

    A trend towards less may be that of the light, of a pixel that does not fade. What neighbours couple in is theirs.

    Parameters
    ----------
    planes : Planes
    fading : numpy.ndarray, shape (y, x), bool
        Pixels that were taken to fade and that the light does not explain.
    above : numpy.ndarray, shape (y, x), float32, e-/s
        By how much two integrations lie above all that lights explain.
    """
    parameters = planes.request.parameters
    share = MOST_COUPLED * (parameters.neighbour_coupling or look_up_detector(planes.request.detector).ipc)
    hot = fading & (above >= parameters.hot_rate)
    changes = planes.maps.changes
    if changes is None:
        return np.zeros_like(hot)
    # Rates of ramps that a neighbour's jumps cut lie off by their own errors, which are known there.
    hot &= changes.rows.second * SIGMA_UNIT >= parameters.change_significance
    y, x = np.nonzero(hot)
    wide = np.pad(above, 1)
    around = sum(wide[y + 1 + dy, x + 1 + dx] for dy, dx in SIDES)
    hot[y, x] = above[y, x] - share * around >= parameters.hot_rate
    return hot


def all_patches(planes: Planes, found: FlightResult, categories: np.ndarray) -> list[Measured]:
    """Return the patches that the trend shows, and then those that begin within the delivery or are small.

    Parameters
    ----------
    planes : Planes
    found : FlightResult
    categories : numpy.ndarray, shape (y, x), uint16
        See :func:`.decays.measure_patches`.
    """
    lights = find_afterglow(planes)
    return _measured(planes, _with_trends(found.patches, lights, planes.request.parameters), categories)


def _measured(planes: Planes, patches: Sequence[Patch], categories: np.ndarray) -> list[Measured]:
    science = ~planes.request.reference_pixels()
    wide = [one._replace(region=np.union1d(one.region, reached(one.glowing, science))) for one in patches]
    return measure_patches(planes, wide, categories)


def _with_trends(trends: Sequence[Patch], lights: Sequence[Patch], parameters: SearchParameters) -> list[Patch]:
    """Return lights, and what decays where none of them was found; what both see is one finding, of the lights."""
    of = {int(place): number for number, light in enumerate(lights) for place in light.glowing}
    patches, more = list(lights), []
    for trend in trends:
        both = [of[place] for place in trend.region.tolist() if place in of]
        rest = np.array([place for place in trend.glowing.tolist() if place not in of], np.int64)
        if not both:
            more.append(trend)
        elif rest.size > max(trend.glowing.size / 2, parameters.patch_pixels):
            # A light that fell upon a patch is another one.
            more.append(trend._replace(glowing=rest))
        else:
            number = int(np.bincount(both).argmax())
            patches[number] = patches[number]._replace(region=np.union1d(patches[number].region, trend.region))
    return [*more, *patches]


def own_rates(
    planes: Planes, found: FlightResult, lights: Sequence[Light], asked: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, Steady, float]]:
    """Give what the pixels of patches have besides their lights, and the usual rate, e-/s, both without settling.

    Parameters
    ----------
    planes : Planes
    found : FlightResult
    lights : sequence of Light
    asked : numpy.ndarray, shape (n,), int, optional
        Places that are asked; those of all lights by default.

    Yields
    ------
    places : numpy.ndarray, shape (n,), int
        On which the same lights fall, increasing.
    steady : Steady
    usual : float, e-/s
    """

    def taken(places: np.ndarray) -> np.ndarray:
        # Settling and coupling are the same in all integrations.
        rate = planes.maps.rate.ravel()[places].astype(np.float64) * planes.gain
        of: np.ndarray = np.nan_to_num(found.rate.ravel()[places] - rate)
        return of

    usual: dict[int, float] = {}
    for which, places in lit_together([light.region for light in lights], asked):
        for number in which:
            if number not in usual:
                usual[number] = lights[number].level + float(np.median(taken(lights[number].region)))
        steady = planes.steady(np.stack([lights[number].profile for number in which]), places)
        noise = max(lights[number].noise for number in which)
        own = Steady(
            steady.rate + taken(places),
            steady.error * noise,
            steady.share,
            steady.share_error * noise,
            steady.farthest / noise,
            steady.above,
            steady.unknown,
        )
        yield places, own, max(usual[number] for number in which)


def steady_limit(steady: Steady, usual: float, parameters: SearchParameters) -> np.ndarray:
    """Return the steady rates, e-/s, from which on pixels of a patch are warm, by their errors and what others have."""
    return np.fmax(parameters.warm_rate, max(usual, 0.0) + parameters.late_significance * steady.error)


def _explained(steady: Steady, found: FlightResult, parameters: SearchParameters) -> np.ndarray:
    """Return whether lights and a steady rate are all that pixels have."""
    # Where a pixel is hot, the jump step may have left the pipeline no rate, in both integrations of an exposure.
    hidden = found.varying & (steady.unknown >= LEAST_FILLED)
    explained: np.ndarray = (steady.farthest < parameters.change_significance) & ~hidden
    return explained


def _named(
    categories: np.ndarray,
    steady: Steady,
    usual: float,
    parameters: SearchParameters,
    new: np.ndarray,
    found: FlightResult,
) -> np.ndarray:
    """Return categories of pixels of a patch; new ones, which no trend has judged, are transient where they glow.

    Those that switch do so within their ramps or between resets, which is nothing that light does. Ramps that were
    asked for levels since their rates differ bend as the light does.
    """
    warm, hot, varying, transient = (
        np.uint16(one.bit) for one in (Category.WARM, Category.HOT, Category.INTERMITTENT, Category.TRANSIENT)
    )
    # Rates that fade scatter, too.
    noisy = np.where(found.scattering, np.uint16(Category.NOISY.bit | USABLE), np.uint16(0))
    by_rates = (found.varying | found.scattering) & ~(found.unstable | found.faint)
    by_rates &= ~found.noisy | found.scattering
    telegraph = np.where(by_rates, np.uint16(Category.TELEGRAPH.bit), np.uint16(0))
    glows = (steady.share > _GLOWS * steady.share_error).any(axis=0)
    # What has a name by its ramps keeps it, and so does what the light and a steady rate do not explain.
    only = ((categories & ~(warm | hot | varying | transient | noisy | telegraph)) == 0) & ~found.switching
    explained = only & _explained(steady, found, parameters)
    asked = explained & (
        ((categories & warm) != 0) | (glows & ((categories & (hot | varying | noisy | telegraph)) != 0))
    )
    stands = steady.rate >= steady_limit(steady, usual, parameters)
    is_hot = stands & (steady.rate >= parameters.hot_rate) & ((categories & hot) != 0)
    bright = stands & ((categories & (warm | hot | varying)) != 0)
    again = np.where(is_hot, hot, np.where(bright, warm, np.uint16(0))) | (categories & transient)
    made = np.where(asked, again, categories)
    return np.where(glows & only & (new | (made != categories)), made | transient, made).astype(np.uint16)
