"""Hot pixels have the noise of the charge that they show, unless somebody took a part of it."""

from itertools import count

import numpy as np
import pytest

from darkmask.build.shot_noise import Scatter, photon_transfer, scatter_of, shot_noise
from darkmask.core.categories import Category
from darkmask.core.detectors import READOUT_PATTERNS, Geometry, detector
from darkmask.delivery import OpenSet
from tests.support.raw_exposures import fitted, written

SIZE, GROUPS, INTEGRATIONS = 96, 20, 6
GEOMETRY, PROPERTIES = Geometry(SIZE), detector("NRCA1")
SATURATED, JUMP_DET, DO_NOT_USE = 2, 4, 1
_numbers = count()


def gathered(random, rates, pattern, groups=GROUPS, noise=5.0, gain=2.0) -> np.ndarray:
    """Return ramps (group, n) of pixels that gather so many electrons a frame, in DN."""
    frames = pattern.nframes + pattern.groupgap
    charge = np.cumsum(random.poisson(rates, (groups * frames, len(rates))), axis=0)
    reads = charge / gain + random.normal(0, noise, charge.shape)
    return reads.reshape(groups, frames, -1)[:, : pattern.nframes].mean(axis=1).astype(np.float32)


def summed(ramps) -> Scatter:
    flags = np.zeros(ramps[0].shape, np.uint8)
    return Scatter(*(np.sum(found, axis=0) for found in zip(*(scatter_of(ramp, flags) for ramp in ramps), strict=True)))


@pytest.mark.parametrize("name", ["RAPID", "BRIGHT2", "SHALLOW4", "MEDIUM2", "MEDIUM8", "DEEP8"])
def test_groups_that_share_frames_share_their_noise(name):
    """By Poisson charge, frame by frame."""
    random, pattern = np.random.default_rng(4), READOUT_PATTERNS[name]
    frames = pattern.nframes + pattern.groupgap
    ramps = gathered(random, np.full(40_000, 50.0), pattern, groups=3, noise=0, gain=1).astype(np.float64)
    (one, other), shot = np.diff(ramps, axis=0), 50.0 * frames
    assert one.var() / shot == pytest.approx(pattern.shot_variance, rel=0.03)
    assert np.cov(one, other)[0, 1] / shot == pytest.approx(pattern.shot_covariance, abs=0.02)


@pytest.mark.parametrize("groups", [8, 20])
@pytest.mark.parametrize("name", ["RAPID", "BRIGHT1", "SHALLOW4", "MEDIUM8"])
def test_noise_of_charge_is_its_own_measure(name, groups):
    """Of short ramps too, where a fitted line takes much of what neighbouring differences share."""
    random, pattern = np.random.default_rng(5), READOUT_PATTERNS[name]
    good = np.arange(3000) >= 1000
    rates = np.where(good, 0.0, random.uniform(20, 200, 3000))
    scatter = summed([gathered(random, rates, pattern, groups) for _ in range(10)])
    found = photon_transfer(scatter, good, np.arange(3000) % 4, 1 / 2.0, pattern)
    assert found.ratio == pytest.approx(1, abs=0.06)
    assert abs(found.ratio - 1) < 4 * found.error < 0.15
    assert found.number > 900


@pytest.mark.parametrize(("taken", "ratio"), [(0.35, 1 / 0.65), (0.6, 1 / 0.4)])
def test_what_was_subtracted_has_left_its_noise(taken, ratio):
    random, pattern = np.random.default_rng(6), READOUT_PATTERNS["RAPID"]
    good = np.arange(3000) >= 1000
    rates = np.where(good, 0.0, random.uniform(20, 200, 3000))
    dark = (taken * rates / 2.0 * np.arange(1, GROUPS + 1)[:, None]).astype(np.float32)
    scatter = summed([gathered(random, rates, pattern) - dark for _ in range(10)])
    found = photon_transfer(scatter, good, np.zeros(3000), 1 / 2.0, pattern)
    assert found.ratio == pytest.approx(ratio, rel=0.05)


def test_a_few_pixels_that_switch_change_no_median():
    random, pattern = np.random.default_rng(7), READOUT_PATTERNS["RAPID"]
    good = np.arange(3000) >= 1000
    rates = np.where(good, 0.0, random.uniform(20, 200, 3000))
    ramps = [gathered(random, rates, pattern) for _ in range(10)]
    for ramp in ramps:
        ramp[:, :1000:10] += (200 * (random.random((GROUPS, 100)) < 0.5)).astype(np.float32)
    found = photon_transfer(summed(ramps), good, np.zeros(3000), 1 / 2.0, pattern)
    assert found.ratio == pytest.approx(1.02, abs=0.06)


def test_hits_that_are_flagged_and_ramps_that_bend_count_for_nothing():
    random = np.random.default_rng(8)
    ramp = random.normal(0, 5, (GROUPS, 4)).astype(np.float32)
    flags = np.zeros(ramp.shape, np.uint8)
    plain = scatter_of(ramp, flags)
    ramp[7:] += np.float32(500)
    flags[7] |= JUMP_DET
    # A level, and a rate that changes along the ramp.
    ramp += (40.0 * np.arange(GROUPS) + 0.5 * np.arange(GROUPS) ** 2).astype(np.float32)[:, None]
    bent = scatter_of(ramp, flags)
    assert bent.freedom.tolist() == [GROUPS - 1 - 1 - 2] * 4 == (plain.freedom - 1).tolist()
    np.testing.assert_allclose(bent.squares / bent.freedom, plain.squares / plain.freedom, rtol=0.4)
    flags[12:] |= SATURATED
    ramp[12:] = np.nan
    flags[0] |= DO_NOT_USE
    assert scatter_of(ramp, flags).number.tolist() == [9] * 4
    # Near a full well nothing is straight.
    assert scatter_of(ramp + np.float32(20_000), flags).number.tolist() == [0] * 4


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_ramps_of_a_few_groups_tell_nothing(groups):
    found = scatter_of(np.zeros((groups, 5), np.float32), np.zeros((groups, 5), np.uint8))
    assert not any(values.any() for values in found)
    assert photon_transfer(found, np.zeros(5, bool), np.zeros(5), 0.5, READOUT_PATTERNS["RAPID"]) is None


@pytest.fixture
def dark() -> tuple[np.ndarray, np.ndarray]:
    """Return ramps with hot pixels, DN, and their categories."""
    random = np.random.default_rng(9)
    science = ~GEOMETRY.reference_pixels()
    hot = science & (random.random((SIZE, SIZE)) < 0.02)
    rates = np.where(hot, random.uniform(20, 400, hot.shape), 0.0).ravel()
    shape = (INTEGRATIONS, GROUPS, SIZE, SIZE)
    sci = np.stack([gathered(random, rates, READOUT_PATTERNS["RAPID"], gain=PROPERTIES.gain) for _ in range(shape[0])])
    return sci.reshape(shape), np.where(hot, Category.HOT.bit, 0).astype(np.uint16)


def measured(folder, sci, categories, grouping=None):
    grouping = grouping or [range(len(sci))]
    request = written(fitted(sci, np.zeros(sci.shape, np.uint8)), folder / f"darks{next(_numbers)}", grouping)
    with OpenSet(request.exposures, request.folder) as opened:
        science, amplifiers = ~request.reference_pixels(), GEOMETRY.amplifier_columns()
        return shot_noise(opened, categories, science, amplifiers, PROPERTIES, READOUT_PATTERNS["RAPID"])


def test_files_tell_what_was_done_to_ramps(tmp_path, dark):
    sci, categories = dark
    found = measured(tmp_path, sci, categories)
    # These pixels do not couple, and coupling is taken for 4 x 0.53 %.
    assert found.ratio == pytest.approx(1.02, abs=4 * found.error)
    assert found.error < 0.04
    assert found.number > 100
    usual = np.median(np.diff(sci, axis=1), axis=(0, 1))
    less = sci - (0.5 * usual * np.arange(1, GROUPS + 1)[:, None, None]).astype(np.float32)
    assert measured(tmp_path, less, categories).ratio == pytest.approx(2.04, abs=0.2)


def test_how_files_are_read_changes_nothing(tmp_path, dark, monkeypatch):
    sci, categories = dark
    whole = measured(tmp_path, sci, categories)
    monkeypatch.setattr("darkmask.build.shot_noise._READS_AT_ONCE", 4000)
    assert measured(tmp_path, sci, categories) == pytest.approx(whole)
    assert measured(tmp_path, sci, categories, [[0, 1, 2], [3, 4, 5]]) == pytest.approx(whole)


def test_only_steady_pixels_are_asked(tmp_path, dark):
    sci, categories = dark
    switching = np.where(categories != 0, categories | np.uint16(Category.TELEGRAPH.bit), 0).astype(np.uint16)
    assert measured(tmp_path, sci, switching) is None
    assert measured(tmp_path, sci, np.zeros_like(categories)) is None
