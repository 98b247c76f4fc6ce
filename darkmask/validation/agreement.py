"""How far the published search confirms ours, in the categories that both claim."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from darkmask.core.atomic import write_text
from darkmask.core.cache import cached
from darkmask.core.flags import Category
from darkmask.search.engines import search_set
from darkmask.search.request import SetRequest

# Of these both have a definition on the same evidence. Its HOT are the saturated ones, it has no warm or inverse rc
# pixels, and it calls one pixel in five of ten integrations noisy for a cosmic ray.
CLAIMED_BY_BOTH = (Category.SATURATED, Category.RC, Category.LOW_PEDESTAL)


def agreement(ours: np.ndarray, theirs: np.ndarray) -> dict[str, dict[str, int]]:
    """Count what two searches call a pixel, of the categories that both claim.

    Parameters
    ----------
    ours, theirs : numpy.ndarray, shape (y, x), uint16
        Categories.

    Returns
    -------
    dict
        Of each category: ``ours``, ``theirs`` and ``both``, in pixels.
    """
    counts = {}
    for category in CLAIMED_BY_BOTH:
        a, b = (ours & category.bit) != 0, (theirs & category.bit) != 0
        counts[category.value] = {"ours": int(a.sum()), "theirs": int(b.sum()), "both": int((a & b).sum())}
    return counts


def agreement_cached(request: SetRequest, ours: np.ndarray, key: str) -> dict[str, dict[str, int]]:
    """:func:`agreement` of a search with ``jwst_reffiles``, kept in the cache.

    Parameters
    ----------
    request : SetRequest
        Of the search that found ``ours``.
    ours : numpy.ndarray, shape (y, x), uint16
    key : str
        Digest of everything that the mask of this detector depends on, its files and our code included.

    Returns
    -------
    dict
    """

    def make(out: Path) -> None:
        theirs = search_set(replace(request, engine="jwst_reffiles")).categories
        write_text(out / "agreement.json", json.dumps(agreement(ours, theirs)))

    return json.loads((cached("agreements", key, make) / "agreement.json").read_text(encoding="utf-8"))
