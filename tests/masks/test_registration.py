"""Which shift, flip or rotation brings two masks together, and how clumps lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkmask.masks.clustering import clark_evans
from darkmask.masks.file import read_mask
from darkmask.masks.registration import FEWEST, IDENTITY, TRANSFORMS, clump_centres, register
from tests.support.project import REAL_MASKS as REAL

FRAME = 128


def scattered(seed, number, frame=FRAME):
    """Return bad pixels at random, clear of the edges, some of them with a neighbour."""
    rng = np.random.default_rng(seed)
    bad = np.zeros((frame, frame), bool)
    y, x = rng.integers(6, frame - 6, (2, number))
    bad[y, x] = bad[y[::4], x[::4] + 1] = True
    return bad


GROUND = scattered(1, 150)
# Two of three are retained, and as many are new.
FLIGHT = (GROUND & (np.random.default_rng(2).random(GROUND.shape) < 0.67)) | scattered(3, 60)


def moved(bad, transform):
    """Return a mask after a transform, by numpy's own functions."""
    bad = bad.T if transform.transposed else bad
    bad = bad[:, ::-1] if transform.flip_x else bad
    bad = bad[::-1] if transform.flip_y else bad
    return np.roll(bad, (transform.dy, transform.dx), axis=(0, 1))


@given(st.sampled_from(TRANSFORMS))
def test_the_transform_that_fits_is_named(transform):
    found = register(GROUND, moved(FLIGHT, transform))
    assert found.best == transform
    assert not found.why_not
    assert found.common[transform] > 70
    assert (found.margin > 2) == (transform == IDENTITY)


def test_transforms_are_the_shifts_flips_and_rotations_and_each_has_its_name():
    assert len(set(TRANSFORMS)) == len({str(t) for t in TRANSFORMS}) == 8 * 25
    assert str(IDENTITY) == "as it is"
    assert TRANSFORMS[0] == IDENTITY


def test_a_list_of_additions_fits_nowhere():
    """New pixels lie beside old ones: none is common to both as they lie, and dozens are at each shift by one pixel."""
    ground = scattered(1, 1200, frame=512)
    additions = np.zeros_like(ground)
    y, x = np.nonzero(ground)
    for part, (dy, dx) in enumerate(((0, 1), (1, 0), (0, -1), (-1, 0))):
        additions[y[part::20] + dy, x[part::20] + dx] = True
    additions |= scattered(7, 1500, frame=512)
    additions &= ~ground
    found = register(ground, additions)
    assert found.common[IDENTITY] < FEWEST < max(found.common.values())
    assert "as with a list of additions" in found.why_not


def test_few_clumps_cannot_tell():
    few = scattered(5, 20)
    assert "only 2" in register(few, few).why_not
    nothing = register(np.zeros_like(few), few)
    assert nothing.why_not
    assert nothing.best == IDENTITY


def test_a_clump_is_one_place():
    bad = np.zeros((9, 9), bool)
    bad[1:4, 2:5] = bad[7, 7] = True
    x, y = clump_centres(bad)
    assert sorted(zip(x.tolist(), y.tolist(), strict=True)) == [(3, 2), (7, 7)]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real masks are not here")
def test_real_lists_of_two_years_lie_on_one_another_and_those_of_two_detectors_do_not():
    first, second, other = (
        (read_mask(REAL / f"nrc_badpix_{name}.fits.gz").decoded & 1) != 0
        for name in ("240627_NRCALONG", "251016_NRCALONG", "240627_NRCBLONG")
    )
    found = register(first, second)
    assert (found.best, found.common[IDENTITY]) == (IDENTITY, 1284)
    assert found.margin > 100
    assert str(register(np.roll(first, 1, axis=1), second).best) == "shifted by -1 in x and +0 in y"
    assert str(register(first[::-1], second).best) == "flipped upside down"
    assert "only 4 clumps" in register(other, second).why_not


def test_random_places_have_an_index_of_one_and_its_error():
    rng = np.random.default_rng(4)
    drawn = [clark_evans(*rng.uniform(0, 120, (2, 40)), 120, 120) for _ in range(400)]
    index, error = np.transpose(drawn)
    assert index.mean() == pytest.approx(1, abs=0.03)
    assert error.mean() == pytest.approx(index.std(), rel=0.15)
    y, x = np.divmod(np.arange(36), 6)
    assert clark_evans(x * 4.0, y * 4.0, 120, 120)[0] < 0.5
    assert clark_evans(x * 20.0, y * 20.0, 120, 120)[0] > 1.5
