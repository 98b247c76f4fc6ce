"""A subarray against its full frame: what is simulated in both, what differs by chance, and what does not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darkmask.build.cached import build_cached
from darkmask.build.differences import Part, difference_of
from darkmask.build.request import BuildRequest
from darkmask.build.subarrays import (
    Evidence,
    compare_sets,
    count_once,
    evidence_of,
    visible_in,
    window_of,
)
from darkmask.core.detectors import Geometry
from darkmask.core.statistics import surprise
from darkmask.delivery import scan
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.simulate import read_truth

SHAPE = (6, 7)


def an_evidence(bad, **changes) -> Evidence:
    nothing = np.zeros(SHAPE, dtype=np.float32)
    made = Evidence(
        bad=bad, named=bad, bright=bad, telegraph=np.zeros(SHAPE, dtype=bool), rate=nothing + 1, spread=nothing,
        switches=nothing, limit=0.1, error=0.01, noise=8.0, noise_limit=2.0, tgroup=10.0, seconds=1000.0,
    )  # fmt: skip
    return replace(made, **changes)


sets_of_pixels = hnp.arrays(bool, SHAPE)


@given(sets_of_pixels, sets_of_pixels, st.floats(0.001, 10), st.floats(0.001, 10))
def test_every_bad_pixel_is_of_one_part_and_the_sets_can_be_exchanged(one, other, limit, rate):
    first = an_evidence(one, limit=limit, rate=np.full(SHAPE, rate, np.float32))
    second = an_evidence(other, limit=limit, rate=np.full(SHAPE, rate, np.float32))
    parts = compare_sets(first, second)
    assert ((parts != 0) == (one | other)).all()
    assert ((parts == Part.BOTH) == (one & other)).all()
    exchanged = compare_sets(second, first)
    assert ((parts == Part.ADDITIONAL) == (exchanged == Part.MISSING)).all()
    assert ((parts == Part.MISSING) == (exchanged == Part.ADDITIONAL)).all()
    inside = parts[1:-1, 1:-1]
    assert not (inside == Part.EDGE).any()
    assert np.isin(inside, (Part.ADDITIONAL, Part.MISSING)).any() <= (rate > limit)


@given(sets_of_pixels, sets_of_pixels, sets_of_pixels)
def test_pixels_of_overlapping_subarrays_are_counted_once(first, second, third):
    counted, telling = np.zeros(SHAPE, dtype=np.uint8), 0
    for pixels in (first, second, third):
        parts = np.where(pixels, np.uint8(Part.ADDITIONAL), np.uint8(0))
        count_once(parts, counted)
        assert ((parts != 0) == pixels).all()
        telling += int((parts == Part.ADDITIONAL).sum())
    assert telling == (first | second | third).sum()


def test_a_pixel_that_switches_too_seldom_or_too_little_for_the_other_set_is_explained():
    one = np.zeros(SHAPE, dtype=bool)
    one[3, 3] = True
    spread, switches = np.full(SHAPE, 100.0, np.float32), np.full(SHAPE, 0.01, np.float32)
    noisy = an_evidence(one, bright=~one & one, spread=spread, switches=switches)
    other = an_evidence(~one & one)
    assert visible_in(noisy, other)[3, 3]
    assert not visible_in(noisy, replace(other, noise_limit=3.0))[3, 3]
    # Noise is in every difference; a telegraph pixel has to switch, and does so less often in a shorter group.
    brief = replace(other, tgroup=0.05, seconds=10.0)
    assert visible_in(noisy, brief)[3, 3]
    telegraph = replace(noisy, telegraph=one)
    assert visible_in(telegraph, other)[3, 3]
    assert not visible_in(telegraph, replace(other, seconds=10.0))[3, 3]
    assert not visible_in(telegraph, replace(other, tgroup=0.05))[3, 3]


@given(st.integers(0, 60), st.floats(0.01, 20))
def test_chance_alone_seldom_surprises(both, false_alarms):
    """Poisson numbers with the expected mean exceed 3 sigma no more often than a Gaussian does."""
    expected = false_alarms + 0.02 * both
    numbers = np.random.default_rng(both).poisson(expected, 4000)
    parts = np.zeros((2000, 1), dtype=np.uint8)
    parts[:both] = Part.BOTH
    sigma = {}
    for number in np.unique(numbers):
        some = parts.copy()
        some[both : both + number] = Part.ADDITIONAL
        sigma[number] = difference_of(some, false_alarms).additional_sigma
    beyond = np.mean([sigma[number] > 3 for number in numbers])
    assert beyond <= 0.00135 + 4 * np.sqrt(0.00135 / 4000)


def test_what_cannot_be_chance_surprises():
    parts = np.zeros((64, 64), dtype=np.uint8)
    parts.flat[:10] = Part.BOTH
    parts.flat[10:14] = Part.MISSING
    told = difference_of(parts, 0.02)
    assert (told.both, told.missing, told.additional) == (10, 4, 0)
    assert told.missing_sigma > 3
    assert told.additional_sigma == 0
    parts.flat[20:25] = Part.ADDITIONAL
    assert difference_of(parts, 0.02).additional_sigma > 3
    assert np.isfinite(surprise(0.0))


@pytest.fixture(scope="module")
def request_of_small(small) -> BuildRequest:
    return BuildRequest(
        index=scan(small.delivery),
        detector="NRCBLONG",
        subarrays=("SUB64P",),
        engine="native",
        search="flight",
        parameters=SearchParameters(),
        geometry=Geometry(128, 4),
    )


def test_sets_that_were_simulated_alike_differ_by_what_one_cannot_see(request_of_small, small):
    built = build_cached(request_of_small)
    parts, told = built.difference("SUB64P"), built.summary["sets"]["SUB64P"]["difference"]
    assert told["both"] >= 20
    assert told["faint"] >= 5
    assert told["additional"] == told["missing"] == 0
    truth = read_truth(small.truth, "NRCBLONG")
    simulated = np.zeros((128, 128), dtype=bool)
    simulated[truth["y"], truth["x"]] = True
    assert simulated[32:96, 32:96][np.isin(parts, (Part.BOTH, Part.FAINT))].mean() > 0.97


def test_a_pixel_list_holds_every_part(request_of_small):
    from astropy.table import Table

    built = build_cached(request_of_small)
    table = Table.read(built.folder / "SUB64P_difference.ecsv", format="ascii.ecsv")
    parts = built.difference("SUB64P")
    assert len(table) == (parts != 0).sum()
    for row in table:
        assert Part[row["part"].upper()] == parts[row["y_subarray"], row["x_subarray"]]
        assert (row["x"] - row["x_subarray"], row["y"] - row["y_subarray"]) == (32, 32)
    seen = table[table["part"] == "both"]
    assert all(seen["categories_full"] != "")
    assert all(seen["categories_subarray"] != "")
    assert str(table["rate_full"].unit) == "electron / s"


def test_evidence_of_a_window_is_a_cut_of_that_of_the_frame(request_of_small):
    full, part = (request_of_small.set_request(name) for name in ("FULL", "SUB64P"))
    outcome = search_set(full)
    window = window_of(full, part)
    assert window == (33, 33, 64, 64)
    whole, cut = evidence_of(full, outcome), evidence_of(full, outcome, window)
    for name, value in vars(cut).items():
        expected = getattr(whole, name)
        np.testing.assert_array_equal(value, window.cut(expected) if isinstance(value, np.ndarray) else expected)
