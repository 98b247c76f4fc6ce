"""What the viewer is given says of every pixel what the arrays said."""

import base64
import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from darkmask.build.detector import build_cached
from darkmask.build.examples import Examples
from darkmask.build.request import BuildRequest
from darkmask.core.detectors import Geometry
from darkmask.core.flags import Category
from darkmask.delivery import scan
from darkmask.reports.pictures import Layer, Outline, comparison_map, noise_histogram, ramp_gallery, sheet
from darkmask.reports.pictures.layers import NO_RATE, levels_png, rate_levels
from darkmask.search.parameters import SearchParameters

RATES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.floats(-1e4, 1e4, width=32) | st.sampled_from([np.nan, np.inf, -np.inf]),
)


def decoded(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


@given(RATES)
def test_a_level_tells_between_which_values_a_rate_lies(rate):
    levels, edges = rate_levels(rate, np.ones(rate.shape, dtype=bool))
    assert (levels[~np.isfinite(rate)] == NO_RATE).all()
    bounds = np.array([-np.inf, *edges, np.inf])
    finite = np.isfinite(rate)
    assert (bounds[levels[finite] - 1] <= rate[finite]).all()
    assert (rate[finite] < bounds[levels[finite]]).all()
    assert edges == sorted(set(edges))


@given(hnp.arrays(np.uint8, (5, 7), elements=st.integers(0, 15)))
def test_levels_come_back_from_the_image(levels):
    grey = np.asarray(Image.open(io.BytesIO(levels_png(levels))).convert("L")).astype(int)
    assert ((255 - grey) // 17 == levels).all()


@given(hnp.arrays(np.uint32, (6, 5), elements=st.integers(0, 2**24 - 1)), st.integers(1, 24))
def test_layers_come_back_from_the_image(bits, number):
    layers = [Layer(f"layer {n}", "#000000", (bits >> n) & 1 == 1) for n in range(number)]
    made = sheet(None, bits == 0, [("first", layers[:3]), ("second", layers[3:])], [Outline("S", 1, 2, 3, 4)])
    image = decoded(made["layers"]["png"]).astype(np.uint32)
    found = image[..., 0] | image[..., 1] << 8 | image[..., 2] << 16
    assert (found == bits & np.uint32((1 << number) - 1)).all()
    told = [layer for group in made["groups"] for layer in group["layers"]]
    assert [layer["count"] for layer in told] == [int(layer.pixels.sum()) for layer in layers]
    assert [layer["bit"] for layer in told] == list(range(number))
    assert made["outlines"] == [{"name": "S", "x": 1, "y": 2, "width": 3, "height": 4}]
    assert made["rate"] is None


def test_more_layers_than_bits_are_refused():
    layers = [Layer(str(n), "#000000", np.ones((2, 2), dtype=bool)) for n in range(25)]
    with pytest.raises(ValueError, match="25 layers do not fit into 24 bits"):
        sheet(None, np.ones((2, 2), dtype=bool), [("all", layers)])


def test_noise_takes_few_bytes():
    """Ten full frames have to fit into a report of 30 MB, as text of base64."""
    rate = np.random.default_rng(3).normal(0.002, 0.003, (1024, 1024)).astype(np.float32)
    made = sheet(rate, np.ones(rate.shape, dtype=bool), [])
    assert len(made["rate"]["png"]) * 4 * 10 < 16e6


def some_examples(ramp: np.ndarray, groupdq: np.ndarray) -> Examples:
    places = np.arange(len(ramp), dtype=np.int32)
    return Examples(np.array(["hot"] * len(ramp)), places, places, ramp, groupdq)


def test_pictures_are_drawn_the_same_each_time_and_show_what_differs():
    where = np.zeros((32, 32), dtype=bool)
    where[3, 4] = where[20, 9] = True
    moved = np.roll(where, 1, axis=0)
    ramp, flags = np.arange(20, dtype=np.float32).reshape(2, 10), np.zeros((2, 10), dtype=np.uint8)
    jumps, saturated = flags.copy(), flags.copy()
    jumps[0, 4], saturated[0, 4] = 4, 2
    noise = np.full((32, 32), 7.0, dtype=np.float32)
    noise[3, 4] = np.nan
    groups = [
        [comparison_map(where, other, ("a", "b"), "t $") for other in (where, moved, where)],
        [ramp_gallery(some_examples(ramp, dq), "t $") for dq in (flags, jumps, flags)],
        [ramp_gallery(some_examples(ramp, dq), "t $") for dq in (flags, saturated, flags)],
        [noise_histogram(noise, other, "t $") for other in (where, ~where, where)],
    ]
    for first, other, again in groups:
        assert first == again
        assert first != other


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_pictures_of_values_that_say_nothing(value):
    ramp = np.full((1, 5), value, dtype=np.float32)
    assert ramp_gallery(some_examples(ramp, np.zeros((1, 5), np.uint8)), "t").startswith(b"\x89PNG")
    nothing = some_examples(ramp[:0], np.zeros((0, 5), np.uint8))
    assert ramp_gallery(nothing, "t").startswith(b"\x89PNG")
    flat = np.full((4, 4), value, dtype=np.float32)
    assert noise_histogram(flat, flat == 1, "t").startswith(b"\x89PNG")


def test_examples_are_ramps_of_the_files(small):
    request = BuildRequest(
        index=scan(small.delivery),
        detector="NRCA1",
        subarrays=(),
        engine="native",
        preset="flight",
        parameters=SearchParameters(),
        geometry=Geometry(128, 4),
    )
    built = build_cached(request)
    found, examples = built.set("FULL").categories, built.examples("FULL")
    (first,) = small.delivery.glob("*_00001_nrca1_jump.fits")
    with fits.open(first) as hdus:
        sci, groupdq = np.array(hdus["SCI"].data), np.array(hdus["GROUPDQ"].data)
    for number, name in enumerate(examples.category):
        y, x = examples.y[number], examples.x[number]
        assert found[y, x] & Category(name).bit
        (same,) = np.nonzero((sci[:, :, y, x] == examples.ramp[number]).all(axis=1))
        assert same.size
        assert (groupdq[same[0], :, y, x] == examples.groupdq[number]).all()
        assert (groupdq[:, :, y, x] & 4).sum(axis=1).max() == (4 * ((examples.groupdq[number] & 4) != 0)).sum()
    for category in Category:
        there = int(((found & category.bit) != 0).sum())
        assert (examples.category == category.value).sum() == min(there, 4)
    hot = examples.category == "hot"
    rates = built.set("FULL").rate[examples.y[hot], examples.x[hot]]
    assert rates.tolist() == sorted(rates, reverse=True)
