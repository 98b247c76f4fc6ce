"""Lights that fall on the same pixels: which do, and what each of them is without the others."""

from collections.abc import Sequence

import numpy as np

# So many integrations before a light begins tell how much of the earlier ones its pixels have.
_LEAST_BEFORE = 2


def lit_together(
    regions: Sequence[np.ndarray], asked: np.ndarray | None = None
) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """Return the places on which the same lights fall, each place once, with the numbers of these lights.

    Parameters
    ----------
    regions : sequence of numpy.ndarray, shape (n,), int
        Places of each light, increasing.
    asked : numpy.ndarray, shape (m,), int, optional
        The places that are asked; all by default.

    Returns
    -------
    list of (tuple of int, numpy.ndarray)
        In the order of the numbers; places increase.
    """
    places = np.concatenate([np.empty(0, np.int64), *regions])
    owner = np.repeat(np.arange(len(regions)), [region.size for region in regions])
    if asked is not None:
        wanted = np.isin(places, asked)
        places, owner = places[wanted], owner[wanted]
    if not places.size:
        return []
    order = np.lexsort((owner, places))
    places, owner = places[order], owner[order]
    each, first, many = np.unique(places, return_index=True, return_counts=True)
    together: dict[tuple[int, ...], list[np.ndarray]] = {}
    alone = many == 1
    single, of = each[alone], owner[first[alone]]
    by_owner = np.argsort(of, kind="stable")
    numbers, begins = np.unique(of[by_owner], return_index=True)
    for number, mine in zip(numbers.tolist(), np.split(single[by_owner], begins[1:]), strict=True):
        together[(number,)] = [mine]
    for place, begin, count in zip(each[~alone], first[~alone], many[~alone], strict=True):
        together.setdefault(tuple(owner[begin : begin + count].tolist()), []).append(place[None])
    return [(which, np.concatenate(together[which])) for which in sorted(together)]


def parted(light: np.ndarray, others: Sequence[np.ndarray], begins: int) -> np.ndarray:
    """Return the light of some pixels without that of others which began before, by what it was until then.

    Parameters
    ----------
    light : numpy.ndarray, shape (integration,), float64
    others : sequence of numpy.ndarray, shape (integration,), float64
    begins : int
        Number of the integration from which on there is more than the others.
    """
    from scipy.optimize import nnls

    # What fell into the integration before left its own charge there.
    before = slice(0, max(begins - 1, 0))
    known = [other for other in others if other[before].any()]
    if not known or before.stop < _LEAST_BEFORE:
        return light
    shares, _ = nnls(np.stack([other[before] for other in known], axis=1), light[before])
    return light - shares @ np.stack(known)
