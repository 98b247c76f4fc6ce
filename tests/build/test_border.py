"""Where a frame lies is told by radiation alone, and only where there is enough of it."""

import numpy as np
import pytest

from darkmask.build.border import frame_off, misplaced_reference_pixels
from darkmask.core.detectors import Geometry

GEOMETRY = Geometry(256)
REFERENCE = 1 << 31


def drawn(hits: float, seed: int = 1) -> np.ndarray:
    """Return counts of jumps, five for each hit, in a frame that lies where it should."""
    random = np.random.default_rng(seed)
    struck = np.zeros((256, 256), int)
    struck[4:-4, 4:-4] = random.poisson(hits, (248, 248))
    jumps = struck.copy()
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        jumps += np.roll(struck, shift, axis)
    # Noise is called a jump in one pixel of fifty.
    return jumps + (random.random(jumps.shape) < 0.02)


def off(jumps: np.ndarray) -> tuple:
    return tuple(frame_off(jumps, np.ones(jumps.shape, bool), GEOMETRY))


@pytest.mark.parametrize("columns", range(-4, 5))
@pytest.mark.parametrize("rows", [0, -2])
def test_any_shift_is_found(rows, columns):
    assert off(np.roll(drawn(0.1), (rows, columns), (0, 1))) == (columns, rows)


def test_few_hits_tell_nothing_and_never_a_shift():
    for seed in range(20):
        assert off(drawn(0.001, seed)) == (None, None)
        assert set(off(drawn(0.02, seed))) <= {None, 0}
    assert off(np.zeros((256, 256), int)) == (None, None)


def test_bad_pixels_are_no_radiation():
    jumps = drawn(0.3)
    bad = np.zeros(jumps.shape, bool)
    bad[:200, :4] = True
    jumps[bad] = 30
    assert frame_off(jumps, np.ones(jumps.shape, bool), GEOMETRY).columns != 0
    assert frame_off(jumps, ~bad, GEOMETRY).columns == 0


def test_pixeldq_is_compared_with_the_geometry():
    border = np.ones((256, 256), bool)
    border[4:-4, 4:-4] = False
    marked = np.where(border, REFERENCE, 0).astype(np.uint32)
    assert misplaced_reference_pixels(marked, border) == 0
    assert misplaced_reference_pixels(np.roll(marked, 1, 0), border) == 2 * 248
    assert misplaced_reference_pixels(np.zeros_like(marked), border) == border.sum()
    assert misplaced_reference_pixels(np.where(border, 0, marked) | (np.indices(border.shape)[0] == 99), border) is None
    assert misplaced_reference_pixels(np.zeros_like(marked), np.zeros_like(border)) == 0
