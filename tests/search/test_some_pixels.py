"""Maps and names of some pixels are those that they have among all."""

from dataclasses import replace

import numpy as np
import pytest

from darkmask.core.detectors import detector as look_up
from darkmask.search.engines import glance_at_pixels, judge_maps, judge_some_pixels, measure_maps, measure_some_pixels
from darkmask.search.flight import asked as asked_pixels
from darkmask.search.flight.asked import reached, rows_apart
from darkmask.search.flight.coupling import Coupling
from darkmask.search.maps import blocks, combine_some
from darkmask.search.maps.changes import ChangeRows
from darkmask.search.maps.glance import BRIGHT, FALLING, FULL, TOLD
from darkmask.search.maps.some import Choice
from darkmask.search.maps.stacks import CombinedRows
from darkmask.validation.glanced import seen_at_a_glance
from darkmask.validation.standing import HOT, LEAST_DIFFERENCES, standing_out
from tests.support.changing_ramps import DETECTOR, SIZE, TGROUP, drawn, written
from tests.support.raw_exposures import fitted
from tests.support.raw_exposures import written as as_exposures
from tests.support.requests import flight_request

OWN, OTHERS = (0, 1), tuple(range(2, 10))
# Rows that do not glow, and what those farthest from them glow by, e-/s.
DIM, GLOW = 48, 2.5


@pytest.fixture
def request_of_small(small):
    return flight_request(small.delivery)


@pytest.fixture
def few_tell(monkeypatch):
    """Let a quarter of the rows of a small frame tell what is usual, as a sixteenth of a large one does."""
    monkeypatch.setattr(asked_pixels, "LEAST_TOLD", 1024)
    monkeypatch.setattr(asked_pixels, "_TOLD_FOR_EACH", 1)


def named_pixels(request):
    found = judge_maps(request, measure_maps(request))
    return (found.categories != 0) | (found.told != 0), found


@pytest.mark.parametrize("together", [1, pytest.param(100_000, marks=pytest.mark.slow), combine_some.TOGETHER_BYTES])
def test_some_pixels_have_the_bits_that_they_have_among_all(request_of_small, monkeypatch, together):
    monkeypatch.setattr(combine_some, "TOGETHER_BYTES", together)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 300_000)
    where = np.random.default_rng(5).random(request_of_small.shape) < 0.05
    choices = [Choice(OWN, where, changes=False), Choice(OTHERS, where.T.copy())]
    for choice, found in zip(choices, measure_some_pixels(request_of_small, choices, 5), strict=True):
        whole = measure_maps(replace(request_of_small, integrations=choice.chosen))
        asked = choice.pixels.copy()
        asked[::5] = False
        assert np.array_equal(found.places, np.flatnonzero(asked))
        names = CombinedRows._fields if not choice.changes else (*CombinedRows._fields, *ChangeRows._fields)
        for name in names:
            of = whole.changes.rows if name in ChangeRows._fields else whole
            image = getattr(of, name)
            told = np.concatenate([image[::5].ravel(), image[asked]])
            assert found.values(name).tobytes() == told.tobytes(), name
        assert found.rows.integrations == found.pixels.integrations == len(choice.chosen)


def test_some_pixels_are_the_same_kept_or_measured(request_of_small, monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 300_000)
    where = np.random.default_rng(6).random(request_of_small.shape) < 0.05
    choices = [Choice(OWN, where), Choice(OTHERS, where.T.copy())]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    measured, kept = (measure_some_pixels(request_of_small, choices, 5) for _ in range(2))
    assert list((tmp_path / "darkmask" / "integrations").glob("*.maps"))
    for one, other in zip(measured, kept, strict=True):
        for name in (*CombinedRows._fields, *ChangeRows._fields):
            assert one.values(name).tobytes() == other.values(name).tobytes(), name


def test_what_is_coupled_into_some_pixels_is_what_is_coupled_into_all():
    numbers = np.random.default_rng(7)
    image = numbers.normal(0, 1, (40, 60)).astype(np.float32)
    image[numbers.random(image.shape) < 0.02] = np.nan
    y, x = np.array([10, 10, 25, 39]), np.array([20, 22, 0, 59])
    image[y, x] = 1000
    coupling = Coupling(0.006, y, x, np.array([0.002, -0.001, 0.001, 0.003], np.float32))
    coupled, own = coupling.decoupled(image, slice(0, 60))
    known = np.arange(image.size, dtype=np.int32).reshape(image.shape)
    at = np.nonzero(np.isfinite(image))
    found = coupling.decoupled_at(image.ravel(), known, *at)
    np.testing.assert_allclose(found[0], coupled[at], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[1], own[at], rtol=1e-5, atol=1e-6)


def test_few_rows_tell_what_is_usual_and_all_where_many_pixels_are_asked():
    asked = np.zeros((2048, 2048), bool)
    amplifiers = [slice(k, k + 512) for k in range(0, 2048, 512)]
    assert rows_apart(asked, amplifiers) == 32
    asked[:, 600:610] = True
    assert rows_apart(asked, amplifiers) == 12
    asked[:, 600:700] = True
    assert rows_apart(asked, amplifiers) == 1
    assert rows_apart(asked[:256, :256], [slice(0, 64)]) == 1


def test_names_of_some_pixels_are_those_that_they_have_among_all(request_of_small, few_tell):
    asked, whole = named_pixels(request_of_small)
    every = rows_apart(asked, request_of_small.amplifiers())
    assert every == 4
    (found,) = measure_some_pixels(request_of_small, [Choice(tuple(range(10)), reached(asked))], every)
    judged = judge_some_pixels(request_of_small, found, asked)
    assert not judged.categories[~asked].any()
    # A thousand pixels know a scatter to 4 %, and few pixels lie that near to a limit.
    assert np.mean(judged.categories[asked] == whole.categories[asked]) > 0.98
    for name in ("unstable", "varying", "switching"):
        assert np.mean(getattr(judged, name)[asked] == getattr(whole, name)[asked]) > 0.98
    np.testing.assert_allclose(judged.rate[asked], whole.rate[asked], rtol=0.01, atol=0.02)


def test_all_rows_give_what_a_search_of_all_gives(request_of_small):
    asked, whole = named_pixels(request_of_small)
    (found,) = measure_some_pixels(request_of_small, [Choice(tuple(range(10)), reached(asked))], 1)
    judged = judge_some_pixels(request_of_small, found, asked)
    assert np.array_equal(judged.categories[asked], whole.categories[asked])
    assert np.array_equal(judged.told[asked], whole.told[asked])
    assert np.array_equal(judged.rate[asked], whole.rate[asked], equal_nan=True)
    assert np.array_equal(judged.noise, whole.noise)


def test_every_pixel_that_stands_out_is_seen_at_a_glance(request_of_small):
    """Whatever the search comes to call hot or unstable must be among the pixels that are looked at."""
    everywhere = np.ones(request_of_small.shape, bool)
    (seen,) = seen_at_a_glance(request_of_small, [OWN], LEAST_DIFFERENCES)
    (alone,) = measure_some_pixels(request_of_small, [Choice(OWN, everywhere, changes=False)], 1)
    found = standing_out(replace(request_of_small, integrations=OWN), alone, everywhere)
    for where in found.values():
        assert (where & seen.judged).sum() > 15
        assert not (where & seen.judged & ~seen.may_stand).any()
    assert seen.may_stand.mean() < 0.25


def test_of_short_ramps_few_pixels_are_looked_at_and_all_that_stand_out(tmp_path):
    """The noise of a rate of twelve groups is a third of what makes a pixel hot."""
    integrations, groups, size = 5, 12, 96
    random, seconds = np.random.default_rng(8), TGROUP * np.arange(1, groups + 1)
    reads = DETECTOR.read_noise * random.standard_normal((integrations, groups, size, size))
    bright = np.zeros((size, size), bool)
    bright[6:-6:4, 6:-6:4] = True
    reads[:, :, bright] += random.uniform(0.1, 3.0, np.count_nonzero(bright)) * seconds[:, None]
    ramps = fitted(reads, np.zeros(reads.shape, np.uint8))
    request = as_exposures(ramps, tmp_path / "darks", [[i] for i in range(integrations)])
    (seen,) = seen_at_a_glance(request, [(0,)], LEAST_DIFFERENCES)
    everywhere = np.ones(request.shape, bool)
    (alone,) = measure_some_pixels(request, [Choice((0,), everywhere, changes=False)], 1)
    found = standing_out(replace(request, integrations=(0,)), alone, everywhere)[HOT]
    assert np.count_nonzero(found & bright) > 100
    assert not (found & seen.judged & ~seen.may_stand).any()
    assert seen.may_stand[~bright].mean() < 0.03


def test_a_glow_hides_no_noisy_pixel_from_a_glance(small, tmp_path):
    """Shot noise of a glow is in the noises that a glance compares; the search takes it off before it compares them.

    Pixels without the glow whose noise barely reaches the search's limit are then below that of a glance, unless it
    asks for less.
    """
    random = np.random.default_rng(4)
    reads, rows = drawn(), np.arange(SIZE)
    electrons = GLOW * np.clip((rows - DIM) / (SIZE - DIM), 0, None)
    charge = random.standard_normal(reads.shape) * np.sqrt(electrons * TGROUP)[:, None]
    reads += ((electrons * TGROUP)[:, None] + charge).cumsum(axis=1) / DETECTOR.gain
    loud = np.zeros((SIZE, SIZE), bool)
    loud[6:DIM:3, 6 : SIZE - 6 : 3] = True
    factors = random.uniform(1.0, 1.4, np.count_nonzero(loud))
    reads[:, :, loud] += DETECTOR.read_noise * np.sqrt(factors**2 - 1) * random.standard_normal(reads[:, :, loud].shape)
    request = written(small, tmp_path, reads)
    noisy = judge_maps(request, measure_maps(request), pixels_only=True).unstable[:DIM]
    (seen,) = seen_at_a_glance(request, [request.numbers], 0)
    assert 50 < np.count_nonzero(noisy) < 0.8 * np.count_nonzero(loud)
    assert not (noisy & ~seen.may_stand[:DIM]).any()
    assert seen.may_stand[:DIM].mean() < 0.25


def test_a_glance_sees_what_the_maps_say_kept_or_measured(request_of_small, monkeypatch, tmp_path):
    least = 0.1 / look_up("NRCA1").gain
    asked = request_of_small, [OWN, OTHERS], least, LEAST_DIFFERENCES
    measured = measure_maps(replace(request_of_small, integrations=OTHERS))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, kept = glance_at_pixels(*asked), glance_at_pixels(*asked)
    assert list((tmp_path / "darkmask" / "integrations").glob("*.maps"))
    for one, other in zip(first, kept, strict=True):
        assert one.noise.tobytes() == other.noise.tobytes()
        assert np.array_equal(one.told, other.told)
    seen = kept[1]
    np.testing.assert_allclose(seen.noise, measured.noise, rtol=1e-3)
    enough = measured.differences + measured.jumps >= LEAST_DIFFERENCES * len(OTHERS)
    told = (measured.saturated_first == 0) & (enough | (measured.saturated_last > 0))
    for bit, where in ((TOLD, told), (FALLING, measured.falls >= 2), (FULL, measured.saturated_last > 0)):
        assert np.array_equal((seen.told & bit) != 0, where)
    assert ((seen.told & BRIGHT) != 0)[measured.rate >= least].all()
