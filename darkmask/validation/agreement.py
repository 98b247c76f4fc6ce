"""Measure how far the published search confirms ours, in the categories that both claim."""

from dataclasses import replace

import numpy as np

from darkmask.core.flags import Category, in_category
from darkmask.search.engines import search_set
from darkmask.search.request import SetRequest

# Both searches define these on the same evidence. The HOT of the published one means saturated, it has no warm or
# inverse rc pixels, and with ten integrations it calls one pixel in five noisy for a cosmic ray.
CLAIMED_BY_BOTH = (Category.SATURATED, Category.RC, Category.LOW_PEDESTAL)


def confirmed_by_reffiles(request: SetRequest, ours: np.ndarray) -> dict[str, dict[str, int]]:
    """Search a set with ``jwst_reffiles``, and count what it confirms.

    Parameters
    ----------
    request : SetRequest
        Request of the search that found ``ours``.
    ours : numpy.ndarray, shape (y, x), uint16
        Categories.

    Returns
    -------
    dict
        See :func:`count_agreement`.

    Raises
    ------
    SearchError
        When the package cannot search this much data, or failed.
    """
    return count_agreement(ours, search_set(replace(request, engine="jwst_reffiles")).categories)


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
