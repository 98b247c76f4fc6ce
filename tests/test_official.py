"""The official search against jwst_reffiles itself, category map by category map."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import sigma_clip
from scipy.stats import sigmaclip

from darkmask.engines.reffiles import Triplet, search_reffiles
from darkmask.errors import SearchError
from darkmask.flags import Category, in_category, pixel_flags
from darkmask.search.official import OfficialInput, early_late_cutoffs, search_official
from darkmask.search.parameters import SearchParameters
from darkmask.simulate import SimulationSpec, Subarray, simulate_delivery

CATEGORIES = (Category.SATURATED, Category.RC, Category.LOW_PEDESTAL, Category.TELEGRAPH, Category.NOISY)
# Tighter and looser than the defaults, so that every threshold is seen to matter.
OTHER = SearchParameters(
    dark_stdev_clipping_sigma=3.0,
    dark_max_clipping_iters=2,
    dark_noisy_threshold=2.0,
    max_saturated_fraction=0.9,
    pedestal_sigma_threshold=3.0,
    rc_fraction_threshold=0.3,
    low_pedestal_fraction=0.2,
    high_cr_fraction=0.4,
)


def read_maps(triplets) -> tuple[OfficialInput, tuple[slice, slice], tuple[int, int]]:
    """The input of the search straight from the files, the science area, and the frame."""
    flags = pixel_flags()
    stacks = {item.name: [] for item in dataclasses.fields(OfficialInput) if item.name != "n_groups"}
    dq = np.atleast_3d(fits.getdata(triplets[-1].rate, "DQ").T).T[0]
    y, x = np.nonzero((dq & flags["REFERENCE_PIXEL"]) == 0)
    area = (slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1))
    for triplet in triplets:
        groupdq = fits.getdata(triplet.jump, "GROUPDQ")[(..., *area)]
        jump = (groupdq & flags["JUMP_DET"]) != 0
        early, late = early_late_cutoffs(jump.shape[1])
        rate = fits.getdata(triplet.rate, "SCI").astype(np.float32)
        stacks["rate"].append((rate if rate.ndim == 3 else rate[None])[(..., *area)])
        stacks["pedestal"].append(fits.getdata(triplet.fitopt, "PEDESTAL").astype(np.float32)[(..., *area)])
        stacks["saturated_first"].append((groupdq[:, 0] & flags["SATURATED"]) != 0)
        for name, part in (("jumps", jump), ("early_jumps", jump[:, :early]), ("late_jumps", jump[:, late:])):
            stacks[name].append(part.sum(axis=1).astype(np.int16))
    joined = {name: np.concatenate(parts) for name, parts in stacks.items()}
    return OfficialInput(**joined, n_groups=jump.shape[1]), area, dq.shape


def assert_same(triplets, parameters: SearchParameters, expected) -> None:
    """No pixel is named differently by the two searches, and the package found some of each expected category."""
    found = search_reffiles(triplets, parameters, detector="NRCB1", subarray="FULL")
    maps, area, shape = read_maps(triplets)
    ours = search_official(maps, parameters)
    assert found.categories.shape == shape, "the package's maps do not fill the frame"
    wrong, counts = {}, {}
    for category in CATEGORIES:
        whole = np.zeros(shape, dtype=bool)
        whole[area] = ours[category]
        theirs = in_category(found.categories, category)
        wrong[category.value], counts[category.value] = int((whole != theirs).sum()), int(theirs.sum())
    assert not any(wrong.values()), f"pixels that differ from jwst_reffiles: {wrong}, of {counts} found there"
    empty = [category.value for category in expected if counts[category.value] == 0]
    assert not empty, f"jwst_reffiles found no {', '.join(empty)} here, so the comparison proves nothing: {counts}"


def triplets_of(folder: Path, observation: str, rate: str) -> list[Triplet]:
    jumps = sorted(folder.glob(f"jw01062{observation}*_jump.fits"))
    kinds = ("jump", "fitopt", rate)
    return [Triplet(*(jump.with_name(jump.name.replace("_jump", f"_{kind}")) for kind in kinds)) for jump in jumps]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory):
    """Six exposures of 2 integrations: a 128x128 frame with reference pixels, and a 64x64 subarray without."""
    out = tmp_path_factory.mktemp("several") / "delivery"
    subarray = Subarray("NRCB1", "SUB64P", 33, 33, 64, 64)
    spec = SimulationSpec(seed=7, frame=128, detectors=("NRCB1",), subarrays=(subarray,), groups=12)
    simulate_delivery(out, spec, workers=1, progress=False)
    return out


@pytest.fixture(scope="module")
def single(delivery, tmp_path_factory):
    """The first integration of each full-frame exposure alone: a ``_rate`` of two dimensions and no ``_rateints``."""
    out = tmp_path_factory.mktemp("single")
    cuts = {"GROUPDQ": slice(1), "PEDESTAL": slice(1), "SCI": 0, "DQ": 0}
    for triplet in triplets_of(delivery, "001", "rateints"):
        for path, names in ((triplet.jump, ["GROUPDQ"]), (triplet.fitopt, ["PEDESTAL"]), (triplet.rate, ["SCI", "DQ"])):
            with fits.open(path) as hdus:
                cut = [fits.ImageHDU(hdus[name].data[cuts[name]], name=name) for name in names]
                target = out / path.name.replace("rateints", "rate")
                fits.HDUList([fits.PrimaryHDU(header=hdus[0].header), *cut]).writeto(target)
    return out


BY_DEFAULT = (Category.SATURATED, Category.LOW_PEDESTAL, Category.NOISY)


def test_frame_with_reference_pixels(delivery):
    assert_same(triplets_of(delivery, "001", "rateints"), SearchParameters(), BY_DEFAULT)


def test_subarray_without_reference_pixels(delivery):
    assert_same(triplets_of(delivery, "002", "rateints"), SearchParameters(), (Category.NOISY,))


def test_one_integration_with_rate(single):
    triplets = triplets_of(single, "001", "rate")
    assert fits.getdata(triplets[0].rate).ndim == 2
    assert_same(triplets, SearchParameters(), BY_DEFAULT)


# Pixels of the hand-made exposures, (y, x) in the science area: what is wrong with each in the first N of 10
# integrations. Ten integrations and fractions of 0.8 and 0.5 put N = 8 and 5 exactly on the thresholds.
EDGES = {
    "saturated": {(2, 2 * n): n for n in (4, 5, 8, 10)},
    "high_pedestal": {(4, 2 * n): n for n in (5, 7, 8, 9, 10)},
    "low_pedestal": {(6, 2 * n): n for n in (5, 7, 8, 9, 10)},
    "low_saturated": {(8, 2 * n): n for n in (8, 9, 10)},
    "nine_jumps": {(10, 2 * n): n for n in (8, 9, 10)},
    "ten_jumps": {(12, 2 * n): n for n in (7, 8, 9, 10)},
    "early_jumps": {(14, 2 * n): n for n in (7, 8, 9, 10)},
    "just_early": {(16, 2 * n): n for n in (8, 9, 10)},
    "one_jump": {(18, 2 * n): n for n in (4, 5, 6, 10)},
    "nan_rate": {(20, 2 * n): n for n in (1, 5, 6, 10)},
    "loud": {(22, 2 * n): n for n in (1, 2, 5, 10)},
}
# 18 groups: early are groups 0 to 3, late ones 13 to 17 (from int(13.5) on), so that 4 early jumps and 1 late one are
# a ratio of exactly 5. More than 8192 science pixels, where numpy begins to sum big-endian values in parts.
GROUPS, ROWS, COLUMNS = 18, 100, 96
LADDER_ROW, LAST_BIT_ROW = 50, 52
# A higher threshold of noise than of the clipping, so that the ladder's own pixels do not move the threshold.
LAST_BIT = SearchParameters(dark_noisy_threshold=8)


# Each ladder has a pixel for each of these steps, of one unit in the last place of float32.
STEPS = np.arange(-14, 15)


def add_ladders(rate: np.ndarray, pedestal: np.ndarray, groupdq: np.ndarray) -> None:
    """Add pixels in small steps from nominal to bad, and in the smallest steps across the default thresholds.

    Far outside of what survives the clipping, they do not move the thresholds they are placed on.
    """
    groupdq[:, :, LADDER_ROW : LAST_BIT_ROW + 1] = 0
    pedestal[:, LADDER_ROW] = 3 + np.linspace(8, 26, COLUMNS, dtype=np.float32)
    pedestal[:, LADDER_ROW + 1] = 3 - np.linspace(8, 26, COLUMNS, dtype=np.float32)
    alternating = np.resize([1, -1], (len(rate), 1))
    rate[:, LADDER_ROW] = 0.01 + alternating * np.linspace(0.001, 0.01, COLUMNS)
    high, low, loud = (slice(i * STEPS.size, (i + 1) * STEPS.size) for i in range(3))

    pedestal[:, LAST_BIT_ROW, high], pedestal[:, LAST_BIT_ROW, low] = 30, -30
    for image in pedestal:
        clipped = sigmaclip(image.astype(np.float64), 3, 3).clipped
        for part, sign in ((high, 1), (low, -1)):
            threshold = np.float32(clipped.mean() + sign * 5 * clipped.std())
            image[LAST_BIT_ROW, part] = threshold + STEPS * np.spacing(threshold)

    rate[:, LAST_BIT_ROW, loud] = 0.01 + 0.02 * alternating
    clean = (groupdq & pixel_flags()["JUMP_DET"]).sum(axis=1) == 0
    slopes = np.where(clean, rate.astype(np.float64), np.nan)
    known = (clean.sum(axis=0) >= 5) & np.isfinite(slopes).any(axis=0)
    survivors = sigma_clip(np.nanstd(slopes[:, known], axis=0), sigma=5, maxiters=5, masked=False)
    cut = np.float32(survivors.mean() + LAST_BIT.dark_noisy_threshold * survivors.std())
    # Around 0, so that one unit in the last place of a slope is one of the standard deviation.
    rate[:, LAST_BIT_ROW, loud] = alternating * (cut + STEPS * np.spacing(cut))


def make_edges(folder: Path, border: int, nan_pedestal: bool = False) -> list[Triplet]:
    """Five exposures of 2 integrations of 100x96 science pixels with every case at its threshold."""
    flags = pixel_flags()
    rng = np.random.default_rng(5)
    rate = rng.normal(0.01, 0.002, (10, ROWS, COLUMNS)).astype(np.float32)
    pedestal = rng.normal(3.0, 4.0, rate.shape).astype(np.float32)
    groupdq = np.zeros((10, GROUPS, ROWS, COLUMNS), dtype=np.uint8)
    # Cosmic rays, below the rows of the cases.
    hits = [rng.integers(low, high, 300) for low, high in ((0, 10), (1, GROUPS), (60, ROWS), (0, COLUMNS))]
    groupdq[tuple(hits)] = flags["JUMP_DET"]
    jump_groups = {
        "nine_jumps": slice(4, 13),
        "ten_jumps": [*range(4, 13), 17],
        "early_jumps": slice(10),
        "just_early": [*range(8), 13, 17],  # (4 / 4) / (2 / 5) = 2.5
        "one_jump": slice(7, 8),
    }
    levels = {"saturated": 0, "low_pedestal": -200, "low_saturated": -200, "high_pedestal": 200}
    for kind, pixels in EDGES.items():
        for (y, x), n in pixels.items():
            if kind in jump_groups:
                groupdq[:n, jump_groups[kind], y, x] = flags["JUMP_DET"]
            if kind in levels:
                pedestal[:n, y, x] = levels[kind]
            if kind in ("saturated", "low_saturated"):
                groupdq[:n, slice(None) if kind == "saturated" else 0, y, x] = flags["SATURATED"]
            if kind in ("saturated", "nan_rate"):
                rate[:n, y, x] = np.nan
            if kind == "loud":
                rate[:n, y, x] += np.resize([0.05, -0.05], n)
    # A ratio of exactly 5; in the second pixel the group before the late ones jumps, which would make it 3.
    groupdq[:, [*range(9), 17], 24, 4] = flags["JUMP_DET"]
    groupdq[:, [*range(4), *range(8, 13), 17], 26, 4] = flags["JUMP_DET"]
    add_ladders(rate, pedestal, groupdq)
    if nan_pedestal:
        pedestal[3, 30, 30] = np.nan

    def framed(array, fill):
        width = [(0, 0)] * (array.ndim - 2) + [(border, border), (border + 1, border)] if border else 0
        return np.pad(array, width, constant_values=fill)

    dq = framed(np.zeros(rate.shape, dtype=np.uint32), flags["REFERENCE_PIXEL"])
    primary = {"INSTRUME": "NIRCAM", "DETECTOR": "NRCB1", "FASTAXIS": 1, "SLOWAXIS": -2}
    triplets = []
    for i in range(5):
        part = slice(2 * i, 2 * i + 2)
        images = {
            "jump": {"GROUPDQ": framed(groupdq, 0)[part]},
            "fitopt": {"PEDESTAL": framed(pedestal, 0)[part]},
            "rateints": {"SCI": framed(rate, np.nan)[part], "DQ": dq[part]},
        }
        for kind, planes in images.items():
            hdus = [fits.PrimaryHDU(header=fits.Header(primary))]
            hdus += [fits.ImageHDU(data, name=name) for name, data in planes.items()]
            fits.HDUList(hdus).writeto(folder / f"dark{i}_{kind}.fits")
        triplets.append(Triplet(*(folder / f"dark{i}_{kind}.fits" for kind in images)))
    return triplets


def test_other_parameters(tmp_path):
    assert_same(make_edges(tmp_path, 0), OTHER, CATEGORIES)


def test_one_missing_pedestal_voids_its_integration(tmp_path):
    """9 of 10 integrations are then left, and a pixel that was high in 9 is high in 8, which is not enough."""
    triplets = make_edges(tmp_path, 4, nan_pedestal=True)
    assert_same(triplets, LAST_BIT, CATEGORIES)
    maps, _, _ = read_maps(triplets)
    found = search_official(maps, LAST_BIT)
    assert [bool(found[Category.RC][4, 2 * n]) for n in (8, 9, 10)] == [False, False, True]
    for category in (Category.RC, Category.LOW_PEDESTAL, Category.NOISY):
        assert 0 < found[category][LAST_BIT_ROW].sum() < STEPS.size, (
            f"the ladder of {category} does not cross its threshold"
        )


def test_pixels_at_every_threshold_by_hand(tmp_path):
    """Each definition by itself, without the package: at 8 of 10 nothing is more than 0.8."""
    maps, _, _ = read_maps(make_edges(tmp_path, 0))
    found = search_official(maps, SearchParameters())

    def flagged(kind, category):
        return {n for (y, x), n in EDGES[kind].items() if found[category][y, x]}

    assert flagged("saturated", Category.SATURATED) == {5, 8, 10}
    assert flagged("low_saturated", Category.SATURATED) == set()
    assert flagged("high_pedestal", Category.RC) == {9, 10}
    assert flagged("early_jumps", Category.RC) == {9, 10}
    assert flagged("just_early", Category.RC) == set()
    assert flagged("just_early", Category.TELEGRAPH) == {9, 10}
    assert found[Category.RC][24, 4]
    assert found[Category.RC][26, 4]
    assert flagged("low_pedestal", Category.LOW_PEDESTAL) == {9, 10}
    assert flagged("low_saturated", Category.LOW_PEDESTAL) == set()
    assert flagged("nine_jumps", Category.TELEGRAPH) == set()
    assert flagged("ten_jumps", Category.TELEGRAPH) == {9, 10}
    assert flagged("one_jump", Category.NOISY) == {6, 10}
    assert flagged("nan_rate", Category.NOISY) == {10}
    assert flagged("loud", Category.NOISY) == {1, 2, 5, 10}


def test_early_and_late_groups():
    assert [early_late_cutoffs(n) for n in (20, 42, 108, 3)] == [(5, 15), (10, 31), (27, 81), (0, 2)]


@pytest.mark.parametrize(
    ("integrations", "jumps_in_one", "words"),
    [
        (4, 0, r"needs 5 jump-free slopes .* has 4 integrations: add exposures"),
        (5, 1, r"No pixel has 5 jump-free slopes in 5 integrations"),
    ],
)
def test_too_little_to_judge_noise(integrations, jumps_in_one, words):
    maps = np.zeros((integrations, 6, 6), dtype=np.float32)
    jumps = np.zeros(maps.shape, dtype=np.int16)
    jumps[0] = jumps_in_one
    with pytest.raises(SearchError, match=words):
        search_official(OfficialInput(maps, maps, maps > 0, jumps, jumps, jumps, 20), SearchParameters())


def test_ramps_too_short_for_early_groups():
    maps = np.ones((5, 6, 6), dtype=np.float32)
    jumps = np.zeros(maps.shape, dtype=np.int16)
    with np.errstate(all="raise"):
        found = search_official(OfficialInput(maps, maps, maps > 1, jumps, jumps, jumps, 3), SearchParameters())
    assert not any(where.any() for where in found.values())
