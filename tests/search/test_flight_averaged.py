"""Where groups average frames, a pixel is called what it is: telegraph by its levels, noisy by its noise."""

import numpy as np
import pytest

from darkmask.core.categories import Category, in_category
from darkmask.search.flight.telegraph import telegraph_evidence
from tests.support.called import unusable
from tests.support.raw_exposures import fitted, good_ramps, search_ramps


@pytest.mark.parametrize(("readpatt", "frames"), [("RAPID", 1), ("SHALLOW4", 4), ("DEEP8", 8)])
def test_a_fall_is_told_by_the_noise_of_an_averaged_group(tmp_path, readpatt, frames):
    """Two falls of nine sigma of such a group are no chance, however many frames it averages."""
    noise = 5 / np.sqrt(frames)
    sci, groupdq = good_ramps(integrations=20, groups=20, size=64, read_noise=noise)
    step = 9 * noise * np.sqrt(2)
    for integration in (3, 9, 14):
        sci[integration, 6:12, 32, 30] += step
        groupdq[integration, [6, 12], 32, 30] = 4
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files", readpatt=readpatt)
    assert outcome.maps.falls[32, 30] == 3
    assert unusable(outcome)[32, 30]
    assert np.count_nonzero(unusable(outcome)) == 1


def test_what_is_hardly_noisier_than_others_is_no_telegraph_pixel_where_groups_average_frames(tmp_path):
    """Read noise differs from pixel to pixel, and a ladder of switches within frames is like noise."""
    random, noise = np.random.default_rng(37), 5 / np.sqrt(8)
    sci, groupdq = good_ramps(integrations=20, read_noise=noise)
    chosen = np.s_[6:90:6, 6:90:6]
    sci[(..., *chosen)] = random.normal(0, 1.4 * noise, sci[(..., *chosen)].shape)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files", readpatt="DEEP8")
    assert np.count_nonzero(in_category(outcome.categories, Category.TELEGRAPH)) <= 2


def test_noise_is_seldom_called_telegraph_where_groups_average_frames(tmp_path):
    """A set of few reads is judged by all of them, and what a ladder has free is integrated over there too."""
    random, noise = np.random.default_rng(41), 5 / np.sqrt(8)
    sci, groupdq = good_ramps(integrations=8, read_noise=noise)
    chosen = np.s_[6:90:5, 6:90:5]
    factors = np.linspace(4, 12, 17)[:, None]
    sci[(..., *chosen)] = random.normal(0, 1, sci[(..., *chosen)].shape) * factors * noise
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files", readpatt="DEEP8")
    assert in_category(outcome.categories, Category.TELEGRAPH)[chosen].mean() < 0.035
    assert unusable(outcome)[chosen].all()


def averaged_reads(amount: float, dwell: float, pixels: int, gap: int = 12) -> np.ndarray:
    """Return reads of pixels that switch from frame to frame, averaged as in DEEP8: (pixel, integration, group)."""
    random = np.random.default_rng(12)
    frames = np.empty((pixels, 8, 20, 8 + gap))
    switched = random.random((pixels, 8, 20 * (8 + gap))) < 0.5 * (1 - np.exp(-2 / dwell))
    frames = np.logical_xor.accumulate(switched, axis=2).reshape(frames.shape)[..., :8]
    return frames.mean(axis=3) * amount + random.normal(0, 5 / np.sqrt(8), (pixels, 8, 20))


def evidence_of(reads: np.ndarray) -> np.ndarray:
    noise = 5 / np.sqrt(8) * np.sqrt(2)
    slopes = np.polyfit(np.arange(20), reads.reshape(-1, 20).T, 1)[0].reshape(len(reads), 8)
    pixels = zip(reads.astype(np.float32), np.median(slopes, axis=1), strict=True)
    return np.array([telegraph_evidence(one, slope, noise, 10.0, 8, np.zeros(len(one))) for one, slope in pixels])


@pytest.mark.parametrize("amount", [80.0, 150.0, 300.0])
def test_a_pixel_that_switches_within_the_frames_of_a_group_is_telegraph(amount):
    assert (evidence_of(averaged_reads(amount, 4.0, 60)) > 10).mean() >= 0.9


def test_a_noisy_pixel_of_averaged_groups_is_not_telegraph():
    random = np.random.default_rng(13)
    reads = random.normal(0, 1, (200, 8, 20)) * random.uniform(3, 60, (200, 1, 1))
    assert (evidence_of(reads) > 10).mean() <= 0.01


@pytest.mark.parametrize("factor", [3.0, 8.0])
def test_noise_that_is_a_few_times_that_of_others_is_not_telegraph(factor):
    """A ladder of close rungs hardly differs from noise, and one may be shifted until its rungs lie near the reads."""
    random = np.random.default_rng(16)
    reads = random.normal(0, factor * 5 / np.sqrt(8), (300, 8, 20)) + random.normal(0, 23, (300, 8, 1))
    assert (evidence_of(reads) > 10).mean() <= 0.02


@pytest.mark.parametrize("bad", [True, False])
@pytest.mark.parametrize(("factor", "walk"), [(1.25, 0.1), (1.4, 0.4)])
def test_noise_is_not_telegraph_in_long_ramps_whose_level_walks_by_little(factor, walk, bad):
    """Forty groups add up to what no single one shows; a ladder is free to follow such a walk."""
    random, noise = np.random.default_rng(20), 5 / np.sqrt(8)
    shape = (100, 12, 40)
    reads = random.normal(0, factor * noise, shape) + np.cumsum(random.normal(0, np.sqrt(walk), shape), axis=2)
    shots, reads = np.full(12, walk), (reads + random.normal(0, 23, (100, 12, 1))).astype(np.float32)
    gains = [telegraph_evidence(one, 0.0, noise * np.sqrt(2), 20.0, 8, shots, bad) for one in reads]
    assert np.mean(np.array(gains) > (20 if bad else 10)) <= 0.02


def test_a_pixel_that_is_hot_at_times_and_hit_in_others_is_not_telegraph():
    """Hits of an integration are told by its own noise, and not by the shot noise of a hot one."""
    random, noise = np.random.default_rng(22), 5 / np.sqrt(8)
    gains = []
    for _ in range(40):
        shots = np.where(np.isin(np.arange(12), random.permutation(12)[:3]), 250.0, 0.1)
        reads = random.normal(0, noise, (12, 40)) + random.normal(0, 23, (12, 1))
        reads += np.cumsum(random.normal(0, np.sqrt(shots)[:, None], (12, 40)), axis=1)
        for i in np.flatnonzero(shots < 1)[:4]:
            reads[i, random.integers(8, 32) :] += random.uniform(40, 80)
        gains.append(telegraph_evidence(reads.astype(np.float32), 0.0, noise * np.sqrt(2), 10.0, 8, shots))
    assert np.mean(np.array(gains) > 10) <= 0.1


@pytest.mark.parametrize("noise", [15.0, 3000.0])
@pytest.mark.slow
def test_noise_is_not_telegraph_in_long_sets_or_however_large_it_is(noise):
    reads = np.random.default_rng(17).normal(0, noise, (20, 40, 100)).astype(np.float32)
    called = [telegraph_evidence(one, 0.0, 5 / 2, 10.0, 8, np.zeros(40)) > 10 for one in reads]
    assert sum(called) <= 1


@pytest.mark.parametrize("walk", [0.0, 2.0])
def test_close_levels_are_told_within_averaged_frames_whatever_the_shot_noise_of_the_dark(walk):
    """Levels of 30 DN; long-wave dark current walks by 1.4 DN in each group of DEEP8, as much as a read has noise."""
    random = np.random.default_rng(18)
    walks = np.cumsum(random.normal(0, np.sqrt(walk), (100, 8, 20)), axis=2)
    noise = 5 / np.sqrt(8) * np.sqrt(2)
    switching = averaged_reads(30.0, 4.5, 100) + walks
    noisy = random.normal(0, 4 * 5 / np.sqrt(8), (100, 8, 20)) + walks
    named, false = (
        np.mean([telegraph_evidence(r.astype(np.float32), 0.0, noise, 10.0, 8, np.full(8, walk)) > 10 for r in reads])
        for reads in (switching, noisy)
    )
    assert named >= 0.8
    assert false <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("distance", "frames"), [(25.0, 3.0), (30.0, 3.0)])
def test_levels_that_nearly_look_like_noise_are_told_as_often_as_they_can(distance, frames):
    """What is known of slope and distance counts: noise has some ladder that suits it, and levels have many."""
    random = np.random.default_rng(5)
    walks = np.cumsum(random.normal(0, np.sqrt(2.0), (300, 8, 20)), axis=2)
    noise = 5 / np.sqrt(8) * np.sqrt(2)
    switching = averaged_reads(distance, frames, 300) + walks
    noisy = random.normal(0, 1, (300, 8, 20)) * random.uniform(4, 12, (300, 1, 1)) * 5 / np.sqrt(8) + walks
    named, false = (
        np.mean([telegraph_evidence(r.astype(np.float32), 0.0, noise, 10.0, 8, np.full(8, 2.0)) > 10 for r in reads])
        for reads in (switching, noisy)
    )
    assert named >= (0.52 if distance == 25 else 0.6)
    assert false <= 0.03


@pytest.mark.parametrize("rate", [-0.01, 0.02, 0.06])
def test_shot_noise_is_that_of_the_ramps_whatever_the_rate_of_a_pixel_that_always_jumps(tmp_path, rate):
    """Long-wave dark of 0.035 e-/s in DEEP8: where each group jumps, the rates of the pieces in between say little."""
    random = np.random.default_rng(19)
    sci, groupdq = good_ramps(integrations=8, read_noise=5 / np.sqrt(8))
    places = [(y, x) for y in range(8, 90, 8) for x in range(8, 90, 8)]
    charge = np.cumsum(random.poisson(7.5, (len(places), 8, 20)), axis=2) / 2.0
    for (y, x), reads in zip(places, averaged_reads(40.0, 3.0, len(places)) + charge, strict=True):
        sci[:, :, y, x] = reads
        groupdq[:, 1:, y, x] = np.where(np.abs(np.diff(reads, axis=1) - 4) > 12, 4, 0)
    ramps = fitted(sci, groupdq, 214.7)
    for y, x in places:
        ramps.rate[:, y, x] = rate / 2.0
    outcome = search_ramps(ramps, tmp_path / "files", readpatt="DEEP8", tgroup=214.7)
    telegraph = in_category(outcome.categories, Category.TELEGRAPH)
    assert np.mean([telegraph[place] for place in places]) >= 0.77
