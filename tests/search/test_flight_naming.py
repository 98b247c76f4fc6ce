"""A pixel is called what it is, however it bends, fills, switches or scatters, and whatever the number of exposures."""

import numpy as np

from darkmask.core.categories import USABLE, Category, in_category
from darkmask.core.flags import has_flag
from tests.support.called import named, rising, unusable
from tests.support.raw_exposures import TGROUP, fitted, good_ramps, search_ramps


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


def test_a_noisy_detector_has_no_falls_beyond_its_own_noise(tmp_path):
    """At three times the read noise, a fall of 5.5 of its sigma is one of 1.8, which the jump step flags."""
    sci, groupdq = good_ramps(read_noise=15.0)
    groupdq[:, 1:] = np.where(np.abs(np.diff(sci, axis=1)) > 4 * 5 * np.sqrt(2), 4, 0)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert (outcome.maps.falls >= 2).mean() > 0.5
    assert np.count_nonzero(unusable(outcome)) == 0
