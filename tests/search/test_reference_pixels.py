"""The search of reference pixels, on maps of which every bad pixel is known."""

import numpy as np
import pytest

from darkmask.core.detectors import Geometry
from darkmask.core.reference_border import SIDE_ROWS, poorest_reference, reference_kinds
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.parameters import SearchParameters
from darkmask.search.reference_pixels import search_reference_pixels

GEOMETRY = Geometry(64)
BORDER = GEOMETRY.reference_pixels()


def drawn(integrations: int = 10, groups: int = 20, sigma: float = 7.0, seed: int = 1) -> dict:
    """Return maps of good pixels, as white noise gives them."""
    rng = np.random.default_rng(seed)
    shape = (integrations, groups - 1, *BORDER.shape)
    steps = rng.normal(0, sigma, shape)
    maps = {
        name: np.zeros(BORDER.shape, np.float32)
        for name in ("rate", "weight", "rate_scatter", "pedestal", "first", "change", "shape", "shape_scatter")
    }
    maps |= {
        name: np.zeros(BORDER.shape, np.int32)
        for name in ("finite", "saturated_first", "saturated_last", "jumps", "falls")
    }
    maps["noise"] = np.sqrt(steps.var(axis=1, ddof=1).mean(axis=0))
    maps["scatter"] = np.median(steps.std(axis=1, ddof=1), axis=0)
    maps["differences"] = np.full(BORDER.shape, integrations * (groups - 1))
    maps["agreement"] = np.zeros(BORDER.shape[1], np.float32)
    return maps | {"integrations": integrations, "groups": groups, "read_variance": sigma**2 / 2}


def search(maps: dict, wandering: tuple[int, ...] = (), **parameters):
    amplifiers, chosen = GEOMETRY.amplifier_columns(), SearchParameters(**parameters)
    return search_reference_pixels(CombinedMaps(**maps), GEOMETRY, amplifiers, chosen, wandering)


def pixels(where: np.ndarray) -> list:
    return np.argwhere(where).tolist()


@pytest.mark.parametrize(("integrations", "groups"), [(3, 5), (3, 20), (10, 20), (10, 108)])
def test_good_pixels_are_good_however_short_the_set(integrations, groups):
    for seed in range(5):
        found = search(drawn(integrations, groups, seed=seed))
        assert not found.bad.any()
        assert (found.judged == BORDER).all()


def test_each_kind_of_bad_pixel_is_found_and_no_science_pixel():
    maps = drawn()
    maps["noise"][2, 20] *= 2.0
    maps["scatter"][61, 30] *= 3.0
    maps["falls"][30, 1] = 2
    maps["noise"][40, 62] = 0.0
    for y, x in ((50, 0), (51, 0), (52, 0)):
        maps["saturated_first"][y, x], maps["differences"][y, x] = 10, 0
    # One that stands still, one that is far off, and a neighbour of a saturated pixel.
    maps["scatter"][50, 0], maps["first"][51, 0] = 0.5, 50_000
    maps["noise"][30, 30], maps["falls"][31, 31], maps["noise"][32, 32] = 100.0, 5, 0.0
    found = search(maps)
    assert pixels(found.noisy) == [[2, 20]]
    assert pixels(found.switching) == [[30, 1], [61, 30]]
    assert pixels(found.stuck) == [[40, 62], [50, 0], [51, 0]]
    assert found.counts() == {"judged": int(BORDER.sum()) - 1, "noisy": 1, "switching": 2, "stuck": 3}


def test_a_whole_stuck_side_is_found_though_none_of_it_stands_out():
    maps = drawn()
    maps["noise"][:, -4:] = 0.0
    assert (search(maps).stuck == (np.arange(64) >= 60)).all()


def test_an_amplifier_that_is_noisier_is_judged_by_its_own():
    maps = drawn()
    for name in ("noise", "scatter"):
        maps[name][:, 16:32] *= 2
    maps["noise"][1, 20] *= 2.0
    assert pixels(search(maps).bad) == [[1, 20]]


def test_columns_of_one_parity_may_be_noisier():
    maps = drawn()
    maps["noise"][:, ::2] *= 1.8
    assert not search(maps).bad.any()


def test_what_has_too_few_differences_is_not_judged():
    maps = drawn()
    maps["differences"][1, 1], maps["noise"][1, 1] = 3, 100.0
    found = search(maps)
    assert not found.bad.any()
    assert pixels(BORDER & ~found.judged) == [[1, 1]]


def test_the_limit_is_a_parameter():
    maps = drawn()
    maps["noise"][2, 20] = 2.0 * np.median(maps["noise"])
    assert search(maps, reference_noise=1.5).noisy[2, 20]
    assert not search(maps, reference_noise=2.5).noisy[2, 20]


def test_kinds_cover_the_border_once():
    kinds = reference_kinds(GEOMETRY)
    assert ((kinds.label >= 0) == BORDER).all()
    assert len(kinds.names) == 2 * 4 * 2 + 2 * 2
    assert kinds.names[kinds.label[0, 17]] == "bottom of amplifier 2, odd columns"
    assert kinds.names[kinds.label[63, 48]] == "top of amplifier 4, even columns"
    assert kinds.names[kinds.label[30, 61]] == "right side, odd columns"


def test_the_poorest_mean_is_named():
    bad = np.zeros(BORDER.shape, bool)
    assert poorest_reference(bad, GEOMETRY)[0] == 1
    bad[:2, 16:32:2] = True
    assert poorest_reference(bad, GEOMETRY) == (0.5, "bottom of amplifier 2, even columns")
    bad[20 : 20 + SIDE_ROWS, :4] = True
    assert poorest_reference(bad, GEOMETRY) == (0, "left side, rows 20 to 30")
    assert poorest_reference(bad, Geometry(64, 0)) == (1.0, "all")


def test_the_reference_pixels_of_a_column_that_wanders_are_bad_by_themselves_alone():
    """What the column does is one finding, and adds as much to its reference pixels as to the others."""
    maps = drawn()
    for name in ("noise", "scatter"):
        maps[name][:, 20] *= 2.5
    maps["falls"][:, 20] = 3
    assert search(maps).bad[:4, 20].all()
    assert not search(maps, (20,)).bad.any()
    maps["noise"][1, 20] *= 2.0
    maps["scatter"][2, 20] *= 3.0
    maps["falls"][61, 20] = 12
    maps["noise"][62, 20] = 0.0
    found = search(maps, (20,))
    assert pixels(found.noisy) == [[1, 20]]
    assert pixels(found.switching) == [[2, 20], [61, 20]]
    assert pixels(found.stuck) == [[62, 20]]
