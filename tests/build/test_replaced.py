"""Pixels that are made of those around them, and noise, which is not."""

from itertools import count

import numpy as np
import pytest

from darkmask.build.replaced import replaced_pixels
from darkmask.delivery import OpenSet
from tests.support.raw_exposures import fitted, written

SHAPE = (96, 96)
BORDER = 4
AT = (np.array([20, 50, 71]), np.array([33, 7, 64]))
_numbers = count()


def found_in(folder, sci: np.ndarray) -> list[tuple[int, int]] | None:
    science = np.zeros(SHAPE, bool)
    science[BORDER:-BORDER, BORDER:-BORDER] = True
    request = written(fitted(sci, np.zeros(sci.shape, np.uint8)), folder / f"darks{next(_numbers)}", [range(len(sci))])
    with OpenSet(request.exposures, request.folder) as opened:
        return replaced_pixels(opened, science)


@pytest.fixture
def sci() -> np.ndarray:
    random = np.random.default_rng(8)
    return (random.normal(0, 7, (2, 12, *SHAPE)) + random.normal(0, 300, SHAPE)).astype(np.float32)


@pytest.mark.parametrize(
    "around",
    [
        [(0, 1)],
        [(-1, 0)],
        [(0, -1), (0, 1)],
        [(-1, 0), (1, 0)],
        [(0, -1), (0, 1), (-1, 0), (1, 0)],
        [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)],
    ],
)
def test_what_was_mended_is_found_and_nothing_else(tmp_path, sci, around):
    y, x = AT
    assert found_in(tmp_path, sci) == []
    sci[:, :, y, x] = np.mean([sci[:, :, y + dy, x + dx] for dy, dx in around], axis=0, dtype=np.float64)
    found = set(found_in(tmp_path, sci))
    # Of a pixel and its copy nothing tells which was first.
    copies = {(int(a + dx), int(b + dy)) for b, a in zip(y, x, strict=True) for dy, dx in around if len(around) == 1}
    assert found == {(int(a), int(b)) for b, a in zip(y, x, strict=True)} | copies


def test_whole_counts_are_alike_by_chance(tmp_path, sci):
    """As ramps are from which nothing was subtracted but whole numbers."""
    assert found_in(tmp_path, np.rint(sci)) is None
    assert found_in(tmp_path, np.rint(sci * 8) / 8) is None


def test_three_groups_tell_nothing_and_are_no_pass(tmp_path, sci):
    assert found_in(tmp_path, sci[:, :3]) is None


def test_what_is_stuck_is_not_called_mended(tmp_path, sci):
    sci[:, :, 30:33, 30:33] = 12.25
    assert found_in(tmp_path, sci) == []
