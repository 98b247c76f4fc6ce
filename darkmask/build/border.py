"""Tell where the reference pixels of a full frame lie, by where cosmic rays do not fall.

A frame that was moved by some rows or columns gives a mask that is moved by as many, and no number of it tells. Its
reference pixels collect no charge, so that hardly a jump is found in them: the edge between them and the pixels that
see radiation shows where the frame lies.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import Geometry
from darkmask.core.flags import has_flag

# Share of the jumps of a pixel that sees radiation: the noise of reference pixels is called a jump now and then, a
# tenth to a quarter as often in simulated darks, and the jump step flags the four neighbours of a hit, a fifth more.
_NOISE, _BESIDE = 0.15, 0.35
# Five flags are one hit, and one piece of evidence.
_FLAGS_PER_HIT = 5.0
# One shift must be so much more likely than another, by the logarithm: a thousand times.
_CERTAIN = 7.0
# So many lines beyond the reference pixels still tell a shift by as many lines as these have.
_BEYOND = 3


class Off(NamedTuple):
    """By how many columns and rows a frame lies off; None where that cannot be told."""

    columns: int | None
    rows: int | None


def frame_off(jumps: np.ndarray, good: np.ndarray, geometry: Geometry) -> Off:
    """Return by how much a full frame lies off, towards higher columns and rows.

    Parameters
    ----------
    jumps : numpy.ndarray, shape (y, x), int
        Groups flagged as jumps, in all integrations together.
    good : numpy.ndarray, shape (y, x), bool
        Pixels that count, of the border too: what a search calls bad jumps for other reasons than radiation.
    geometry : Geometry

    Returns
    -------
    Off
        Of the shifts by no more than the width of the border, the one under which the jumps of lines near the edges are
        likeliest: 0 where every other is a thousand times less likely, and another where 0 is; None where there are
        too few jumps to tell.
    """
    inner = slice(2 * geometry.border + _BEYOND, geometry.frame - 2 * geometry.border - _BEYOND)
    hit = (jumps > 0) & good
    return Off(
        _off(hit[inner].sum(axis=0), good[inner].sum(axis=0), geometry),
        _off(hit[:, inner].sum(axis=1), good[:, inner].sum(axis=1), geometry),
    )


def _off(hit: np.ndarray, number: np.ndarray, geometry: Geometry) -> int | None:
    """Return by how many lines a frame lies off; ``hit`` of the ``number`` pixels of each line jump."""
    border, frame = geometry.border, geometry.frame
    near = 2 * border + _BEYOND
    inside = slice(near, frame - near)
    usual = hit[inside].sum() / max(number[inside].sum(), 1)
    if usual == 0:
        return None
    line = np.arange(frame)
    told = np.minimum(line, frame - 1 - line) < near
    shifts = np.arange(-border, border + 1)
    likelihoods = []
    for shift in shifts:
        sees = (line - shift >= border) & (line - shift < frame - border)
        beside = ~sees & (np.roll(sees, 1) | np.roll(sees, -1))
        share = np.where(sees, 1.0, np.where(beside, _BESIDE, _NOISE))
        expected = np.maximum(share * usual * number, 1e-9)[told]
        likelihoods.append(float((hit[told] * np.log(expected) - expected).sum()))
    best, next_best = np.argsort(likelihoods)[::-1][:2]
    other = next_best if shifts[best] == 0 else border
    certain = likelihoods[best] - likelihoods[other] >= _CERTAIN * _FLAGS_PER_HIT
    return int(shifts[best]) if certain else None


def misplaced_reference_pixels(pixeldq: np.ndarray, reference: np.ndarray) -> int | None:
    """Return in how many pixels PIXELDQ and the geometry differ about REFERENCE_PIXEL.

    Parameters
    ----------
    pixeldq : numpy.ndarray, shape (y, x), uint32
    reference : numpy.ndarray, shape (y, x), bool
        Where the geometry has reference pixels.

    Returns
    -------
    int or None
        None where PIXELDQ marks none of those that there are and has other flags, as after a mask that does not. One
        without any flag had no mask: each reference pixel is left out.
    """
    marked = has_flag(pixeldq, "REFERENCE_PIXEL")
    told = marked.any() or not pixeldq.any() or not reference.any()
    return int((marked != reference).sum()) if told else None
