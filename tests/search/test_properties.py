"""Laws that hold for any flags, masks, windows and criteria files."""

import math
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdatamodels.jwst.datamodels import MaskModel

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.flags import FLIGHT_FLAGS, MASK_MNEMONICS, bits_of, dq_bits, pixel_flags
from darkmask.core.window import Window
from darkmask.masks.carrying import carried_bits
from darkmask.masks.compare import lost_bits
from darkmask.masks.file import full_dq_def, read_mask
from darkmask.search.maps.combine import combine_set
from fixtures.criteria.model import Criteria
from fixtures.criteria.profiles import CriteriaError, load_criteria
from tests.support.official_flags import OFFICIAL_FLAGS
from tests.support.raw_exposures import Ramps, write_exposures

NIRCAM = load_criteria("nircam")
categories = st.lists(st.integers(0, 2 ** len(Category) - 1), min_size=5, max_size=5).map(
    lambda values: np.array([values], np.uint16)
)
flags = st.sets(st.sampled_from(MASK_MNEMONICS)).map(bits_of)
dq_images = st.lists(flags, min_size=5, max_size=5).map(lambda values: np.array([values], np.uint32))


@given(categories, categories, categories, st.sampled_from([FLIGHT_FLAGS, OFFICIAL_FLAGS]))
def test_flags_combine_in_any_order_and_any_number_of_times(a, b, c, table):
    x, y, z = (table.to_dq(image) for image in (a, b, c))
    assert ((x | y) | z == x | (y | z)).all()
    assert (table.to_dq(a | b | c) == (z | x | y | x)).all()
    assert (table.to_dq(np.zeros_like(a)) == 0).all()


@given(categories)
def test_a_category_with_a_flag_of_its_own_is_read_back_from_the_mask(image):
    dq = FLIGHT_FLAGS.to_dq(image)
    for category in Category:
        names = FLIGHT_FLAGS.mnemonics[category]
        sharing = [c for c in Category if names and FLIGHT_FLAGS.mnemonics[c] == names]
        expected = np.any([in_category(image, c) for c in sharing], axis=0) if sharing else None
        if names:
            assert ((dq & dq_bits(*names)) != 0).tolist() == expected.tolist()
    unusable = np.any([in_category(image, c) for c in FLIGHT_FLAGS.do_not_use], axis=0)
    assert ((dq & 1) != 0).tolist() == unusable.tolist()


@given(dq_images, dq_images)
def test_taking_bits_over_from_a_mask_in_force_loses_none_and_is_done_once(base, dq):
    measured = np.full_like(base, FLIGHT_FLAGS.measured_bits)
    carried = carried_bits(base, measured)
    assert lost_bits(base, carried | dq, measured) == (0, {})
    assert not (carried & (~base | measured)).any()
    # A second generation carries the same, whatever was found in between.
    again = carried_bits(carried | (dq & (measured | 1)), measured, carried)
    assert (again == carried)[(dq & measured) != 0].all()
    # Where nobody judged, nothing goes.
    assert (carried_bits(base, np.zeros_like(base)) == base).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("masks")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(dq_images, st.sampled_from(["u1", ">u2", "<u2", ">i2", ">i4", "<i4", ">u4", "<u4", ">i8", "<i8"]), st.booleans())
def test_every_subset_of_bits_in_every_type_is_read_as_the_pipeline_reads_it(folder, dq, dtype, with_dq_def):
    # A narrow type has only these bits.
    limit = min(int(np.iinfo(dtype).max), 2**32 - 1)
    stored = (dq & np.uint32(limit)).astype(dtype)
    path = folder / "mask.fits"
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(stored, name="DQ")])
    if with_dq_def:
        hdus.append(fits.BinTableHDU(full_dq_def(), name="DQ_DEF"))
    hdus.writeto(path, overwrite=True)
    mask = read_mask(path)
    assert mask.raw.dtype.isnative
    assert (mask.raw == stored).all()
    assert (mask.decoded == (dq & np.uint32(limit))).all()
    with MaskModel(path) as model:
        assert (mask.decoded == model.dq).all()


def test_every_single_bit_is_read_back_through_dq_def(folder):
    values = list(pixel_flags().values())
    dq = np.array([values], np.uint32)
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(dq, name="DQ"), fits.BinTableHDU(full_dq_def(), name="DQ_DEF")]
    fits.HDUList(hdus).writeto(folder / "bits.fits", overwrite=True)
    assert read_mask(folder / "bits.fits").decoded[0].tolist() == values


windows = st.tuples(st.integers(16, 64), st.integers(0, 8)).flatmap(
    lambda frame: st.tuples(
        st.just(frame),
        st.tuples(*[st.integers(1, frame[0])] * 2).flatmap(
            lambda start: st.tuples(
                st.just(start), st.tuples(*[st.integers(1, frame[0] - corner + 1) for corner in start])
            )
        ),
    )
)


@given(windows)
def test_a_window_of_the_frame_is_a_slice_of_it(window):
    (frame, border), ((xstart, ystart), (columns, rows)) = window
    geometry = Geometry(frame, border)
    cut = np.s_[ystart - 1 : ystart - 1 + rows, xstart - 1 : xstart - 1 + columns]
    part, whole = Window(xstart, ystart, columns, rows), geometry.reference_pixels()
    assert (geometry.reference_pixels(part) == whole[cut]).all()
    assert (part.cut(whole) == whole[cut]).all()


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.integers(0, 20), st.integers(1, 12))
def test_maps_of_some_rows_are_rows_of_the_maps(seed, first, count):
    random = np.random.default_rng(seed)
    sci = random.normal(0, 10, (4, 9, 32, 24)).astype(np.float32)
    groupdq = np.where(random.random(sci.shape) < 0.05, 4, 0).astype(np.uint8)
    rate = random.normal(0, 1, (4, 32, 24)).astype(np.float32)
    pedestal = random.normal(0, 1, (4, 32, 24)).astype(np.float32)
    properties = look_up_detector("NRCA1")
    rows = np.s_[first : first + count]
    ramps = Ramps(sci, groupdq, rate, pedestal)
    cut = Ramps(sci[:, :, rows], groupdq[:, :, rows], rate[:, rows], pedestal[:, rows])
    combined = []
    for made in (ramps, cut):
        with tempfile.TemporaryDirectory() as name:
            exposures = write_exposures(Path(name) / "darks", made, [[0, 1], [2, 3]])
            combined.append(combine_set(exposures, Path(name) / "darks", properties, 1e4))
    a, b = combined
    for name in ("rate", "noise", "shape", "scatter", "pedestal", "jumps", "differences"):
        assert np.array_equal(getattr(a, name)[rows], getattr(b, name), equal_nan=True), name


values = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(10**20), 10**20),
    st.booleans(),
    st.sampled_from(["1", "nan", "", "inf"]),
)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value)


def refusal(path: Path) -> tuple[str, Criteria | None]:
    try:
        return "", load_criteria(str(path))
    except CriteriaError as error:
        return str(error), None


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(NIRCAM.criteria)),
    st.dictionaries(st.sampled_from(["low", "high", "required", "needs", "scope", "question", "accepts"]), values),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=8),
)
def test_no_criteria_file_lets_a_failing_value_pass(folder, name, table, measured):
    """Whatever a stranger writes is refused, or means what it says and asks the same of the same."""
    path = folder / "stranger.toml"
    lines = [f"{key} = {toml(value)}" for key, value in table.items()]
    path.write_text("\n".join(['schema = 1\nname = "x"', f"[criteria.{name}]", *lines]))
    refused, made = refusal(path)
    if made is None:
        assert refused
        assert "\n" not in refused
        return
    written = tomllib.loads(path.read_text())["criteria"][name]
    mine, theirs = NIRCAM.criteria[name], made.criteria[name]
    assert list(made.criteria) == list(NIRCAM.criteria)
    asked = ("title", "question", "scope", "unit", "needs")
    assert all(getattr(mine, key) == getattr(theirs, key) for key in asked)
    low, high = (written.get(key, getattr(mine, key)) for key in ("low", "high"))
    assert low is not None or high is not None
    for value in [*measured, math.nan, math.inf, -math.inf]:
        inside = (low is None or value >= low) and (high is None or value <= high)
        assert theirs.accepts(value) == (math.isfinite(value) and inside)
