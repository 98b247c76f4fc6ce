"""Integrations that are no measurement are named, and no search looks at them."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask.api.commands import write_search
from darkmask.build.detector import build
from darkmask.build.request import BuildRequest
from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry
from darkmask.core.errors import SearchError
from darkmask.delivery import scan
from darkmask.delivery.quality import (
    altered_values,
    copied_rows,
    unmeasured,
)
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from darkmask.validation.halves import stability
from darkmask.validation.recovery import inject_and_recover
from tests.checks.planting import one, unlinked
from tests.support.deliveries import linked, simulated
from tests.support.segments import cut_exposure

FRAME = 96
NAMES = [f"integration {number}" for number in range(1, 9)]


@pytest.fixture(scope="module")
def darks(tmp_path_factory) -> Path:
    """Make an exposure of twelve integrations."""
    return simulated(tmp_path_factory.mktemp("measured"), frame=FRAME, exposures=1, integrations=12)


@pytest.fixture
def folder(darks, tmp_path) -> Path:
    return linked(darks.iterdir(), tmp_path / "darks")


def rewrite(folder: Path, change, kinds=("jump", "fitopt", "rateints")) -> None:
    """Change the arrays of integrations in place, each with integrations along its first axis."""
    for kind, names in (("jump", ("SCI", "GROUPDQ")), ("fitopt", ("PEDESTAL",)), ("rateints", ("SCI", "DQ"))):
        if kind in kinds:
            with fits.open(unlinked(one(folder, f"*_{kind}.fits")), mode="update") as hdus:
                for name in names:
                    change(hdus[name].data)


def request_of(folder: Path, **about) -> BuildRequest:
    about = {"engine": "native", "search": "flight", "subarrays": (), **about}
    return BuildRequest(scan(folder), "NRCA1", parameters=SearchParameters(), geometry=Geometry(FRAME), **about)


def set_request(folder: Path, **about) -> SetRequest:
    return request_of(folder, **about).set_request("FULL")


def zero_fill(array: np.ndarray) -> None:
    array[3] = 0


def copy_five(array: np.ndarray) -> None:
    array[[2, 4, 6, 8, 10]] = array[1]


def only(folder: Path, kept: list[int], **about) -> SetRequest:
    """Return the request of a sound delivery's chosen integrations."""
    whole = set_request(folder, **about)
    assert whole.left_out == ()
    return SetRequest(
        *(whole.exposures, whole.folder, whole.engine, whole.search, whole.parameters, whole.geometry), tuple(kept)
    )


@pytest.mark.parametrize("search", ["flight", pytest.param("official", marks=pytest.mark.slow)])
def test_a_zero_filled_integration_changes_nothing(darks, folder, search):
    rewrite(folder, zero_fill)
    found = set_request(folder, search=search)
    assert found.left_out == (
        "integration 4 of jw01062001001_02101_00001_nrca1_jump.fits is no measurement: the ramp is 0 in more than half "
        "of its pixels and the rate is 0 in more than half of its pixels and PEDESTAL is 0 in more than half of its "
        "pixels",
    )
    kept = [number for number in range(12) if number != 3]
    expected = search_set(only(darks, kept, search=search))
    outcome = search_set(found)
    assert (outcome.categories == expected.categories).all()
    low = in_category(outcome.categories, Category.LOW_PEDESTAL).sum()
    assert low <= in_category(search_set(set_request(darks, search=search)).categories, Category.LOW_PEDESTAL).sum() + 2


@pytest.mark.parametrize("search", ["flight", "official"])
def test_five_copies_among_twelve_are_searched_once(darks, folder, search):
    rewrite(folder, copy_five)
    found = set_request(folder, search=search)
    jump = "jw01062001001_02101_00001_nrca1_jump.fits"
    assert [said.split(" in the ")[0] for said in found.left_out] == [
        f"integration {number} of {jump} is a copy of integration 2 of {jump}" for number in (3, 5, 7, 9, 11)
    ]
    assert found.numbers == (0, 1, 3, 5, 7, 9, 11)
    expected = search_set(only(darks, list(found.numbers), search=search))
    assert (search_set(found).categories == expected.categories).all()


@pytest.mark.parametrize("kind", ["jump", "fitopt", "rateints"])
def test_a_copy_in_one_product_alone_is_one(folder, kind):
    rewrite(folder, copy_five, kinds=(kind,))
    array = {"jump": "the ramp", "fitopt": "PEDESTAL", "rateints": "the rate"}[kind]
    (first, *rest) = set_request(folder).left_out
    assert first.endswith(f"is a copy of integration 2 of jw01062001001_02101_00001_nrca1_jump.fits in {array}")
    assert len(rest) == 4


JUMP = "jw01062001001_02101_00001_nrca1_jump.fits"


def fill(integrations, rows, columns=slice(None), value=0.0):
    """Return what gives a part of some integrations one value, in the ramps, the rates and the pedestals."""

    def change(array):
        if array.dtype.kind == "f":
            array[integrations, ..., rows, columns] = value

    return change


@pytest.mark.parametrize("search", ["flight", "official"])
@pytest.mark.parametrize(
    ("part", "kinds", "said"),
    [
        (fill(4, slice(40, 48)), ("rateints",), "in rows 40 to 47: the rate is one value there"),
        (fill(4, 33, value=7.5), ("jump", "fitopt"), "in row 33: the ramp and PEDESTAL are one value there"),
        (fill(4, slice(None), slice(24, 48)), ("jump",), "in rows 4 to 91 of columns 24 to 47: the ramp is one value"),
    ],
)
def test_an_integration_that_lost_rows_changes_nothing(darks, folder, part, kinds, said, search):
    rewrite(folder, part, kinds=kinds)
    found = set_request(folder, search=search)
    (sentence,) = found.left_out
    assert sentence.startswith(f"integration 5 of {JUMP} is no measurement {said}")
    assert found.doubted == ()
    expected = search_set(only(darks, [number for number in range(12) if number != 4], search=search))
    assert (search_set(found).categories == expected.categories).all()


def test_rows_that_no_integration_measured_are_undetermined(folder):
    """No integration is to blame, and without any there would be nothing to search."""
    rewrite(folder, fill(slice(None), slice(40, 44), slice(24, 48)), kinds=("rateints",))
    found = set_request(folder)
    assert found.left_out == ()
    assert len(found.doubted) == 12
    assert "in rows 40 to 43 of columns 24 to 47: the rate is one value there" in found.doubted[0]
    undetermined = in_category(search_set(found).categories, Category.UNDETERMINED)
    assert undetermined[40:44, 24:48].mean() > 0.95
    assert undetermined.sum() < 4 * 24 + 20


def test_rows_that_each_integration_lost_elsewhere_leave_something_to_search(folder):
    def change(array):
        for number in range(12):
            array[number, ..., 8 + 6 * number, :] = 0

    rewrite(folder, change, kinds=("rateints",))
    found = set_request(folder)
    assert found.left_out == ()
    assert found.doubted[2].endswith("is no measurement in row 20: the rate is one value there")
    assert len(found.numbers) == len(found.doubted) == 12


def test_a_row_whose_pixels_are_all_saturated_was_measured(folder):
    """Such pixels have no rate and a PEDESTAL of 0, as the pipeline writes them."""

    def change(array):
        array[..., 40, :] = 0 if array.ndim == 3 and array.dtype.kind == "f" else array[..., 40, :]

    rewrite(folder, change, kinds=("fitopt",))

    def no_rate(array):
        if array.dtype.kind == "f":
            array[..., 40, :] = np.nan

    rewrite(folder, no_rate, kinds=("rateints",))
    found = set_request(folder)
    assert found.left_out == found.doubted == ()


def test_a_constant_integration_and_one_without_rates_are_none(folder):
    def change(array):
        if array.dtype.kind == "f":
            array[0], array[5] = 7.5, np.nan

    rewrite(folder, change)
    found = set_request(folder)
    assert "the ramp is 7.5 in more than half of its pixels" in found.left_out[0]
    assert "the rate is not finite in half of its pixels or more" in found.left_out[1]
    assert len(found.numbers) == 10


def test_history_says_what_was_left_out(folder, tmp_path):
    rewrite(folder, zero_fill)
    (tmp_path / "out").mkdir()
    request = request_of(folder)
    build(request, tmp_path / "out", {})
    history = " ".join(str(fits.getheader(tmp_path / "out" / request.mask_file)["HISTORY"]).split())
    assert "Integrations that are no measurement are left out of the search: integration 4 of" in history


def test_the_command_says_what_was_left_out(folder, tmp_path):
    rewrite(folder, zero_fill)
    first, *_ = write_search(folder, tmp_path / "out", frame=FRAME)
    assert first.startswith("left out: integration 4 of jw01062001001_02101_00001_nrca1_jump.fits is no measurement")


@pytest.mark.slow
def test_history_says_that_jwst_reffiles_searched_them_all_the_same(folder, tmp_path):
    """It takes whole files; here those of six segments, because it wants five at least."""
    rewrite(folder, zero_fill)
    cut_exposure(folder, 1, (2,) * 6)
    (tmp_path / "out").mkdir()
    request = request_of(folder, engine="jwst_reffiles")
    build(request, tmp_path / "out", {})
    history = " ".join(str(fits.getheader(tmp_path / "out" / request.mask_file)["HISTORY"]).split())
    assert (
        "Integrations that are no measurement were searched by jwst_reffiles all the same: integration 2 of "
        "jw01062001001_02101_00001-seg002_nrca1_jump.fits"
    ) in history


@pytest.mark.slow
def test_what_a_pass_is_worth_is_measured_without_them(darks, folder):
    """Halves and injected defects read the ramps again, and must not read those."""
    rewrite(folder, zero_fill)
    request, same = set_request(folder), only(darks, [number for number in range(12) if number != 3])
    assert stability(request) == stability(same)
    recovery, expected = inject_and_recover(request), inject_and_recover(same)
    assert (recovery.found == expected.found).all()
    assert recovery.found.mean() > 0.5


def test_nothing_but_copies_and_zeros_cannot_be_searched(folder):
    def change(array):
        array[:] = 0

    rewrite(folder, change, kinds=("rateints",))
    with pytest.raises(SearchError, match="No integration of NRCA1 FULL is a measurement"):
        search_set(set_request(folder))


def test_what_makes_an_integration_one():
    random = np.random.default_rng(3)
    samples = [{name: random.normal(size=50) for name in ("the ramp", "the rate", "PEDESTAL")} for _ in range(5)]
    assert unmeasured(samples, NAMES) == {}
    samples[2]["the rate"] = samples[0]["the rate"].copy()
    samples[3]["PEDESTAL"][:26] = 4.5
    samples[4]["the rate"][:25] = np.nan
    assert unmeasured(samples, NAMES) == {
        2: "integration 3 is a copy of integration 1 in the rate",
        3: "integration 4 is no measurement: PEDESTAL is 4.5 in more than half of its pixels",
        4: "integration 5 is no measurement: the rate is not finite in half of its pixels or more",
    }
    samples[3]["PEDESTAL"][0], samples[4]["the rate"][0] = 0.0, 0.0
    assert list(unmeasured(samples, NAMES)) == [2]
    assert unmeasured([], []) == {}


def noise(*shape):
    return np.random.default_rng(4).normal(0, 0.01, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (lambda rate: np.maximum(rate, 0), "the rate is 0 in 5"),
        (lambda rate: np.round(rate, 2), "the rate is rounded"),
        (lambda rate: rate.astype(np.float16), "the rate is rounded"),
        (lambda rate: rate.astype(np.float16).astype(np.float64), "the rate is rounded"),
    ],
)
def test_values_that_were_cut_off_or_rounded(alter, said):
    (sentence,) = altered_values([{"the rate": alter(noise(4000)), "PEDESTAL": noise(4000)}], NAMES).values()
    assert sentence.startswith(f"integration 1 was altered: {said}")


# A superbias near 10,000 DN has steps of 2^-10 DN, one pixel in a hundred may be saturated, and rounding to a fiftieth
# of the noise costs nothing.
@pytest.mark.parametrize(
    "as_measured",
    [
        lambda values: values,
        lambda values: np.float32(10_000) + 1000 * values - np.float32(9_990.3),
        lambda values: np.where(np.arange(values.size) % 100 == 0, np.float32(1), values),
        lambda values: np.where(np.arange(values.size) % 100 == 0, np.nan, values),
        lambda values: np.round(values, 4),
        lambda values: np.maximum(values, -0.02),
    ],
)
def test_measured_values_were_not_altered(as_measured):
    assert altered_values([{"the rate": as_measured(noise(4000))}], NAMES) == {}


# Ramps of which the pipeline subtracted a bias of whole counts, or a mean of few reference pixels.
@pytest.mark.parametrize("step", [1, 0.5, 2**-10])
@pytest.mark.parametrize("sigma", [2, 8, 40])
def test_ramps_may_be_counts_of_the_converter(step, sigma):
    counts = step * np.round(100 * sigma * noise(4000) / step)
    assert altered_values([{"the ramp": counts, "the rate": noise(4000)}], NAMES) == {}
    cut = altered_values([{"the ramp": np.maximum(counts, 0), "the rate": noise(4000)}], NAMES)
    assert cut[0].startswith("integration 1 was altered: the ramp is 0 in ")


def test_rows_of_another_integration_are_copies():
    samples = noise(3, 64, 2, 8)
    assert not copied_rows(samples).any()
    samples[2, 50:, 1] = samples[0, 50:, 1]
    samples[1, 7] = samples[1, 6]
    expected = np.zeros((3, 64, 2), bool)
    expected[2, 50:, 1] = expected[1, 7] = True
    np.testing.assert_array_equal(copied_rows(samples), expected)


def test_rows_that_are_alike_for_another_reason_are_no_copies():
    samples = noise(3, 64, 2, 8)
    samples[:, :, 0] = 0
    samples[:, :, 1, 3] = np.nan
    assert not copied_rows(samples).any()
    samples[:, :, 1, 3:] = 65_535
    assert not copied_rows(samples).any()


def test_an_integration_that_ends_as_another_is_left_out(folder):
    def change(array):
        if array.dtype.kind == "f":
            array[4, ..., 70:, :] = array[1, ..., 70:, :]

    rewrite(folder, change, kinds=("jump", "fitopt"))
    (sentence,) = set_request(folder).left_out
    where = "in rows 70 to 91: the ramp and PEDESTAL are that of another row or integration there"
    assert sentence == f"integration 5 of {JUMP} is no measurement {where}"
