"""Two levels are told from one whatever their distance, how seldom a pixel switches, and what hits it."""

import numpy as np
import pytest

from darkmask.core.categories import category_names
from darkmask.search.flight.telegraph import telegraph_evidence
from tests.support.raw_exposures import TGROUP, fitted, good_ramps, search_ramps

READ_NOISE, NOISE = 5.0, 5.0 * np.sqrt(2)


def evidence(reads: np.ndarray, frames: int = 1) -> float:
    return telegraph_evidence(reads.astype(np.float32), 0.0, NOISE, 10.0, frames, np.zeros(len(reads)))


def one_level(seed: int, noise: float = READ_NOISE, integrations: int = 8) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(0, noise, (integrations, 20)) + random.normal(0, 23, (integrations, 1))


@pytest.mark.parametrize("distance", [40.0, 250.0, 5000.0])
def test_levels_that_lie_any_number_of_sigma_apart_are_levels(distance):
    """Three bursts of one or two groups: from the scatter of all differences nobody tells how far they lie apart."""
    reads = one_level(1)
    reads[2, 7:9] += distance
    reads[5, 12] += distance
    reads[6, 4] += distance
    assert evidence(reads) > 10


@pytest.mark.parametrize("frames", [1, 8])
def test_hits_of_a_noisy_pixel_are_no_second_level(frames):
    """Each of fifty noisy pixels has three hits of about twice its noise: hardly one has two levels."""
    random = np.random.default_rng(2)
    named = 0
    for seed in range(50):
        reads = one_level(seed, noise=8 * READ_NOISE)
        for integration in random.permutation(8)[:3]:
            reads[integration, random.integers(3, 17) :] += random.uniform(1.5, 2.5) * 8 * READ_NOISE
        named += evidence(reads, frames) > 10
    assert named <= 4


def faint_hits(seed: int, slopes: np.ndarray) -> np.ndarray:
    """Return ramps of eight frames a group with hits of nine sigma, which fall within groups: two steps each."""
    random, noise = np.random.default_rng(seed), 1.3 * READ_NOISE
    reads = random.normal(0, noise, (12, 40)) + slopes[:, None] * np.arange(40)
    for integration in random.permutation(12)[:3]:
        group, share = random.integers(5, 35), random.uniform(0.2, 0.8)
        reads[integration, group:] += share * 9 * noise
        reads[integration, group + 1 :] += (1 - share) * 9 * noise
    return reads


@pytest.mark.parametrize("fades", [False, True])
def test_a_ramp_that_rises_and_is_hit_has_one_level(fades):
    """Its own slope is no hit, and where a signal fades it is another in each integration."""
    slopes = 3.0 + 40.0 / (1 + np.arange(12)) ** 2 if fades else np.full(12, 3.0)
    named = 0
    for seed in range(40):
        reads = faint_hits(seed, slopes).astype(np.float32)
        named += telegraph_evidence(reads, slopes.mean(), NOISE, 20.0, 8, np.full(12, 2.0), False) > 20
    assert named == 0


def test_two_levels_upon_a_signal_that_fades_are_two_levels():
    random, slopes = np.random.default_rng(5), 3.0 + 40.0 / (1 + np.arange(12)) ** 2
    reads = random.normal(0, READ_NOISE, (12, 40)) + slopes[:, None] * np.arange(40)
    switched = np.logical_xor.accumulate(random.random((12, 40)) < 0.15, axis=1)
    reads += 25.0 * switched
    assert telegraph_evidence(reads.astype(np.float32), slopes.mean(), NOISE, 20.0, 1, np.full(12, 2.0), False) > 20


def search(sci: np.ndarray, groupdq: np.ndarray, folder, readpatt: str = "RAPID", tgroup: float = TGROUP):
    outcome = search_ramps(fitted(sci, groupdq, tgroup), folder / "files", readpatt=readpatt, tgroup=tgroup)
    return {(int(y), int(x)): category_names(int(outcome.categories[y, x])) for y, x in np.argwhere(outcome.categories)}


def test_a_pixel_that_falls_in_the_integrations_that_begin_high_alone_is_telegraph(tmp_path):
    sci, groupdq = good_ramps(integrations=8)
    sci[:, :, 48, 20] = np.random.default_rng(3).normal(0, READ_NOISE, (8, 20))
    high = (np.s_[:0], np.s_[:], np.s_[:7], np.s_[:0], np.s_[:0], np.r_[:9, 11:20], np.s_[4:], np.s_[9:])
    for integration, groups in enumerate(high):
        sci[integration, groups, 48, 20] += 250
    for integration, group in ((2, 7), (5, 9), (5, 11), (6, 4), (7, 9)):
        groupdq[integration, group, 48, 20] = 4
    sci[1, :, 48, 20] -= 20  # the only one of the three that begins high and is looked at first
    ramps = fitted(sci, groupdq)
    # The ramp fit rejects the steps.
    ramps.rate[:, 48, 20] = ramps.rate[:, 48, 21]
    outcome = search_ramps(ramps, tmp_path / "files")
    assert category_names(int(outcome.categories[48, 20])) == "telegraph"
    assert np.count_nonzero(outcome.categories) == 1


def test_a_signal_that_falls_within_a_long_group_is_inverse_rc(tmp_path):
    """Its time constant is the pixel's, some ten seconds, and a group of DEEP8 takes 215."""
    sci, groupdq = good_ramps(integrations=8, read_noise=5 / np.sqrt(8))
    sci[:, :, 48, 20] += 900
    sci[:, 0, 48, 20] += 250
    groupdq[:, 1, 48, 20] = 4
    sci[:, :2, 48, 45] += np.array([80, 12])
    # A pixel that may switch anywhere does not fall at the same place each time.
    for integration, group in enumerate((3, 9, 14, 5, 17, 8, 11, 6)):
        sci[integration, group : group + 3, 48, 70] -= 300
        groupdq[integration, [group, min(group + 3, 19)], 48, 70] = 4
    called = search(sci, groupdq, tmp_path, readpatt="DEEP8", tgroup=20 * TGROUP)
    assert [called[48, 20], called[48, 45]] == ["inverse_rc", "inverse_rc"]
    assert called[48, 70] == "telegraph"


def test_a_pixel_that_is_hot_in_some_integrations_and_hit_in_one_is_intermittent(tmp_path):
    sci, groupdq = good_ramps(integrations=8, read_noise=5 / np.sqrt(8))
    random = np.random.default_rng(6)
    for integration in (1, 5, 6):
        sci[integration, :, 48, 20] += np.cumsum(random.poisson(2.0 * 400, 20) / 2.0)
    sci[3, 8:, 48, 20] += 1200
    groupdq[3, 8, 48, 20] = 4
    ramps = fitted(sci, groupdq)
    # The ramp fit rejects the hit.
    ramps.rate[3, 48, 20] = ramps.rate[2, 48, 20]
    outcome = search_ramps(ramps, tmp_path / "files", readpatt="DEEP8")
    assert category_names(int(outcome.categories[48, 20])) == "hot,intermittent"
