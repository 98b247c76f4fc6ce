"""A pixel is called what it is, whatever the read pattern, settling after a reset, or the number of exposures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from darkmask.core.categories import USABLE, Category, category_names, in_category
from darkmask.core.flags import has_flag
from darkmask.delivery.plain import Ramps
from darkmask.search.flight.telegraph import telegraph_evidence
from darkmask.search.outcome import SearchOutcome
from tests.support.raw_exposures import TGROUP, fitted, good_ramps, search_ramps

GAIN, CENTRE = 2.13, (48, 50)


def named(outcome: SearchOutcome, y: int, x: int) -> str:
    return category_names(int(outcome.categories[y, x]))


def unusable(outcome: SearchOutcome) -> np.ndarray:
    return has_flag(outcome.flags.to_dq(outcome.categories), "DO_NOT_USE")


def rising(rate: float, groups: int) -> np.ndarray:
    """Return the reads of so many e-/s, DN."""
    return rate * TGROUP / GAIN * np.arange(groups)


def test_a_hot_pixel_whose_ramp_bends_by_a_little_is_hot_and_one_by_much_more_rc(tmp_path):
    sci, groupdq = good_ramps()
    time = np.arange(20)
    sci[:, :, 48, 20] += rising(60.0, 20) * (1 - 0.09 * time / 19)
    sci[:, :, 48, 70] += 3000 * (1 - np.exp(-time / 5))
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert named(outcome, 48, 20) == "hot"
    assert named(outcome, 48, 70) == "rc"


def test_a_low_pedestal_is_low_by_its_own_noise_and_by_more_than_errors_of_the_superbias(tmp_path):
    sci, groupdq = good_ramps()
    random = np.random.default_rng(4)
    sci[:, :, 30, 20] -= 500
    sci[:, :, 30, 50] -= 130  # ten sigma of the others, and no more than a superbias is wrong by
    sci[:, :, 30, 70] += random.normal(0, 400, (6, 20)) - 250  # its first level is known to 150 DN
    sci[:, 0, 30, 70] -= 50
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert named(outcome, 30, 20) == "low_pedestal"
    assert named(outcome, 30, 50) == ""
    assert "noisy" in named(outcome, 30, 70)
    assert "low_pedestal" not in named(outcome, 30, 70)


def test_a_pixel_that_fills_its_well_in_a_few_groups_is_hot_and_its_neighbours_are_not(tmp_path):
    sci, groupdq = good_ramps()
    for x, full in ((20, 1), (40, 2), (60, 3)):
        ramp = np.minimum(rising(1.0, 20) / rising(1.0, 20)[full] * 48_000, 49_000)
        sci[:, :, 48, x] += ramp
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            sci[:, :, 48 + dy, x + dx] += 0.0053 * ramp
        groupdq[:, full:, 47:50, x - 1 : x + 2] |= 2
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert [named(outcome, 48, x) for x in (20, 40, 60)] == ["hot", "hot", "hot"]
    assert unusable(outcome)[48, [20, 40, 60]].all()
    assert np.count_nonzero(unusable(outcome)) == 3
    # Their ramps end with that of the full pixel.
    beside = in_category(outcome.categories, Category.UNDETERMINED)
    assert np.count_nonzero(outcome.categories) == 3 + np.count_nonzero(beside)


def test_beside_a_pixel_that_fills_its_well_before_it_has_a_rate_a_bright_one_is_not_known(tmp_path):
    """Groups that average frames are not used from the one before the first full one on: what couples has no rate."""
    sci, groupdq = good_ramps(read_noise=5 / np.sqrt(8))
    ramp = np.minimum(20_000.0 * (np.arange(20) + 0.3), 49_000)
    sci[:, :, 48, 40] += ramp
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        sci[:, :, 48 + dy, 40 + dx] += 0.0053 * ramp
    groupdq[:, 3:, 47:50, 39:42] |= 2
    groupdq[:, 1:3, 48, 40] |= 1
    sci[:, :, 20, 40] += rising(1.0, 20)
    ramps = fitted(sci, groupdq)
    ramps.rate[:, 48, 40] = np.nan
    rows, columns = np.nonzero((groupdq[0] != 0).any(axis=0))
    ramps.rate[:, rows, columns] = np.where(
        np.isnan(ramps.rate[:, rows, columns]),
        np.nan,
        (sci[:, 2, rows, columns] - sci[:, 0, rows, columns]) / 2 / TGROUP,
    )
    outcome = search_ramps(ramps, tmp_path / "files", readpatt="DEEP8")
    assert np.argwhere(in_category(outcome.categories, Category.HOT)).tolist() == [[20, 40], [48, 40]]
    assert in_category(outcome.categories, Category.UNDETERMINED)[[47, 49, 48, 48], [40, 40, 39, 41]].all()


def test_a_faint_telegraph_pixel_that_mostly_ends_low_is_no_inverse_rc(tmp_path):
    """By its noise alone its mean rate lies far below zero, and by the scatter of its rates it does not."""
    sci, groupdq = good_ramps()
    for integration, high in enumerate((np.s_[:10], np.s_[10:], np.s_[:4], np.s_[:17], np.s_[14:], np.s_[2:8])):
        sci[integration, high, 48, 20] += 30
    sci[:, :, 48, 70] -= rising(0.5, 20)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert "rc" not in named(outcome, 48, 20)
    assert named(outcome, 48, 70) == "inverse_rc"


def test_more_exposures_make_no_good_pixel_unusable(tmp_path):
    """A pixel of 1.23 times the noise is many sigma off in 500 differences, and as good as it was."""
    sci, groupdq = good_ramps(integrations=10, groups=50)
    for x, factor in ((20, 1.23), (40, 1.7), (60, 3.0)):
        sci[:, :, 48, x] = np.random.default_rng(x).normal(0, 5 * factor, (10, 50))
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert named(outcome, 48, 20) == ""
    assert [named(outcome, 48, x) for x in (40, 60)] == ["noisy", "noisy"]
    assert outcome.categories[48, 40] == Category.NOISY.bit | USABLE
    dq = outcome.flags.to_dq(outcome.categories)
    assert has_flag(dq, "UNRELIABLE_SLOPE")[48, [40, 60]].all()
    assert unusable(outcome)[48, [20, 40, 60]].tolist() == [False, False, True]


def test_a_pixel_that_is_noisier_by_less_than_makes_it_noisy_is_good_whatever_chance_adds(tmp_path):
    """Of 114 differences the noise is known to 8 %: one pixel of 1.4 times in five shows 1.5."""
    sci, groupdq = good_ramps()
    chosen = np.s_[10:86:4, 10:86:4]
    sci[(..., *chosen)] = np.random.default_rng(7).normal(0, 5 * 1.4, sci[(..., *chosen)].shape)
    sci[:, :, 48, 49] = np.random.default_rng(8).normal(0, 5 * 2.5, (6, 20))
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert np.argwhere(in_category(outcome.categories, Category.NOISY)).tolist() == [[48, 49]]


def test_a_switching_pixel_that_is_hardly_noisier_than_others_is_told_by_its_ramps(tmp_path):
    """Where read noise differs from pixel to pixel, 1.3 times is no noise to speak of; two levels are two levels."""
    random = np.random.default_rng(3)
    sci, groupdq = good_ramps(integrations=8)
    sci *= np.exp(0.06 * random.standard_normal((96, 96)))
    places = [(y, x) for y in range(10, 90, 10) for x in range(10, 90, 10)]
    for y, x in places:
        switched = np.cumsum(random.random((8, 20)) < 0.2, axis=1) + random.integers(0, 2, (8, 1))
        sci[:, :, y, x] += 20.0 * (switched % 2)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    telegraph = in_category(outcome.categories, Category.TELEGRAPH)
    assert np.mean([telegraph[place] for place in places]) > 0.9
    good = np.ones(telegraph.shape, bool)
    good[tuple(np.transpose(places))] = False
    assert not outcome.categories[good].any()


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


def test_switches_that_are_jumps_and_hardly_falls_are_told_by_the_ramps(tmp_path):
    """At 4.5 sigma of a difference the jump step takes each switch out of the noise, and none is a fall of 5.5."""
    random = np.random.default_rng(19)
    sci, groupdq = good_ramps(integrations=8)
    places = [(y, x) for y in range(10, 90, 10) for x in range(10, 90, 10)]
    for y, x in places:
        up = (np.cumsum(random.random((8, 20)) < 0.15, axis=1) + random.integers(0, 2, (8, 1))) % 2
        sci[:, :, y, x] = random.normal(0, 3, (8, 20)) + 32 * up
        # The jump step flags the neighbours too.
        for beside in (-1, 0, 1):
            groupdq[:, 1:, y, x + beside] = np.where(np.diff(up, axis=1) != 0, 4, 0)
    # Hits are no switches.
    for group in range(4, 10):
        sci[group % 8, group:, 48, 45] += 60
        groupdq[group % 8, group, 48, 45] = 4
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    telegraph = in_category(outcome.categories, Category.TELEGRAPH)
    assert np.mean([telegraph[place] for place in places]) > 0.95
    assert np.count_nonzero(telegraph) <= len(places)
    assert not telegraph[48, 45]


def test_a_fall_that_noise_makes_once_and_a_hit_like_it_are_no_switches(tmp_path):
    """Of pixels that are hit often some have both; what falls by more than noise does has come and gone."""
    random = np.random.default_rng(23)
    sci, groupdq = good_ramps(integrations=20, groups=60)
    sigma = 5 * np.sqrt(2)
    # A quarter of all pixels is hit, by heights that spread over decades.
    hits = random.random(sci.shape) < 0.25 / (20 * 60)
    sci += np.cumsum(hits * np.exp(random.uniform(np.log(6 * sigma), np.log(400 * sigma), sci.shape)), axis=1)
    places = [(y, x) for y in range(10, 90, 10) for x in range(10, 90, 10)]
    for number, (y, x) in enumerate(places):
        for integration, height in ((4, 6.5 if number % 2 else 9.0), (11, -5.3 if number % 2 else -8.0)):
            # Hits elsewhere in the pixel are none of it, and the step is as high as is said.
            sci[integration, :, y, x] = 5 * random.standard_normal(60)
            sci[integration, 29:31, y, x] = 0
            sci[integration, 30:, y, x] += height * sigma
    groupdq[:, 1:] |= np.where(np.abs(np.diff(sci, axis=1)) > 4 * sigma, 4, 0).astype(groupdq.dtype)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    called = [named(outcome, y, x) for y, x in places]
    assert not any(called[1::2])
    assert np.mean([bool(one) for one in called[::2]]) > 0.9


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


@pytest.mark.parametrize("noise", [15.0, 3000.0])
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


def test_a_noisy_detector_has_no_falls_beyond_its_own_noise(tmp_path):
    """At three times the read noise, a fall of 5.5 of its sigma is one of 1.8, which the jump step flags."""
    sci, groupdq = good_ramps(read_noise=15.0)
    groupdq[:, 1:] = np.where(np.abs(np.diff(sci, axis=1)) > 4 * 5 * np.sqrt(2), 4, 0)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert (outcome.maps.falls >= 2).mean() > 0.5
    assert np.count_nonzero(unusable(outcome)) == 0


def settling_ramps(amplitudes: list[float], size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return good pixels that begin low after a reset, each amplifier by another amount (DN)."""
    sci, groupdq = good_ramps(integrations=8, size=size)
    level = np.repeat(amplitudes, size // 4) * (1 + 0.2 * np.random.default_rng(6).standard_normal((size, size)))
    sci -= level * np.exp(-np.arange(1, 21) / 1.4)[:, None, None]
    return sci, groupdq


@pytest.mark.parametrize("sign", [1, -1])
def test_settling_after_a_reset_names_no_pixel_and_hides_none(tmp_path, sign):
    """It adds up to 0.2 e-/s to the rates of a whole amplifier, or takes as much away."""
    amplitudes = [30.0, 80.0, 0.0, 60.0]
    sci, groupdq = settling_ramps([sign * amplitude for amplitude in amplitudes])
    places = [(y, x) for y in range(10, 120, 9) for x in (16, 48, 80, 112)]
    for number, (y, x) in enumerate(places):
        sci[:, :, y, x] += rising(0.4 if number % 8 < 4 else 0.15, 20)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    called = [named(outcome, y, x) for y, x in places]
    right = ["hot" if number % 8 < 4 else "warm" for number in range(len(places))]
    assert np.mean([one == other for one, other in zip(called, right, strict=True)]) >= 0.9
    assert np.count_nonzero(outcome.categories) <= len(places) + 1
    assert abs(outcome.thresholds["settling_e_per_s"]) == pytest.approx(0.19, abs=0.03)


def test_settling_names_no_neighbour_of_a_saturated_pixel(tmp_path):
    """The pipeline fits nothing there, and a mean of differences settles by four times as much as a line."""
    sci, groupdq = settling_ramps([30.0, 80.0, 0.0, 60.0])
    places = [(y, x) for y in range(10, 120, 9) for x in (16, 48, 80, 112)]
    for y, x in places:
        sci[:, :, y, x] = 49_000
        groupdq[:, :, y - 1 : y + 2, x - 1 : x + 2] |= 2
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert sorted(map(tuple, np.argwhere(outcome.categories).tolist())) == sorted(places)


def test_without_settling_the_rates_are_the_pipelines(tmp_path):
    sci, groupdq = good_ramps(size=64)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert outcome.thresholds["settling_e_per_s"] == 0
    coupled = np.abs(outcome.rate / GAIN - outcome.maps.rate)[5:-5, 5:-5]
    assert coupled.max() < 0.1 * np.abs(outcome.maps.rate).max()


def glowing(path: Path, brightest: float) -> SearchOutcome:
    """Search a detector with a glow that fades from its first rows on, and hot pixels of 0.35 e-/s."""
    sci, groupdq = good_ramps(integrations=8, size=128)
    glow = brightest * np.exp(-np.arange(128) / 25)
    random = np.random.default_rng(8)
    sci += np.cumsum(random.poisson(np.broadcast_to(glow[:, None] * TGROUP, sci.shape)), axis=1) / GAIN
    sci[:, :, 9:120:10, 9:120:10] += rising(0.35, 20)[:, None, None]
    return search_ramps(fitted(sci, groupdq), path)


def test_a_glow_hides_no_hot_pixel_and_makes_none(tmp_path):
    outcome = glowing(tmp_path / "files", 0.045)
    hot = in_category(outcome.categories, Category.HOT)
    assert hot[9:120:10, 9:120:10].mean() >= 0.97
    assert np.count_nonzero(outcome.categories) <= 12 * 12 + 1


def test_a_glow_that_is_itself_warm_is_not_taken_for_a_background(tmp_path):
    outcome = glowing(tmp_path / "files", 0.6)
    named = in_category(outcome.categories, Category.HOT) | in_category(outcome.categories, Category.WARM)
    assert named[4:20, 4:-4].mean() > 0.99


def wandering(amount: float, share: bool, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return good pixels; the level of column 50 wanders, as one or in each pixel by itself."""
    random = np.random.default_rng(11)
    sci, groupdq = good_ramps(integrations=8, size=size)
    level = np.zeros((8, 20, 1 if share else size))
    level[:, 0] = random.normal(0, amount, level[:, 0].shape)
    for group in range(1, 20):
        step = random.normal(0, amount * np.sqrt(1 - 0.9**2), level[:, 0].shape)
        level[:, group] = 0.9 * level[:, group - 1] + step
    sci[:, :, :, 50] += level
    return sci, groupdq


@pytest.mark.parametrize("amount", [5.0, 15.0])
def test_the_pixels_of_a_column_that_wanders_are_as_good_as_others(tmp_path, amount):
    sci, groupdq = wandering(amount, share=True)
    sci[:, :, 40, 50] *= 4  # this one is noisy besides, and the next one hot
    sci[:, :, 80, 50] += rising(3.0, 20)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert named(outcome, 40, 50) in ("noisy", "telegraph")
    assert named(outcome, 80, 50) == "hot"
    assert np.count_nonzero(outcome.categories) == 2


def between_jumps(sci: np.ndarray, groupdq: np.ndarray) -> Ramps:
    """Return ramps with rates of the differences without a jump, which are others in each pixel."""
    ramps = fitted(sci, groupdq)
    quiet = groupdq[:, 1:] == 0
    rate = (np.diff(sci, axis=1) * quiet).sum(axis=1) / np.fmax(quiet.sum(axis=1), 1)
    return replace(ramps, rate=(rate / TGROUP).astype("f4"))


@pytest.mark.parametrize(("readpatt", "frames"), [("SHALLOW4", 4), ("DEEP8", 8)])
def test_a_column_that_wanders_keeps_its_pixels_where_groups_average_frames(tmp_path, readpatt, frames):
    """Its level is another one in each group, and jumps part the ramps of its pixels where they are highest."""
    random, noise = np.random.default_rng(31), 5 / np.sqrt(frames)
    sci, groupdq = good_ramps(integrations=12, size=128, read_noise=noise)
    sci += np.cumsum(random.normal(0, 0.3 * noise, sci.shape), axis=1)
    for x, amount in ((50, 1.2 * noise), (70, 5 * noise)):
        sci[..., x] += random.normal(0, amount, (12, 20, 1))
    groupdq[:, 1:] = np.where(np.abs(np.diff(sci, axis=1)) > 4 * noise * np.sqrt(2), 4, 0)
    outcome = search_ramps(between_jumps(sci, groupdq), tmp_path / "files", readpatt=readpatt)
    assert {(one.kind, one.x_first) for one in outcome.structures} == {
        ("wandering column", 50),
        ("wandering column", 70),
    }
    assert np.count_nonzero(unusable(outcome)) <= 2


def test_a_column_whose_pixels_wander_each_by_itself_is_no_better_than_they_are(tmp_path):
    sci, groupdq = wandering(40.0, share=False)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert unusable(outcome)[4:-4, 50].mean() > 0.9
    assert np.count_nonzero(np.delete(outcome.categories, 50, axis=1)) == 0
