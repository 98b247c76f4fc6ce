"""Measure how far the published search confirms ours, in the categories that both claim."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from darkmask.core.categories import Category, in_category, pack_categories
from darkmask.core.stages import stage
from darkmask.search.engines import search_set
from darkmask.search.official.categories import categories_of, compare_official
from darkmask.search.official.reading import official_maps
from darkmask.search.request import SetRequest

from .release import explain_release

# Both searches define these on the same evidence. The HOT of the published one means saturated, it has no warm or
# inverse rc pixels, and with ten integrations it calls one pixel in five noisy for a cosmic ray.
CLAIMED_BY_BOTH = (Category.SATURATED, Category.RC, Category.LOW_PEDESTAL)


@stage("release")
def confirmed_by_release(
    request: SetRequest, ours: np.ndarray, package: bool, wandering: Sequence[int] = ()
) -> dict[str, dict]:
    """Search a set as the published search does, count what it confirms, and explain what it alone finds.

    Parameters
    ----------
    request : SetRequest
        Request of the search that found ``ours``.
    ours : numpy.ndarray, shape (y, x), uint16
        Categories.
    package : bool
        Whether ``jwst_reffiles`` itself searches; the ``official`` search, which equals it pixel by pixel and takes a
        second, otherwise.
    wandering : sequence of int
        Columns that wander, as that search found them.

    Returns
    -------
    dict
        See :func:`count_agreement`; and under ``release`` see :func:`darkmask.validation.release.explain_release`.

    Raises
    ------
    SearchError
        When the published search cannot search this much data, or failed.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    area, maps = official_maps(request)
    theirs = np.zeros(request.shape, np.uint16)
    compared = compare_official(maps, request.parameters)
    theirs[area] = pack_categories(categories_of(compared))
    if package:
        theirs = search_set(replace(request, engine="jwst_reffiles")).categories
    explained = explain_release(request, ours, theirs, area, compared, wandering)
    return {**count_agreement(ours, theirs), "release": explained}


def count_agreement(ours: np.ndarray, theirs: np.ndarray) -> dict[str, dict[str, int]]:
    """Count what two searches call a pixel, in the categories that both claim.

    Parameters
    ----------
    ours, theirs : numpy.ndarray, shape (y, x), uint16
        Categories.

    Returns
    -------
    dict
        For each category: ``ours``, ``theirs`` and ``both``, in pixels.
    """
    counts = {}
    for category in CLAIMED_BY_BOTH:
        a, b = in_category(ours, category), in_category(theirs, category)
        counts[category.value] = {"ours": int(a.sum()), "theirs": int(b.sum()), "both": int((a & b).sum())}
    return counts
