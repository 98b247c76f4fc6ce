"""Pack the explanations of many pixels into a text that a page holds: every word of it is made here, and none there.

Columns of equal things compress well: a pixel with 25 tests and 12 ramps of 20 groups takes some 350 bytes.
"""

import base64
import json
import zlib
from typing import Any

import numpy as np

from darkmask.build.explainer import Explained
from darkmask.build.explanation import (
    AROUND,
    RAMP_HEADER,
    TEST_HEADER,
    UNTESTED,
    groups_of,
    limit_text,
    significant,
)
from darkmask.core.flags import category_names
from darkmask.search.maps.layout import JUMP_DET, SATURATED

# A longer ramp is shown by so many of its groups: the picture has no room for more, nor the page.
MOST_GROUPS = 25


def pack(explained: Explained, rates: dict[str, Any] | None = None) -> str:
    """Return explanations as base64 of compressed JSON.

    Parameters
    ----------
    explained : Explained
    rates : dict, optional
        See :func:`rates_of`.

    Returns
    -------
    str
        ``words`` (captions and heads of tables), ``x``, ``y``, ``categories``, ``tests`` by name with ``words`` and,
        for each pixel, ``value`` (empty where it was not asked), ``limit`` and ``passes``; ``facts`` by name;
        ``around``, nine rates a pixel; ``integrations``, their names; ``groups``, the groups that are shown, counted
        from 1; ``ramps`` of each pixel and integration, as the first count and differences, None for no number;
        ``jumps`` and ``saturated``, the groups with these flags in words; ``rates``.
    """
    shown = shown_groups(explained.ramps.shape[1])
    made = {
        "words": {"tests": TEST_HEADER, "ramps": RAMP_HEADER, "around": AROUND, "untested": UNTESTED},
        "place": explained.place,
        "x": explained.x.tolist(),
        "y": explained.y.tolist(),
        "categories": [category_names(int(value)).replace(",", ", ") for value in explained.categories],
        "tests": {key: _test(explained, key) for key in explained.tests},
        "facts": explained.facts,
        "around": [[significant(rate) for rate in part.ravel()] for part in explained.around],
        "integrations": explained.names,
        "groups": (shown + 1).tolist(),
        "ramps": [_differences(explained.ramps[:, shown, n]) for n in range(len(explained))],
        "jumps": _flagged(explained.groupdq, JUMP_DET),
        "saturated": _flagged(explained.groupdq, SATURATED),
        "rates": rates,
    }
    text = json.dumps(made, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def unpack(text: str) -> dict[str, Any]:
    """Return what :func:`pack` packed."""
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text)))
    return found


def rates_of(where: np.ndarray, rate: np.ndarray, error: np.ndarray) -> dict[str, Any]:
    """Return the rates of some pixels as a page keeps them.

    Parameters
    ----------
    where : numpy.ndarray, shape (y, x), bool
    rate, error : numpy.ndarray, shape (n,), e-/s
        Of those pixels, by row and then by column.

    Returns
    -------
    dict
        ``steps``: from each pixel to the next, in pixels of the flattened image; ``rate`` and ``error`` as text, both
        ``none`` where there is none.
    """
    at, known = np.flatnonzero(where), np.isfinite(rate)
    return {
        "steps": np.diff(at, prepend=0).tolist(),
        "rate": [significant(value) if there else "none" for value, there in zip(rate, known, strict=True)],
        "error": [f"{value:.2g}" if there else "none" for value, there in zip(error, known, strict=True)],
    }


def shown_groups(groups: int) -> np.ndarray:
    """Return the groups of a ramp that are shown, counted from 0: all, or evenly spread from first to last."""
    if groups <= MOST_GROUPS:
        return np.arange(groups)
    return np.unique(np.linspace(0, groups - 1, MOST_GROUPS).round().astype(int))


def _test(explained: Explained, key: str) -> dict[str, Any]:
    asks, test = explained.questions[key], explained.tests[key]
    limits = [None if np.isnan(limit) else float(limit) for limit in test.limit]
    return {
        "words": [asks.name, asks.unit, asks.sentence],
        "value": [significant(v) if asked else "" for v, asked in zip(test.value, test.asked, strict=True)],
        "limit": [
            limit_text(asks.relation, limit) if asked else "" for limit, asked in zip(limits, test.asked, strict=True)
        ],
        "passes": [int(passes) if asked else 0 for passes, asked in zip(test.passes, test.asked, strict=True)],
    }


def _differences(ramps: np.ndarray) -> list[list[int | None]]:
    """Return ramps, shape (integration, group), as whole counts: the first, and then differences."""
    packed: list[list[int | None]] = []
    for ramp in ramps:
        whole = [round(float(count)) if np.isfinite(count) else None for count in ramp]
        before, line = 0, []
        for count in whole:
            line.append(None if count is None else count - before)
            before = before if count is None else count
        packed.append(line)
    return packed


def _flagged(groupdq: np.ndarray, bit: int) -> list[list[str]]:
    """Return the groups with a flag, of each pixel and integration."""
    flagged = (groupdq & np.uint8(bit)) != 0
    made = [[""] * flagged.shape[0] for _ in range(flagged.shape[2])]
    for integration, pixel in np.argwhere(flagged.any(axis=1)):
        made[pixel][integration] = groups_of(flagged[integration, :, pixel])
    return made
