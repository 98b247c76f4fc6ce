"""What good pixels share names none and hides none: settling after a reset, a glow, a column that wanders."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from darkmask.core.categories import Category, in_category
from darkmask.delivery.plain import Ramps
from darkmask.search.outcome import SearchOutcome
from tests.support.called import GAIN, named, rising, unusable
from tests.support.raw_exposures import TGROUP, fitted, good_ramps, search_ramps


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


def walking(random: np.random.Generator, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return good pixels of long ramps of averaged groups whose dark current has shot noise, as long waves have."""
    sci, groupdq = good_ramps(integrations=12, groups=40, size=128, read_noise=noise)
    sci += np.cumsum(random.normal(0, 2.0, sci.shape), axis=1)
    return sci, groupdq


@pytest.mark.parametrize("share", [True, False])
def test_a_column_goes_as_one_by_its_bends_where_shot_noise_and_jumps_hide_that_in_its_rates(tmp_path, share):
    """Its pixels are good where it does, and as noisy as they are where each wanders by itself."""
    random, noise = np.random.default_rng(32), 5 / np.sqrt(8)
    sci, groupdq = walking(random, noise)
    sci[..., 50] += random.normal(0, (1.3 if share else 2.6) * noise, (12, 40, 1 if share else 128))
    groupdq[:, 1:] = np.where(np.abs(np.diff(sci, axis=1)) > 4 * noise * np.sqrt(2), 4, 0)
    outcome = search_ramps(between_jumps(sci, groupdq), tmp_path / "files", readpatt="MEDIUM8")
    kind = "wandering column" if share else "noisy column"
    assert [(one.kind, one.x_first) for one in outcome.structures if one.kind.endswith("column")] == [(kind, 50)]
    bad = unusable(outcome)
    assert np.count_nonzero(np.delete(bad, 50, axis=1)) <= 1
    assert bad[4:-4, 50].mean() < 0.03 if share else bad[4:-4, 50].mean() > 0.9


def test_a_column_whose_pixels_wander_each_by_itself_is_no_better_than_they_are(tmp_path):
    sci, groupdq = wandering(40.0, share=False)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert unusable(outcome)[4:-4, 50].mean() > 0.9
    assert np.count_nonzero(np.delete(outcome.categories, 50, axis=1)) == 0
