"""Exposures lie on one another, and so do their rows."""

import numpy as np
import pytest

from darkmask.build.aligned import Aligned, least_aligned
from darkmask.search.engines import search_set
from tests.support.raw_exposures import TGROUP, fitted, good_ramps, written

BORDER, EXPOSURES, MOVED = 4, 5, 2


@pytest.fixture
def sci() -> np.ndarray:
    """Return ramps, an integration an exposure; one science pixel in 40 is hot, and one in ten of these at times."""
    sci, _ = good_ramps(integrations=EXPOSURES)
    random = np.random.default_rng(3)
    inside = np.zeros(sci.shape[2:], bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    hot = inside & (random.random(inside.shape) < 1 / 40)
    on = random.random((EXPOSURES, int(hot.sum()))) < np.where(random.random(int(hot.sum())) < 0.1, 0.6, 1.0)
    rate = random.uniform(5, 50, int(hot.sum()))
    sci[:, :, hot] += ((rate * on)[:, None] * TGROUP * np.arange(1, sci.shape[1] + 1)[:, None]).astype(np.float32)
    return sci


def aligned(folder, sci: np.ndarray) -> Aligned:
    ramps = fitted(sci, np.zeros(sci.shape, np.uint8))
    request = written(ramps, folder / "darks", [[k] for k in range(EXPOSURES)], BORDER)
    found = least_aligned(request, search_set(request))
    assert found is not None
    return found


def test_what_comes_and_goes_lies_where_it_is(tmp_path, sci):
    found = aligned(tmp_path, sci)
    assert found.share > 0.8
    assert (found.turned, found.rows) == ("", ())
    assert found.number > 100


@pytest.mark.parametrize(("first", "last"), [(30, 56), (66, 92), (4, 92)])
def test_rows_that_were_moved_are_told_with_where_they_belong(tmp_path, sci, first, last):
    sci[MOVED, :, first:last, BORDER:-BORDER] = np.roll(sci[MOVED, :, first:last, BORDER:-BORDER], 1, axis=-1)
    found = aligned(tmp_path, sci)
    assert found.share < 0.5
    assert found.path == f"exposure{MOVED}_jump.bin"
    assert found.turned == "shifted by +1 in x and +0 in y"
    if (first, last) == (4, 92):
        # Any band is as far off as the whole.
        assert found.rows == ()
    else:
        assert first - 8 <= found.rows[0] < found.rows[1] < last + 8
