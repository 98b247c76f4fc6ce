"""The bias by the first group of every reset: what chance does not make, and what one hit does not."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.errors import SearchError
from darkmask.search.superbias import (
    Resets,
    measure_resets,
    read_superbias,
    scatter_limit,
    superbias_in_force,
)

SHAPE = (200, 256)
EVERYWHERE = np.ones(SHAPE, bool)


def write(folder: Path, frames: np.ndarray) -> list[Path]:
    """Write exposures of two integrations whose first groups are these."""
    paths = []
    for number, pair in enumerate(frames.reshape(-1, 2, *frames.shape[1:])):
        groups = np.stack([pair, pair + 9000], axis=1)
        counts = fits.ImageHDU(np.rint(groups).astype(np.uint16), name="SCI")
        paths.append(folder / f"{number}_uncal.fits")
        fits.HDUList([fits.PrimaryHDU(), counts]).writeto(paths[-1])
    return paths


def drawn(resets: int = 10) -> np.ndarray:
    return np.random.default_rng(3).normal(10_000, 20, (resets, *SHAPE))


def test_the_first_group_of_every_integration_counts(tmp_path):
    frames = drawn()
    found = measure_resets(write(tmp_path, frames), name="NRCA1 FULL")
    assert found.number == 10
    assert np.array_equal(found.median, np.median(np.rint(frames), axis=0))
    # Ten values have a median absolute deviation 8 % too small, and the median of those lies another 4 % lower.
    assert np.median(found.scatter) == pytest.approx(0.88 * 20, rel=0.02)
    assert not found.unreliable(EVERYWHERE).any()


@pytest.mark.parametrize("resets", [10, 24])
def test_one_hit_makes_no_pixel_unreliable_and_a_pixel_of_two_biases_is(tmp_path, resets):
    frames = drawn(resets)
    frames[4] += 5000.0  # every pixel was hit once
    frames[::2, 7, 8] += 300
    found = measure_resets(write(tmp_path, frames), name="NRCA1 FULL").unreliable(EVERYWHERE)
    assert np.argwhere(found).tolist() == [[7, 8]]


def test_the_limit_falls_with_the_number_of_resets():
    assert scatter_limit(10) == pytest.approx(3.56, abs=0.03)
    assert scatter_limit(10) > scatter_limit(20) > scatter_limit(100) > 1


def test_too_few_resets_are_said(tmp_path):
    paths = write(tmp_path, drawn(8))
    with pytest.raises(SearchError, match="needs at least 10 resets and the _uncal files of NRCA1 FULL have 8"):
        measure_resets(paths, name="NRCA1 FULL")


def test_an_amplifier_may_move_as_a_whole_and_a_pixel_may_not(tmp_path):
    found = measure_resets(write(tmp_path, drawn()), name="NRCA1 FULL")
    superbias = np.full(SHAPE, 10_000.0)
    superbias[:, 64:128] += 50
    superbias[9, 9] += 100
    superbias[11, 11] = np.nan
    amplifiers = [slice(64 * i, 64 * (i + 1)) for i in range(4)]
    assert np.argwhere(found.off(superbias, EVERYWHERE, amplifiers)).tolist() == [[9, 9], [11, 11]]
    nothing = Resets(10, np.full(SHAPE, np.nan), np.ones(SHAPE))
    assert nothing.off(superbias, EVERYWHERE, amplifiers).all()


def test_the_superbias_of_the_set_is_taken_and_no_other(tmp_path):
    def add(name: str, **keywords) -> Path:
        header = fits.Header({"REFTYPE": "SUPERBIAS", "DETECTOR": "NRCA1", "SUBARRAY": "FULL", **keywords})
        made = fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(np.zeros((4, 4)), name="SCI")])
        made.writeto(tmp_path / name)
        return tmp_path / name

    add("other.fits", DETECTOR="NRCA2")
    add("mask.fits", REFTYPE="MASK")
    add("bright.fits", READPATT="BRIGHT1")
    assert superbias_in_force(tmp_path, "NRCA1", "FULL", "RAPID") is None
    right = add("right.fits", READPATT="RAPID")
    assert superbias_in_force(tmp_path, "NRCA1", "FULL", "RAPID") == right
    with pytest.raises(SearchError, match=r"has 4x4 pixels and the exposures 256x200"):
        read_superbias(right, SHAPE)
    add("second.fits")
    with pytest.raises(SearchError, match=r"more than one superbias of NRCA1 FULL \(right.fits and second.fits\)"):
        superbias_in_force(tmp_path, "NRCA1", "FULL", "RAPID")
