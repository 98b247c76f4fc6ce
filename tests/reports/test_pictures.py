"""Pictures are whole, small, the same every time, and show every category."""

import io

import numpy as np
import pytest

from darkmask.core.categories import Category
from darkmask.core.palette import COLOURS, STYLES
from darkmask.reports.pictures import mask_map, rate_histogram

Image = pytest.importorskip("PIL.Image")

THRESHOLDS = {"hot_rate_e_per_s": 0.275, "warm_rate_e_per_s": 0.05}


def a_search(side: int, fraction: float = 0.0005):
    random = np.random.default_rng(1)
    rate = random.normal(0.002, 0.004, (side, side)).astype(np.float32)
    categories = np.zeros((side, side), dtype=np.uint16)
    for category in Category:
        y, x = random.integers(0, side, (2, int(fraction * side**2)))
        categories[y, x] |= np.uint16(category.bit)
    rate[(categories & Category.HOT.bit) != 0] = 5.0
    rate[(categories & Category.SATURATED.bit) != 0] = np.nan
    return categories, rate


def pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    assert not image.info.keys() & {"Software", "Creation Time"}
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("side", "largest"), [(256, 150_000), pytest.param(2048, 400_000, marks=pytest.mark.slow)])
def test_mask_map_is_small_and_reproducible(side, largest):
    categories, rate = a_search(side)
    png = mask_map(categories, rate, "NRCA1: $bad pixels")
    assert len(png) <= largest
    assert png == mask_map(categories, rate, "NRCA1: $bad pixels")


@pytest.mark.parametrize("category", Category)
def test_one_pixel_of_a_category_can_be_seen(category):
    categories = np.zeros((256, 256), dtype=np.uint16)
    nothing = pixels(mask_map(categories, None, "one pixel"))
    categories[100, 60] = category.bit
    image = pixels(mask_map(categories, None, "one pixel"))
    # Only the part left of the legend counts, because the legend's count has changed as well.
    changed = (image != nothing).any(axis=2)[:, :600]
    assert 9 <= changed.sum() <= 200
    rows, columns = np.nonzero(changed)
    assert max(np.ptp(rows), np.ptp(columns)) < 20
    colour = np.array([int(COLOURS[STYLES[category][0]][i : i + 2], 16) for i in (1, 3, 5)])
    assert (image[rows, columns] == colour).all(axis=1).any()


def test_every_category_has_its_own_look():
    assert set(STYLES) == set(Category)
    assert len(set(STYLES.values())) == len(STYLES)


@pytest.mark.parametrize("rate", [None, np.full((64, 64), np.nan, np.float32), np.zeros((64, 64), np.float32)])
def test_mask_map_without_rates_to_show(rate):
    assert pixels(mask_map(np.full((64, 64), 2, np.uint16), rate, "all bad")).size


def test_subarray_that_is_no_square():
    categories, rate = a_search(64)
    assert pixels(mask_map(categories[:, :40], rate[:, :40], "64 rows, 40 columns")).size


@pytest.mark.parametrize(
    "rate",
    [
        np.random.default_rng(2).normal(0.002, 0.004, 5000).astype(np.float32),
        np.array([], np.float32),
        np.full(10, np.nan, np.float32),
        np.zeros((8, 8), np.float32),
        np.array([-1e6, 0.001, 1e6], np.float32),
        np.array([np.inf, 0.5], np.float32),
    ],
    ids=["dark", "empty", "no rate", "constant", "wide", "infinite"],
)
@pytest.mark.parametrize("thresholds", [THRESHOLDS, {}, {"hot": float("nan"), "limit": -0.1}])
def test_histogram_of_anything(rate, thresholds):
    assert pixels(rate_histogram(rate, thresholds, "rates")).size


def test_histogram_marks_its_thresholds():
    rate = np.random.default_rng(2).normal(0.002, 0.004, 5000).astype(np.float32)
    plain, marked = (pixels(rate_histogram(rate, t, "rates")) for t in ({}, {"hot_rate_e_per_s": 0.01}))
    vermilion = np.array([0xD5, 0x5E, 0x00])
    assert not (plain == vermilion).all(axis=2).any()
    assert (marked == vermilion).all(axis=2).any(axis=1).sum() > 200
