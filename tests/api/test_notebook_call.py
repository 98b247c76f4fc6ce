"""The NRC-09 notebook's own call, its keywords unchanged: what it gives, and what it is told."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from darkmask import bad_pixels, read_mask, search_delivery
from darkmask.core.errors import DarkmaskWarning
from darkmask.core.flags import bits_of
from tests.support.notebook_call import NOTEBOOK_CALL, files_of


@pytest.fixture(scope="module")
def theirs(small, tmp_path_factory):
    """Make the mask that the notebook's call of the package itself makes, of one rate for each integration."""
    pytest.importorskip("jwst_reffiles")
    folder = tmp_path_factory.mktemp("theirs")
    call = {**NOTEBOOK_CALL, **files_of(small.delivery, "rateints"), "output_file": str(folder / "test_bpm.fits")}
    code = (
        "import json, sys\n"
        "from jwst_reffiles.bad_pixel_mask.bad_pixel_mask import bad_pixels\n"
        "bad_pixels(**json.load(sys.stdin))"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=json.dumps(call), text=True, check=True, cwd=folder, capture_output=True,
        env={**os.environ, "MPLBACKEND": "Agg"},
    )  # fmt: skip
    return read_mask(folder / "test_bpm.fits").decoded


def test_the_notebooks_call_gives_the_mask_of_the_package(small, theirs, tmp_path):
    output = tmp_path / "test_bpm.fits"
    with pytest.warns(DarkmaskWarning):
        found = bad_pixels(**NOTEBOOK_CALL, **files_of(small.delivery), output_file=str(output), search="official")
    science = (found.dq & np.uint32(bits_of(("REFERENCE_PIXEL",)))) == 0
    np.testing.assert_array_equal(found.dq[science], theirs[science])
    for name in ("HOT", "RC", "TELEGRAPH", "OTHER_BAD_PIXEL"):
        assert found.flags[name] == int(((theirs & np.uint32(bits_of((name,)))) != 0).sum()) > 0
    assert found.counts["LOW_PEDESTAL"] == found.flags["OTHER_BAD_PIXEL"]
    assert found.counts["NOISY"] > 0
    mask = read_mask(output)
    np.testing.assert_array_equal(mask.decoded, found.dq)
    assert [mask.header[key] for key in ("AUTHOR", "DESCRIP", "PEDIGREE", "USEAFTER", "FILENAME")] == [
        "jwst_reffiles", "A bad pix mask", "GROUND", "2019-04-01T00:00:00", "test_bpm.fits",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_package_can_be_asked_itself(small, theirs):
    with pytest.warns(DarkmaskWarning):
        found = bad_pixels(**NOTEBOOK_CALL, **files_of(small.delivery), engine="jwst_reffiles")
    science = (found.dq & np.uint32(bits_of(("REFERENCE_PIXEL",)))) == 0
    np.testing.assert_array_equal(found.dq[science], theirs[science])


def test_by_default_the_notebooks_call_is_answered_by_the_flight_search(small, found):
    with pytest.warns(DarkmaskWarning):
        called = bad_pixels(**NOTEBOOK_CALL, **files_of(small.delivery))
    np.testing.assert_array_equal(called.categories, found.categories)
    assert called.counts["hot"] > 0


def test_what_has_no_effect_is_told_once_and_why(small):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bad_pixels(**NOTEBOOK_CALL, **files_of(small.delivery))
    sentences = [str(warning.message) for warning in caught]
    assert [warning.category for warning in caught] == [DarkmaskWarning] * 2
    assert {warning.filename for warning in caught} == {__file__}
    named = [name for sentence in sentences for name in sentence.split(":")[0].split(", ")]
    assert len(named) == len(set(named))
    assert {"dead_search", "flux_check", "dark_noisy_threshold", "flag_values", "max_jump_limit"} <= set(named)
    assert not {"author", "max_saturated_fraction", "plot", "dark_uncal_files", "dark_jump_files"} & set(named)


def test_in_a_loop_it_is_told_once(small):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for detector in ("NRCA1", "NRCBLONG", "NRCA1"):
            bad_pixels(small.delivery, detector=detector, dark_noisy_threshold=5)
        search_delivery(small.delivery, dark_noisy_threshold=5)
    assert len(caught) == 1
