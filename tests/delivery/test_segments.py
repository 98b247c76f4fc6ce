"""An exposure is its segments: they are searched as one file would be, and cover each integration once."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask.build.detector import build
from darkmask.build.request import BuildRequest
from darkmask.core.detectors import Geometry
from darkmask.delivery import DeliveryIndex, OpenExposure, scan
from darkmask.masks.file import read_mask
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from tests.checks.planting import edit, one, unlinked
from tests.support.deliveries import linked, simulated
from tests.support.segments import cut_exposure

FRAME = 64
FIRST, SECOND, THIRD = ("-seg001_", "-seg002_", "-seg003_")


@pytest.fixture(scope="module")
def darks(tmp_path_factory) -> Path:
    """Make five exposures of six integrations of one detector."""
    return simulated(tmp_path_factory.mktemp("segments"), frame=FRAME, exposures=5, integrations=6)


@pytest.fixture(scope="module")
def in_segments(darks, tmp_path_factory) -> Path:
    """Return the same delivery with its first exposure in three segments and its fourth in two."""
    folder = linked(darks.iterdir(), tmp_path_factory.mktemp("cut") / "darks")
    cut_exposure(folder, 1, (1, 3, 2))
    cut_exposure(folder, 4, (3, 3))
    return folder


@pytest.fixture
def folder(in_segments, tmp_path) -> Path:
    return linked(in_segments.iterdir(), tmp_path / "darks")


def request_of(folder: Path, **about) -> BuildRequest:
    about = {"engine": "native", "search": "flight", "subarrays": (), **about}
    return BuildRequest(scan(folder), "NRCA1", parameters=SearchParameters(), geometry=Geometry(FRAME), **about)


def sentences(folder: Path) -> list[str]:
    return [problem.sentence for problem in scan(folder).problems]


def test_segments_count_as_one_exposure(in_segments):
    index = scan(in_segments)
    assert index.problems == ()
    assert len(index.exposures) == 5
    assert [e.integrations for e in index.exposures] == [6] * 5
    assert [len(e.segments) for e in index.exposures] == [3, 1, 1, 2, 1]
    assert len(index.exposures[0].files) == 9
    assert DeliveryIndex.from_json(json.loads(json.dumps(index.to_json()))) == index


def test_an_exposure_reads_the_same_from_segments(darks, in_segments):
    whole, parts = (OpenExposure(scan(folder).exposures[0], folder) for folder in (darks, in_segments))
    assert whole.shape == parts.shape
    rows, y, x = slice(3, 20), np.array([5, 9]), np.array([7, 40])
    for read in ("pedestal", "rate", "rate_dq", "pixeldq"):
        np.testing.assert_array_equal(getattr(whole, read)(rows), getattr(parts, read)(rows))
    np.testing.assert_array_equal(whole.rate(rows, 4), parts.rate(rows, 4))
    for one_part, other in zip(whole.ramps(y, x), parts.ramps(y, x), strict=True):
        np.testing.assert_array_equal(one_part, other)
    assert parts.name_of(4) == "integration 1 of jw01062001001_02101_00001-seg003_nrca1_jump.fits"


@pytest.mark.parametrize("search", ["flight", "official"])
def test_the_mask_of_segments_is_that_of_whole_files(darks, in_segments, tmp_path, search):
    masks = []
    for name, folder in (("whole", darks), ("cut", in_segments)):
        request = request_of(folder, search=search)
        (tmp_path / name).mkdir()
        build(request, tmp_path / name, {})
        masks.append(read_mask(tmp_path / name / request.mask_file))
    assert (masks[0].raw == masks[1].raw).all()
    assert (masks[0].raw != 0).any()


@pytest.mark.slow
def test_jwst_reffiles_is_given_the_files_of_all_segments(darks, in_segments):
    found = [
        search_set(request_of(folder, engine="jwst_reffiles").set_request("FULL")) for folder in (darks, in_segments)
    ]
    assert (found[0].categories == found[1].categories).all()
    assert found[0].categories.any()


def every_product(folder: Path, part: str, number: int = 1) -> list[Path]:
    return sorted(folder.glob(f"*_{number:05d}{part}*"))


def missing(folder):
    for path in every_product(folder, SECOND):
        path.unlink()


def overlapping(folder):
    for path in every_product(folder, SECOND):
        edit(path, INTSTART=1, INTEND=3)


def with_a_gap(folder):
    for path in every_product(folder, SECOND):
        edit(path, INTSTART=3, INTEND=5)


def beyond_the_file(folder):
    for path in every_product(folder, THIRD):
        edit(path, INTSTART=5, INTEND=6)
    edit(one(folder, f"*_00001{SECOND}nrca1_jump.fits"), INTEND=5)


def more_than_the_file_holds(folder):
    for path in every_product(folder, THIRD):
        edit(path, INTSTART=4)


def copied(folder):
    for path in every_product(folder, SECOND):
        path.unlink()
        shutil.copy(str(path).replace(SECOND, FIRST), path)


def beyond_the_total(folder):
    edit(one(folder, f"*_00001{THIRD}nrca1_jump.fits"), EXSEGNUM=4)


def total_in_one_product_alone(folder):
    for path in every_product(folder, "-seg"):
        if not path.name.endswith("_jump.fits"):
            with fits.open(unlinked(path), mode="update") as hdus:
                del hdus[0].header["EXSEGTOT"], hdus[0].header["EXSEGNUM"]


def another_total(folder):
    for path in every_product(folder, FIRST):
        edit(path, EXSEGTOT=2)


def too_few_in_all(folder):
    for path in every_product(folder, "-seg"):
        edit(path, NINTS=7)


def of_another_set(folder):
    for path in every_product(folder, SECOND):
        edit(path, READPATT="BRIGHT1", GROUPGAP=1, TGROUP=2 * 10.73677)


def without_intstart(folder):
    with fits.open(unlinked(one(folder, f"*_00001{SECOND}nrca1_jump.fits")), mode="update") as hdus:
        del hdus[0].header["INTSTART"]


def another_place_in_a_partner(folder):
    edit(one(folder, f"*_00001{SECOND}nrca1_rateints.fits"), INTSTART=3, INTEND=5)


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (missing, "is of an exposure of 3 segments of which 2 is missing: deliver all segments"),
        (
            overlapping,
            "whose segments overlap: jw01062001001_02101_00001-seg002_nrca1_jump.fits begins with integration 1",
        ),
        (
            with_a_gap,
            "whose segments leave a gap: jw01062001001_02101_00001-seg002_nrca1_jump.fits begins with integration 3",
        ),
        (beyond_the_file, "seg002_nrca1_jump.fits holds 3 integrations and its INTSTART 2 and INTEND 5 say 4"),
        (more_than_the_file_holds, "seg003_nrca1_jump.fits holds 2 integrations and its INTSTART 4 and INTEND 6 say 3"),
        (copied, "are both the _jump file of segment 1 of one exposure: if one is a copy, take it out"),
        (copied, "of which 2 is missing"),
        (beyond_the_total, "seg003_nrca1_jump.fits has EXSEGNUM 4 beyond EXSEGTOT 3"),
        (total_in_one_product_alone, "says that its exposure has 1 segment (EXSEGTOT) and"),
        (another_total, "says that its exposure has 2 segments (EXSEGTOT) and"),
        (too_few_in_all, "whose segments hold 6 integrations where NINTS says 7"),
        (of_another_set, "another segment of the exposure, NRCA1 FULL BRIGHT1"),
        (without_intstart, "has EXSEGTOT 3 without INTSTART and INTEND, which say what integrations"),
        (another_place_in_a_partner, "seg002_nrca1_rateints.fits has INTSTART 3 and its partner"),
    ],
)
def test_segments_that_do_not_make_an_exposure(folder, plant, said):
    plant(folder)
    found = sentences(folder)
    assert any(said in sentence for sentence in found), found
    assert all("\n" not in sentence for sentence in found)
    assert len(scan(folder).exposures) == 4


def test_a_segment_that_is_a_copy_under_another_number_is_no_measurement(folder):
    for path in every_product(folder, SECOND, 4):
        path.unlink()
        shutil.copy(str(path).replace(SECOND, FIRST), path)
        edit(path, EXSEGNUM=2, INTSTART=4, INTEND=6)
    request = request_of(folder).set_request("FULL")
    assert len(request.left_out) == 3
    first = "jw01062001001_02101_00004-seg00{}_nrca1_jump.fits"
    assert request.left_out[0].startswith(
        f"integration 1 of {first.format(2)} is a copy of integration 1 of {first.format(1)}"
    )
    assert len(request.numbers) == 27


def test_whole_exposures_begin_with_their_first_integration(folder):
    for path in folder.glob("*_00002_nrca1_*"):
        edit(path, INTSTART=2, INTEND=6)
    assert "has INTSTART 2 and is the only file of its exposure: deliver all segments" in sentences(folder)[0]
