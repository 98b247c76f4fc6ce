"""The official search against jwst_reffiles itself, category map by category map."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import sigma_clip
from scipy.stats import sigmaclip

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry
from darkmask.core.errors import DeliveryError, SearchError
from darkmask.core.flags import pixel_flags
from darkmask.core.window import Window
from darkmask.delivery import Exposure
from darkmask.delivery.headers import read_record
from darkmask.search.engines import SetRequest
from darkmask.search.official.categories import pedestal_limits
from darkmask.search.official.reading import official_categories
from darkmask.search.parameters import SearchParameters
from darkmask.search.reffiles.darks import Triplet, search_reffiles
from darkmask.simulate import SimulationSpec, Subarray, simulate_delivery

CATEGORIES = (Category.SATURATED, Category.RC, Category.LOW_PEDESTAL, Category.TELEGRAPH, Category.NOISY)
# Some thresholds are tighter and some looser than the defaults, so that every threshold is seen to matter.
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


def request_of(triplets, parameters: SearchParameters) -> SetRequest:
    folder = triplets[0].jump.parent
    exposures = tuple(
        Exposure(*(read_record(path, folder) for path in (triplet.jump, triplet.fitopt, triplet.rate)))
        for triplet in triplets
    )
    return SetRequest(exposures, folder, "native", "official", parameters, Geometry(128))


def assert_same(triplets, parameters: SearchParameters, expected) -> np.ndarray:
    """Assert that both searches name every pixel alike, and that the package found some of each expected category."""
    found = search_reffiles(triplets, parameters, detector="NRCB1", subarray="FULL")
    ours = official_categories(request_of(triplets, parameters))
    assert found.categories.shape == ours.shape, "the package's maps do not fill the frame"
    wrong, counts = {}, {}
    for category in CATEGORIES:
        theirs = in_category(found.categories, category)
        wrong[category.value] = int((in_category(ours, category) != theirs).sum())
        counts[category.value] = int(theirs.sum())
    assert not any(wrong.values()), f"pixels that differ from jwst_reffiles: {wrong}, of {counts} found there"
    assert np.array_equal(ours, found.categories), "the searches differ in a category that neither should name"
    empty = [category.value for category in expected if counts[category.value] == 0]
    assert not empty, f"jwst_reffiles found no {', '.join(empty)} here, so the comparison proves nothing: {counts}"
    return ours


def triplets_of(folder: Path, observation: str, rate: str) -> list[Triplet]:
    jumps = sorted(folder.glob(f"jw01062{observation}*_jump.fits"))
    kinds = ("jump", "fitopt", rate)
    return [Triplet(*(jump.with_name(jump.name.replace("_jump", f"_{kind}")) for kind in kinds)) for jump in jumps]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory):
    """Make six exposures of 2 integrations: a 128x128 frame with reference pixels, and a 64x64 subarray without."""
    out = tmp_path_factory.mktemp("several") / "delivery"
    subarray = Subarray("NRCB1", "SUB64P", Window(33, 33, 64, 64))
    spec = SimulationSpec(seed=7, frame=128, detectors=("NRCB1",), subarrays=(subarray,), groups=12)
    simulate_delivery(out, spec, workers=1, progress=False)
    return out


@pytest.fixture(scope="module")
def single(delivery, tmp_path_factory):
    """Cut the first integration out of each full-frame exposure: a ``_rate`` of two dimensions and no ``_rateints``."""
    out = tmp_path_factory.mktemp("single")
    cuts = {
        "jump": {"SCI": slice(1), "PIXELDQ": slice(None), "GROUPDQ": slice(1)},
        "fitopt": {"PEDESTAL": slice(1)},
        "rate": {"SCI": 0, "DQ": 0},
    }
    for triplet in triplets_of(delivery, "001", "rateints"):
        for kind, parts in cuts.items():
            path = getattr(triplet, kind)
            with fits.open(path) as hdus:
                cut = [fits.ImageHDU(hdus[name].data[part], name=name) for name, part in parts.items()]
                target = out / path.name.replace("rateints", "rate")
                fits.HDUList([fits.PrimaryHDU(header=hdus[0].header), *cut]).writeto(target)
    return out


BY_DEFAULT = (Category.SATURATED, Category.LOW_PEDESTAL, Category.NOISY)


def test_frame_with_reference_pixels(delivery):
    assert_same(triplets_of(delivery, "001", "rateints"), SearchParameters(), BY_DEFAULT)


@pytest.mark.slow
def test_subarray_without_reference_pixels(delivery):
    assert_same(triplets_of(delivery, "002", "rateints"), SearchParameters(), (Category.NOISY,))


@pytest.mark.slow
def test_one_integration_with_rate(single):
    triplets = triplets_of(single, "001", "rate")
    assert fits.getdata(triplets[0].rate).ndim == 2
    assert_same(triplets, SearchParameters(), BY_DEFAULT)


# Pixels of the hand-made exposures, (y, x) in the science area, and what is wrong with each in the first N of 10
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
# Of 18 groups, 0 to 3 are early and 13 to 17 (from int(13.5) on) are late, so that 4 early jumps and 1 late one are a
# ratio of exactly 5. There are more than 8192 science pixels, where numpy begins to sum big-endian values in parts.
GROUPS, ROWS, COLUMNS = 18, 100, 96
LADDER_ROW, LAST_BIT_ROW = 50, 52
# The threshold of noise is higher than that of the clipping, so that the ladder's own pixels do not move it.
LAST_BIT = SearchParameters(dark_noisy_threshold=8)


# Each ladder has a pixel for each of these steps; a step is one unit in the last place of float32.
STEPS = np.arange(-14, 15)


def add_ladders(rate: np.ndarray, pedestal: np.ndarray, groupdq: np.ndarray) -> None:
    """Add pixels in small steps from nominal to bad, and in the smallest steps across the default thresholds.

    The pixels lie far outside of what survives the clipping, so they do not move the thresholds they are placed on.
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
    # The values lie around 0, so that one unit in the last place of a slope is one of the standard deviation.
    rate[:, LAST_BIT_ROW, loud] = alternating * (cut + STEPS * np.spacing(cut))


def make_edges(folder: Path, border: int, nan_pedestal: bool = False) -> list[Triplet]:
    """Write five exposures of 2 integrations of 100x96 science pixels with every case at its threshold."""
    flags = pixel_flags()
    rng = np.random.default_rng(5)
    rate = rng.normal(0.01, 0.002, (10, ROWS, COLUMNS)).astype(np.float32)
    pedestal = rng.normal(3.0, 4.0, rate.shape).astype(np.float32)
    groupdq = np.zeros((10, GROUPS, ROWS, COLUMNS), dtype=np.uint8)
    # Cosmic rays lie below the rows of the cases.
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
    # The ratio is exactly 5; in the second pixel a jump in the group before the late ones would make it 3, if counted.
    groupdq[:, [*range(9), 17], 24, 4] = flags["JUMP_DET"]
    groupdq[:, [*range(4), *range(8, 13), 17], 26, 4] = flags["JUMP_DET"]
    add_ladders(rate, pedestal, groupdq)
    if nan_pedestal:
        pedestal[3, 30, 30] = np.nan

    return write_triplets(folder, rate, pedestal, groupdq, border, 2)


def write_triplets(folder: Path, rate, pedestal, groupdq, border: int, integrations: int) -> list[Triplet]:
    """Write exposures of some integrations each, framed by reference pixels, with one column more on the left."""
    flags = pixel_flags()

    def framed(array, fill):
        width = [(0, 0)] * (array.ndim - 2) + [(border, border), (border + 1, border)] if border else 0
        return np.pad(array, width, constant_values=fill)

    dq = framed(np.zeros(rate.shape, dtype=np.uint32), flags["REFERENCE_PIXEL"])
    groupdq, pedestal, rate = framed(groupdq, 0), framed(pedestal, 0), framed(rate, np.nan)
    primary = {"INSTRUME": "NIRCAM", "DETECTOR": "NRCB1", "FASTAXIS": 1, "SLOWAXIS": -2, "SUBARRAY": "FULL"}
    primary |= {"NINTS": integrations, "NGROUPS": groupdq.shape[1], "NOUTPUTS": 4, "TGROUP": 10.7}
    primary |= {"DATE-OBS": "2026-01-01", "SUBSTRT1": 1, "SUBSTRT2": 1}
    primary |= {"SUBSIZE1": dq.shape[2], "SUBSIZE2": dq.shape[1]}
    triplets = []
    for i in range(0, len(rate), integrations):
        part = slice(i, i + integrations)
        ramps = np.zeros(groupdq[part].shape, dtype=np.float32)
        images = {
            "jump": {"SCI": ramps, "PIXELDQ": dq[i], "GROUPDQ": groupdq[part]},
            "fitopt": {"PEDESTAL": pedestal[part]},
            "rateints": {"SCI": rate[part], "DQ": dq[part]},
        }
        for kind, planes in images.items():
            hdus = [fits.PrimaryHDU(header=fits.Header(primary))]
            hdus += [fits.ImageHDU(data, name=name) for name, data in planes.items()]
            fits.HDUList(hdus).writeto(folder / f"dark{i:02d}_{kind}.fits")
        triplets.append(Triplet(*(folder / f"dark{i:02d}_{kind}.fits" for kind in images)))
    return triplets


@pytest.mark.slow
def test_other_parameters(tmp_path):
    assert_same(make_edges(tmp_path, 0), OTHER, CATEGORIES)


@pytest.mark.slow
def test_one_missing_pedestal_voids_its_integration(tmp_path):
    """9 of 10 integrations are then left. A pixel that was high in 9 is now high in 8, which is not enough."""
    triplets = make_edges(tmp_path, 4, nan_pedestal=True)
    found = assert_same(triplets, LAST_BIT, CATEGORIES)[4:-4, 5:-4]
    assert [bool(in_category(found, Category.RC)[4, 2 * n]) for n in (8, 9, 10)] == [False, False, True]
    for category in (Category.RC, Category.LOW_PEDESTAL, Category.NOISY):
        assert 0 < in_category(found, category)[LAST_BIT_ROW].sum() < STEPS.size, (
            f"the ladder of {category} does not cross its threshold"
        )


@pytest.mark.parametrize("border", [0, 4], ids=["rows of whole words", "rows of odd length"])
def test_blocks_and_threads_change_nothing(tmp_path, border):
    request = request_of(make_edges(tmp_path, border, nan_pedestal=True), LAST_BIT)
    expected = official_categories(request, threads=1)
    assert (expected != 0).any()
    for block_bytes, threads in ((1, 1), (1, 2), (20_000, 3), (10**9, 2)):
        assert np.array_equal(official_categories(request, block_bytes, threads), expected)


def test_a_file_shortened_meanwhile_is_named(tmp_path, monkeypatch):
    triplets = make_edges(tmp_path, 0)
    request = request_of(triplets, LAST_BIT)

    def shorten(*limits):
        with triplets[2].jump.open("rb+") as file:
            file.truncate(request.exposures[2].jump.arrays["GROUPDQ"].offset)
        return pedestal_limits(*limits)

    monkeypatch.setattr("darkmask.search.official.reading.pedestal_limits", shorten)
    with pytest.raises(DeliveryError, match=rf"{triplets[2].jump.name} has changed since"):
        official_categories(request)


def test_pixels_at_every_threshold_by_hand(tmp_path):
    """Each definition is tested by itself, without the package: 8 of 10 is not more than 0.8."""
    categories = official_categories(request_of(make_edges(tmp_path, 0), SearchParameters()))
    found = {category: in_category(categories, category) for category in CATEGORIES}

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


@pytest.mark.parametrize(
    ("integrations", "jumps_in_one", "words"),
    [
        (4, 0, r"needs 5 jump-free slopes .* has 4 integrations: add exposures"),
        (5, 1, r"No pixel has 5 jump-free slopes in 5 integrations"),
    ],
)
def test_too_little_to_judge_noise(tmp_path, integrations, jumps_in_one, words):
    maps = np.zeros((integrations, 6, 6), dtype=np.float32)
    groupdq = np.zeros((integrations, 20, 6, 6), dtype=np.uint8)
    groupdq[0, :jumps_in_one] = pixel_flags()["JUMP_DET"]
    triplets = write_triplets(tmp_path, maps, maps, groupdq, 0, 1)
    with pytest.raises(SearchError, match=words):
        official_categories(request_of(triplets, SearchParameters()))


def test_ramps_too_short_for_early_groups(tmp_path):
    maps = np.ones((5, 6, 6), dtype=np.float32)
    triplets = write_triplets(tmp_path, maps, maps, np.zeros((5, 3, 6, 6), dtype=np.uint8), 0, 1)
    with np.errstate(all="raise"):
        found = official_categories(request_of(triplets, SearchParameters()))
    assert not found.any()


def test_reference_pixels_alone(tmp_path):
    maps = np.ones((5, 6, 6), dtype=np.float32)
    triplets = write_triplets(tmp_path, maps, maps, np.zeros((5, 12, 6, 6), dtype=np.uint8), 0, 1)
    with fits.open(triplets[-1].rate, mode="update") as hdus:
        hdus["DQ"].data[:] = pixel_flags()["REFERENCE_PIXEL"]
    with pytest.raises(SearchError, match=r"All pixels of dark04_rateints\.fits are reference pixels"):
        official_categories(request_of(triplets, SearchParameters()))
