"""Defects injected into ramps: what is added, and what is concluded from what was found."""

import os
import signal
import sys

import numpy as np
import pytest
from astropy.stats import binom_conf_interval
from hypothesis import given
from hypothesis import strategies as st

from darkmask.core.categories import NO_DEFECT, Category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.errors import SearchError
from darkmask.delivery import OpenExposure
from darkmask.pipeline.worker import Worker, WorkerError
from darkmask.search.engines import search_set
from darkmask.search.maps.layout import JUMP_DET
from darkmask.search.request import SetRequest
from darkmask.simulate.ramps import saturation_threshold
from darkmask.validation.completeness import completeness, detection_strengths, summarise
from darkmask.validation.injection import (
    BURSTS,
    CALLED,
    EARLY_SATURATION,
    QUIET_FROM,
    SLOW_TELEGRAPH,
    SPACING,
    Injections,
    add_defects,
    draw_injections,
    strengths_of,
    without_jumps,
)
from darkmask.validation.recovery import Searched, border_of, inject_and_recover
from darkmask.validation.refit import refit_ramps
from darkmask.validation.switching import burst_levels
from tests.support.requests import flight_request

TGROUP = 10.0
NRCA1 = look_up_detector("NRCA1")


def kinds():
    return strengths_of(0.275, 0.06, NRCA1.read_noise, NRCA1.well / NRCA1.gain)


@given(seed=st.integers(0, 2**32 - 1), bad_share=st.floats(0, 0.02), rows=st.integers(2 * SPACING, 60))
def test_injections_stand_alone_on_good_ground(seed, bad_share, rows):
    random = np.random.default_rng(seed)
    good = random.random((rows, 80)) >= bad_share
    drawn = draw_injections(good, kinds(), np.random.default_rng(seed), 160)
    again = draw_injections(good, kinds(), np.random.default_rng(seed), 160)
    assert np.array_equal(drawn.strength, again.strength)
    assert np.array_equal(drawn.category, again.category)
    taken = np.zeros(good.shape, dtype=int)
    for y, x in zip(drawn.y, drawn.x, strict=True):
        reach = SPACING // 2
        part = np.s_[y - reach : y + reach + 1, x - reach : x + reach + 1]
        assert good[part].all()
        assert good[part].size == SPACING**2
        taken[part] += 1
    assert taken.max(initial=0) <= 1
    for category, bounds in kinds().items():
        strengths = drawn.strength[drawn.of(category)]
        assert ((strengths >= bounds.low) & (strengths <= bounds.high)).all()


def test_no_warm_pixels_where_none_could_be_told_from_hot_ones():
    assert Category.WARM not in strengths_of(0.275, 1.0, 5.0, 50_000.0)
    assert Category.WARM in kinds()


def test_slow_telegraph_pixels_have_every_time_up_to_all_integrations():
    drawn = draw_injections(np.ones((400, 400), bool), kinds(), np.random.default_rng(3), 160)
    times = np.log(drawn.timescale[drawn.of(SLOW_TELEGRAPH)])
    assert np.exp([times.min(), times.max()]) == pytest.approx([5, 160], rel=0.05)
    assert np.median(times) == pytest.approx(np.log(5 * 160) / 2, abs=0.2)
    assert drawn.timescale[~(drawn.of(SLOW_TELEGRAPH) | drawn.of(BURSTS))].max() <= 5


def test_each_kind_has_enough_pixels_where_there_is_little_room():
    drawn = draw_injections(np.ones((102, 102), bool), kinds(), np.random.default_rng(3), 160)
    assert drawn.y.size == 400
    assert min(drawn.of(kind).sum() for kind in kinds()) >= 20
    # Strengths of the upper half are more frequent, since the lower half is hardly judged.
    place = np.log(drawn.strength[drawn.of("rc")] / kinds()["rc"].low) / np.log(kinds()["rc"].high / kinds()["rc"].low)
    assert 0.58 < (place > 0.5).mean() < 0.68


def test_bursts_are_short_and_pixels_quiet_between_them():
    levels = burst_levels(np.full(400, 80.0), np.full(400, 50.0), 1000, np.random.default_rng(3))
    assert set(np.unique(levels)) == {0, 80}
    # 50 quiet groups and then 5 of a burst, which begins in the upper level and is in either afterwards.
    assert (levels > 0).mean() == pytest.approx((1 + 4 / 2) / (50 + 5), rel=0.05)
    drawn = draw_injections(np.ones((400, 400), bool), kinds(), np.random.default_rng(3), 160)
    times = drawn.timescale[drawn.of(BURSTS)]
    assert [times.min(), times.max()] == pytest.approx([QUIET_FROM, 160], rel=0.05)


def test_a_pixel_without_a_burst_within_its_ramps_is_not_judged():
    at, shows = np.array([4]), []
    for seed in range(40):
        sci = np.zeros((4, 10, 9, 9), np.float32)
        one = Injections(at, at, np.array([BURSTS]), np.array([200.0]), np.array([60.0]), np.ones(1, bool))
        add_defects(sci, np.zeros(sci.shape, np.uint8), one, NRCA1, TGROUP, np.random.default_rng(seed))
        steps = np.diff(sci[:, :, 4, 4], axis=1)
        assert one.shown[0] == ((steps > 0).any() and (steps < 0).any())
        shows.append(one.shown[0])
    assert 0 < sum(shows) < 40


@pytest.mark.parametrize(("full_after", "group"), [(1.2, 1), (1.9, 1), (2.1, 2), (2.8, 2)])
def test_an_early_saturating_pixel_is_full_in_group_2_or_3_and_not_in_the_first(full_after, group):
    sci, groupdq = injected(EARLY_SATURATION, 1.0, full_after)
    saturated = groupdq[:, :, 4, 4] == 2
    assert saturated.argmax(axis=1).tolist() == [group] * 4
    assert sci[:, group:, 4, 4] == pytest.approx(saturation_threshold(NRCA1))


def test_a_slow_telegraph_pixel_shows_by_a_fall_and_a_rise_within_ramps():
    one = np.array([4])
    shows = []
    for seed in range(40):
        sci = np.zeros((4, 30, 9, 9), np.float32)
        slow = Injections(one, one, np.array([SLOW_TELEGRAPH]), np.array([200.0]), np.array([60.0]), np.ones(1, bool))
        add_defects(sci, np.zeros(sci.shape, np.uint8), slow, NRCA1, TGROUP, np.random.default_rng(seed))
        steps = np.diff(sci[:, :, 4, 4], axis=1)
        assert slow.shown[0] == ((steps > 0).any() and (steps < 0).any())
        shows.append(slow.shown[0])
    assert 0 < sum(shows) < 40


def test_an_intermittent_pixel_is_hot_in_some_integrations_and_never_from_one_on():
    counts = set()
    for seed in range(20):
        at, sci = np.array([4]), np.zeros((8, 30, 9, 9), np.float32)
        one = Injections(at, at, np.array(["intermittent"]), np.array([5.0]), np.zeros(1), np.ones(1, bool))
        add_defects(sci, np.zeros(sci.shape, np.uint8), one, NRCA1, TGROUP, np.random.default_rng(seed))
        on = sci[:, -1, 4, 4] > 0
        assert on[-1]
        assert not on[-2]
        assert one.timescale[0] == on.sum()
        counts.add(int(on.sum()))
    assert counts == {2, 3, 4}


def test_either_name_is_right_within_the_error_of_a_rate():
    # The rate of a good pixel is known to 0.01 e-/s, and 400 s of 0.275 e-/s to 0.029 by their shot noise.
    assert border_of(0.275, 0.05, 0.05 + 0.01 * 2.054, 400) == pytest.approx(3 * np.hypot(0.01, 0.0287), rel=0.01)
    assert border_of(0.275, 0.05, 0.0502, 1e9) < 0.001


def injected(category: str, strength: float, timescale: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return SCI and GROUPDQ (4 integrations, 30 groups, 9x9) of nothing but one defect in the middle."""
    sci, groupdq = np.zeros((4, 30, 9, 9), np.float32), np.zeros((4, 30, 9, 9), np.uint8)
    at = np.array([4])
    one = Injections(at, at, np.array([str(category)]), np.array([strength]), np.array([timescale]), np.ones(1, bool))
    add_defects(sci, groupdq, one, NRCA1, TGROUP, np.random.default_rng(1))
    return sci, groupdq


def test_charge_is_coupled_and_not_lost():
    sci, groupdq = injected(Category.HOT, 5.0)
    total = sci[:, -1].sum(axis=(1, 2))
    expected = 5.0 * TGROUP * 30 / NRCA1.gain
    assert total == pytest.approx(expected, abs=5 * np.sqrt(expected / NRCA1.gain))
    assert sci[0, -1, 4, 5] == pytest.approx(NRCA1.ipc * total[0], rel=1e-4)
    assert sci[0, -1, 5, 5] == 0
    assert not groupdq.any()


def test_kinds_are_what_they_are_called():
    decaying = np.diff(injected(Category.RC, 3000.0)[0][0, :, 4, 4])
    assert decaying[0] > 100 > 10 > decaying[-1] >= 0
    falling = injected(Category.INVERSE_RC, 3000.0)[0][0, :, 4, 4]
    assert (np.diff(falling) < 0).all()
    levels = np.unique(injected(Category.TELEGRAPH, 80.0)[0][:, :, 4, 4])
    assert np.ptp(levels) == pytest.approx(80.0)
    assert len(levels) == 2
    noisy = injected(Category.NOISY, 4.0)[0][:, :, 4, 4]
    assert noisy.std() == pytest.approx(NRCA1.read_noise * np.sqrt(15), rel=0.2)
    assert (injected(Category.LOW_PEDESTAL, 200.0)[0][:, :, 4, 4] == -200).all()


@pytest.mark.parametrize(("category", "strength"), [(Category.SATURATED, 1.0), (Category.HOT, 1e4)])
def test_a_full_well_stays_full_and_is_flagged_with_its_neighbours(category, strength):
    sci, groupdq = injected(category, strength)
    full = saturation_threshold(NRCA1)
    assert sci[:, -1, 4, 4] == pytest.approx(full)
    assert (groupdq[:, -1, 3:6, 3:6] == 2).all()
    assert groupdq[:, -1].sum() == 2 * 9 * 4
    # A pixel that is full once stays full.
    assert (np.diff((groupdq[:, :, 4, 4] == 2).astype(int), axis=1) >= 0).all()


def test_noise_of_a_pixel_is_averaged_with_its_frames():
    sci, at = np.zeros((20, 30, 9, 9), np.float32), np.array([4])
    one = Injections(at, at, np.array(["noisy"]), np.array([4.0]), np.zeros(1), np.ones(1, bool))
    add_defects(sci, np.zeros(sci.shape, np.uint8), one, NRCA1, TGROUP, np.random.default_rng(1), "MEDIUM8")
    noise = np.hypot(sci[:, :, 4, 4].std(), NRCA1.read_noise / np.sqrt(8))
    assert noise == pytest.approx(4 * NRCA1.read_noise / np.sqrt(8), rel=0.06)


@pytest.mark.slow
def test_the_jump_step_compares_the_integrations_of_an_exposure_and_no_others(request_of_small, tmp_path):
    """Of ten integrations five are bright, in all of two exposures and in one of the third."""
    rise, bright = 200.0, [0, 1, 2, 3, 4]
    sci, groupdq = np.zeros((10, 16, 10, 128), np.float32), np.zeros((10, 16, 10, 128), np.uint8)
    sci[bright, :, 5, 60] += rise * np.arange(16)
    sci[6, 8:, 9, 80] += 500.0
    fitted = refit_ramps(request_of_small, slice(59, 69), sci, groupdq, tmp_path)
    with OpenExposure(fitted, tmp_path) as opened:
        y, x = np.indices((10, 128)).reshape(2, -1)
        jumps = (opened.groupdq(y, x).reshape(sci.shape) & JUMP_DET) != 0
        rates = np.array([opened.rate(integration=i)[5, 60] for i in range(10)])
    tgroup = request_of_small.exposures[0].set_key.tgroup
    assert rates[[0, 1, 2, 3]] == pytest.approx(rise / tgroup, rel=0.01)
    assert not jumps[[0, 1, 2, 3, 6, 7, 8, 9], :, 5, 60].any()
    assert jumps[[4, 5], :, 5, 60].any()
    # A hit in the last row of an exposure flags no pixel of the next one, which has no hit.
    assert jumps[6, 8, 8, 80]
    assert jumps[6, 8, 9, 79:82].all()
    assert not jumps[:, :, :5].any()


def test_only_jumps_are_taken_back():
    assert without_jumps(np.arange(256, dtype=np.uint8)).tolist() == [value & ~4 for value in range(256)]


def test_limits_of_a_curve_that_is_known():
    random = np.random.default_rng(5)
    strength = np.exp(random.uniform(0, 6, 4000))
    chance = 1 / (1 + np.exp(-2.5 * (np.log(strength) - 3)))
    half, most = detection_strengths(strength, random.random(4000) < chance)
    assert np.log(half) == pytest.approx(3, abs=0.1)
    assert np.log(most) == pytest.approx(3 + np.log(9) / 2.5, abs=0.15)


def test_limits_that_were_not_reached_are_none():
    strength = np.linspace(1, 10, 50)
    assert detection_strengths(strength, np.ones(50, bool)) == (None, None)
    assert detection_strengths(strength, np.zeros(50, bool)) == (None, None)


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.booleans()), min_size=1, max_size=60),
    st.floats(0.1, 100),
    st.floats(0, 9),
)
def test_completeness_counts_what_is_strong_enough(pairs, least, width):
    kind = {"strengths": [s for s, _ in pairs], "named_each": [named for _, named in pairs]}
    named, number, (low, high) = completeness(kind, least, least + width)
    chosen = [n for s, n in pairs if least <= s <= least + width]
    assert (named, number) == (sum(chosen), len(chosen))
    if chosen:
        assert (low, high) == pytest.approx(tuple(binom_conf_interval(named, number, interval="wilson")))
    else:
        assert np.isnan([low, high]).all()


@pytest.fixture(scope="module")
def request_of_small(small) -> SetRequest:
    return flight_request(small.delivery)


@pytest.mark.slow
def test_injected_defects_are_found_by_the_search_and_the_same_every_time(request_of_small):
    found = summarise(inject_and_recover(request_of_small))
    outcome = search_set(request_of_small)
    # With what the search found, as it is known where there is a mask.
    searched = Searched(outcome.categories, outcome.thresholds, outcome.lights)
    assert summarise(inject_and_recover(request_of_small, searched)) == found
    named = {category.value for category in Category if category not in NO_DEFECT}
    assert set(found["kinds"]) == named | set(CALLED)
    assert found["purity"] > 0.98
    # All defects far above any threshold are found, and none of those far below.
    for name, strong in (("hot", 1.0), ("rc", 1500.0), ("inverse_rc", 300.0), ("telegraph", 200.0), ("noisy", 6.0)):
        named, number, _ = completeness(found["kinds"][name], strong)
        assert number > 5
        assert named == number, name
    levels = found["kinds"]["telegraph"]
    assert 7 < levels["half"] < levels["most"] < 60
    pairs = zip(levels["strengths"], levels["found_each"], strict=True)
    weak = [seen for strength, seen in pairs if strength < levels["half"] / 1.8]
    # Strengths of the upper half are drawn more often than these.
    assert len(weak) >= 5
    assert sum(weak) <= 1


@pytest.mark.slow
def test_the_process_of_the_steps_may_die_and_says_why_it_failed(request_of_small, tmp_path):
    worker = Worker("darkmask.pipeline.server")
    try:
        with pytest.raises(WorkerError, match="FileNotFoundError"):
            worker.ask({"module": "darkmask.validation.refit_worker", "folder": str(tmp_path)})
        (tmp_path / "job.json").write_text('{"detector": "NRCA1", "segments": [1], "meta": {}}')
        np.save(tmp_path / "sci.npy", np.zeros((1, 5, 8, 8), np.float32))
        np.save(tmp_path / "groupdq.npy", np.zeros((1, 5, 8, 8), np.uint8))
        with pytest.raises(WorkerError, match="KeyError: 'ystart'"):
            worker.ask({"module": "darkmask.validation.refit_worker", "folder": str(tmp_path)})
        os.kill(worker._process.pid, signal.SIGKILL)
        worker._process.wait()
        with pytest.raises(WorkerError, match="KeyError: 'ystart'"):
            worker.ask({"module": "darkmask.validation.refit_worker", "folder": str(tmp_path)})
    finally:
        worker.close()


def test_a_process_that_cannot_start_leaves_its_last_words(tmp_path, monkeypatch):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ImportError: no jump step here' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    worker = Worker("darkmask.pipeline.server")
    for _ in range(2):
        with pytest.raises(WorkerError, match=r"^ImportError: no jump step here$"):
            worker.ask({"module": "darkmask.validation.refit_worker", "folder": str(tmp_path)})
    worker.close()


def test_where_nothing_is_good_nothing_is_injected(request_of_small, monkeypatch):
    from darkmask.validation import recovery

    monkeypatch.setattr(recovery, "draw_injections", lambda good, *_: draw_injections(good & False, *_))
    with pytest.raises(SearchError, match="have no pixel with good surroundings"):
        inject_and_recover(request_of_small)
