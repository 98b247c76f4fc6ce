"""What the flight search keeps of its tests, when it is asked to, and that keeping it changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkmask.build.explainer import Explainer
from darkmask.core.detectors import Geometry
from darkmask.search.engines import judge_maps, measure_maps
from darkmask.search.flight.evidence import QUESTIONS, Compared, is_finite, is_true, not_reaching
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from tests.search.test_maps import draw_ramps
from tests.support.raw_exposures import fitted, good_ramps, write_exposures
from tests.support.requests import flight_request


@pytest.fixture(scope="module")
def judged(small):
    request = flight_request(small.delivery)
    maps = measure_maps(request)
    return judge_maps(request, maps), judge_maps(request, maps, keep_evidence=True)


def test_nothing_is_kept_unless_it_is_asked_for(judged):
    plain, kept = judged
    assert plain.evidence == ()
    assert [columns for columns, _ in kept.evidence] == list(Geometry(128).amplifier_columns())


def test_keeping_changes_nothing(judged):
    plain, kept = judged
    for category, where in plain.maps.items():
        np.testing.assert_array_equal(where, kept.maps[category])
    np.testing.assert_array_equal(plain.unstable, kept.unstable)
    np.testing.assert_array_equal(plain.rate, kept.rate)
    assert plain.thresholds == kept.thresholds


@settings(deadline=None, max_examples=12, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.booleans())
def test_pixels_of_every_kind_are_named_by_limits_made_for_a_few_as_by_those_of_all(
    tmp_path_factory, seed, count, near
):
    """Draw pixels of everything, and others that are noisy, bent, low or bright by little and by much."""
    folder, random = tmp_path_factory.mktemp("drawn") / "darks", np.random.default_rng(seed)
    ramps = draw_ramps(seed, count + 3, 12, rows=64, columns=64, flagged=0.15)
    if near:
        sci, groupdq = good_ramps(integrations=count + 3, groups=12, size=64)
        # From far below the limits to far above, each in one pixel of ten.
        strength = 10 ** random.uniform(-1.5, 1.5, (4, 64, 64)) * (random.random((4, 64, 64)) < 0.1)
        groups = np.arange(12)[:, None, None]
        sci = sci + 2 * strength[0] * groups + 60 * strength[1] * np.exp(-groups / 2)
        ramps = fitted(sci + 10 * strength[2] * random.standard_normal(sci.shape), groupdq)
        ramps.pedestal[:] -= (60 * strength[3]).astype(np.float32)
    exposures = write_exposures(folder, ramps, [range(count + 3)])
    request = SetRequest(exposures, folder, "native", "flight", SearchParameters(), Geometry(64, 4))
    maps = measure_maps(request)
    plain, kept = judge_maps(request, maps), judge_maps(request, maps, keep_evidence=True)
    np.testing.assert_array_equal(plain.categories, kept.categories)
    np.testing.assert_array_equal(plain.told, kept.told)
    assert plain.categories.any()
    look_at = random.random(plain.categories.shape) < 0.2
    of_some = judge_maps(request, maps, look_at=look_at, pixels_only=True)
    np.testing.assert_array_equal(plain.categories, of_some.categories)
    np.testing.assert_array_equal(plain.told, of_some.told)
    for (columns, every), (_, some) in zip(kept.evidence, of_some.evidence, strict=True):
        assert set(some) == set(every)
        for name, test in some.items():
            expected = every[name].of(look_at[:, columns])
            for told, want in zip(test.at(np.s_[:]), expected.at(np.s_[:]), strict=True):
                np.testing.assert_array_equal(told, want, err_msg=name)
            np.testing.assert_array_equal(test.asked, expected.asked, err_msg=name)


def test_pixels_are_explained_alike_when_no_others_are_looked_at(small):
    request, random = flight_request(small.delivery), np.random.default_rng(5)
    categories = judge_maps(request, measure_maps(request)).categories
    y, x = (np.append(part, random.integers(0, 128, 200)) for part in np.nonzero(categories))
    order = random.permutation(y.size)
    every, some = (
        Explainer(request, categories, again=again).explain_all(y[order], x[order]) for again in (True, False)
    )
    assert set(some.tests) == set(every.tests)
    for name, test in some.tests.items():
        for told, want in zip(test, every.tests[name], strict=True):
            np.testing.assert_array_equal(told, want, err_msg=name)
    assert some.facts == every.facts


def test_each_test_of_the_search_has_a_question_and_the_other_way_round(judged):
    for _, evidence in judged[1].evidence:
        # Of the few unstable pixels the ramps are read again, and of those in patches the rates of integrations.
        assert set(evidence) == set(QUESTIONS) - {"telegraph", "steady_rate"}


def test_no_map_that_is_kept_was_changed_later(judged):
    """Each comparison, made again on what was kept, gives what the search found."""
    _, kept = judged
    for columns, tests in kept.evidence:
        passes = {name: test.passes(test.value, test.limit) & test.asked for name, test in tests.items()}
        unstable = (passes["falls"] | passes["noise"]) & ~(passes["below"] & passes["sinking"])
        np.testing.assert_array_equal(kept.unstable[:, columns], unstable)
        unknown = ~tests["differences"].passes(tests["differences"].value, tests["differences"].limit)
        unknown |= ~np.isfinite(tests["has_rate"].value)
        hot = (passes["detected"] & passes["hot"]) | (passes["full_early"] & unknown)
        np.testing.assert_array_equal(kept.maps["hot"][:, columns], hot)
        np.testing.assert_array_equal(kept.maps["warm"][:, columns], passes["detected"] & passes["warm"])
        saturated = passes["saturated"] & (passes["level"] | passes["stuck"])
        np.testing.assert_array_equal(kept.maps["saturated"][:, columns], saturated)
        np.testing.assert_array_equal(kept.maps["low_pedestal"][:, columns], passes["pedestal"])


def test_one_pixel_is_compared_as_the_map_was():
    value, limit = np.array([[1, np.nan], [3, 4]], np.float32), np.array([[2, 2], [3, 9]], np.float32)
    every = np.ones((2, 2), bool)
    for passes, bound in ((not_reaching, limit), (not_reaching, 3.0), (is_finite, None), (is_true, None)):
        test = Compared(value > 2 if passes is is_true else value, passes, bound, every)
        answers = np.array([[test.at((y, x))[2] for x in (0, 1)] for y in (0, 1)])
        np.testing.assert_array_equal(answers, passes(test.value, bound))
