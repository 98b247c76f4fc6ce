"""What CRDS and the pipeline say of masks, and what both accept without a word and a check of ours does not."""

import json
import shutil

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.detectors import DETECTORS, Geometry
from darkmask.core.errors import MaskError
from darkmask.core.flags import bits_of
from darkmask.core.siaf import positions
from darkmask.core.window import Window
from darkmask.masks import quality as maskquality
from darkmask.masks.file import full_dq_def, read_mask
from darkmask.pipeline import acceptance
from darkmask.pipeline.applied import difference
from darkmask.pipeline.certification import write_stub_context
from darkmask.pipeline.offline import offline_crds
from darkmask.pipeline.worker import pipeline
from tests.support.handmade_masks import BAD, COMPACT_DEF, CRITERIA, FRAME, compact, good_mask, rewrite


def hot_elsewhere():
    """Return the whole DQ_DEF, with HOT at the bit of RESERVED."""
    made = full_dq_def()
    made = made[np.isin(made["NAME"], [b"RESERVED_1", b"REFERENCE_PIXEL", b"DO_NOT_USE", b"HOT", b"RC"])]
    made["VALUE"][made["NAME"] == b"HOT"], made["BIT"][made["NAME"] == b"HOT"] = 2**8, 8
    return made


def axes(path):
    rewrite(path, dq_def=full_dq_def(), FASTAXIS=2, SLOWAXIS=1)


def add(path, value):
    def change(dq):
        dq[20, 20] = value
        return dq

    rewrite(path, dq=change, dq_def=full_dq_def())


# For each detector: what its mask has, and the checks that must not accept it.
SILENT = {
    "NRCA1": ("no DQ_DEF", lambda path: rewrite(path), {"DQ-DEF"}),
    "NRCA2": ("a moved bit", lambda path: rewrite(path, dq_def=hot_elsewhere()), {"DQ-DEF", "DQ-RAW"}),
    "NRCA3": (
        "an undefined bit",
        lambda path: rewrite(
            path, dq=lambda dq: np.where(dq == BAD, 2**9, dq).astype(np.uint32), dq_def=hot_elsewhere()
        ),
        {"DQ-DEF", "DQ-RAW"},
    ),
    "NRCA4": (
        "signed integers",
        lambda path: rewrite(path, lambda dq: dq.view(np.int32), full_dq_def()),
        {"REF-DTYPE"},
    ),
    "NRCALONG": ("wrong axes", axes, {"REF-HEADER"}),
    "NRCB1": ("another detector's name", lambda path: path.rename(path.with_name("nrcb3_of_b1.fits")), {"REF-HEADER"}),
    "NRCB2": ("a flag of an exposure", lambda path: add(path, bits_of(("JUMP_DET",))), {"DQ-BITS"}),
    "NRCB3": ("HOT without DO_NOT_USE", lambda path: add(path, bits_of(("HOT",))), {"DQ-DO_NOT_USE"}),
    "NRCB4": ("bytes", lambda path: rewrite(path, lambda dq: compact(dq).astype(np.uint8), COMPACT_DEF), {"REF-DTYPE"}),
    "NRCBLONG": ("a compact DQ_DEF that fits", lambda path: rewrite(path, compact, COMPACT_DEF), set()),
}


@pytest.mark.slow
def test_what_crds_and_the_pipeline_accept_is_refused_by_a_check_of_ours(run_checks, tmp_path):
    folder = tmp_path / "masks"
    for detector, (_, spoil, _) in SILENT.items():
        spoil(good_mask(folder, detector))
    criteria = tmp_path / "silent.toml"
    criteria.write_text(CRITERIA)
    run = run_checks(f"--masks={folder}", f"--criteria={criteria}", "-k", "DQ or REF")
    outcomes = {key: check["outcome"] for key, check in run.checks.items() if key[0][:3] in ("DQ-", "REF")}
    accepted = {key for key, outcome in outcomes.items() if outcome == "pass"}
    for detector, (_, _, expected) in SILENT.items():
        for check in ("REF-SCHEMA", "REF-CERTIFY", "REF-DQINIT"):
            assert (check, detector, "FULL") in accepted, run.checks[check, detector, "FULL"]["message"]
        failed = {key[0] for key, outcome in outcomes.items() if key[1] == detector and outcome != "pass"}
        assert failed == expected, detector
    said = run.checks["DQ-DEF", "NRCA2", "FULL"]["message"]
    assert "HOT at 256 by DQ_DEF, which no pixel has, while 42 pixels have 2048" in said
    assert "HOT +0 -42 pixels" in said


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Set up an empty cache of answers, and hide the user's CRDS."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CRDS_PATH", raising=False)
    monkeypatch.delenv("CRDS_SERVER_URL", raising=False)


@pytest.mark.slow
def test_a_full_frame_of_ours_is_taken_as_it_is(tmp_path, own_cache):
    path = good_mask(tmp_path, "NRCALONG", frame=2048)
    geometry = Geometry()
    assert acceptance.schema_complaints(path) == []
    messages, context = acceptance.certified(path, geometry)
    assert messages == []
    assert context == "a stub context"
    windows = acceptance.applied(path, "NRCALONG", geometry)
    assert [(w["window"], w["pixels"], w["refused"]) for w in windows] == [("FULL", 0, ""), ("SUB160", 0, "")]
    # Each answer was kept, and an answer that was kept needs no process.
    kept = list((tmp_path / "cache" / "darkmask" / "acceptance").glob("*/answer.json"))
    assert len(kept) == 3
    for answer in kept:
        assert json.loads(answer.read_text()) in ([], windows)


@pytest.mark.slow
def test_a_mini_frame_is_refused_by_crds_for_its_size_and_nothing_else(tmp_path, own_cache):
    path = good_mask(tmp_path, "NRCB4")
    assert acceptance.certified(path, Geometry(FRAME))[0] == []
    said = acceptance.certified(path, Geometry())[0]
    assert len(said) == 1
    assert "(DQ_ARRAY.SHAPE[-2:]==(2048,2048)) is not satisfied" in said[0]


@pytest.mark.slow
def test_a_subarray_is_cut_where_the_exposure_lies(tmp_path, own_cache):
    path = good_mask(tmp_path, "NRCB4")
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["SUBSTRT2"] = 3
    full, part = acceptance.applied(path, "NRCB4", Geometry(FRAME))
    assert full["refused"]
    mask = read_mask(path).decoded
    x, y = part["first"]
    _, place = acceptance.subarray_window("NRCB4", Geometry(FRAME))
    right, moved = place.cut(mask), place._replace(ystart=place.ystart - 2).cut(mask)
    assert part["pixels"] == (right != moved).sum() > 0
    assert right[y, x] != moved[y, x]


def test_a_user_with_crds_is_asked_for_a_context_that_works(tmp_path, own_cache, monkeypatch):
    monkeypatch.setenv("CRDS_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "crds"))
    acceptance._own_context.cache_clear()
    pipeline.cache_clear()
    with pytest.raises(MaskError, match=r"CRDS as configured \(http://127.0.0.1:9\) gives no context") as caught:
        acceptance.certified(good_mask(tmp_path, "NRCB4"), Geometry(FRAME))
    assert "\n" not in str(caught.value)
    pipeline.cache_clear()


@pytest.mark.slow
def test_a_user_with_a_cache_alone_is_certified_by_its_context(tmp_path, own_cache, monkeypatch):
    with offline_crds() as made:
        write_stub_context(made)
        shutil.copytree(made, tmp_path / "crds")
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "crds"))
    acceptance._own_context.cache_clear()
    pipeline.cache_clear()
    path = good_mask(tmp_path, "NRCB4")
    assert acceptance.certified(path, Geometry(FRAME)) == ([], "jwst_0000.pmap")
    # A folder that no server was ever asked for is no cache.
    monkeypatch.setenv("CRDS_PATH", str(tmp_path))
    assert acceptance.certified(path, Geometry(FRAME)) == ([], "a stub context")
    acceptance._own_context.cache_clear()
    pipeline.cache_clear()


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_subarray_that_masks_are_applied_to_is_real(detector):
    name, window = acceptance.subarray_window(detector, Geometry())
    assert window in positions(detector, name)
    _, mini = acceptance.subarray_window(detector, Geometry(FRAME))
    assert mini.cut(np.zeros((FRAME, FRAME))).shape == (mini.ysize, mini.xsize)


def test_differences_are_counted_by_flag():
    expected, found = np.zeros((4, 5), np.uint32), np.zeros((4, 5), np.uint32)
    expected[1, 2], found[3, 4] = BAD, bits_of(("HOT",))
    told = difference(expected, found)
    assert told == {"pixels": 2, "first": [2, 1], "flags": {"DO_NOT_USE": [0, 1], "HOT": [1, 1]}}
    assert difference(expected, expected) == {"pixels": 0, "first": [], "flags": {}}
    assert Window(3, 2, 2, 1).cut(expected).tolist() == [[BAD, 0]]


def test_a_flag_at_a_value_that_nobody_has_is_a_definition_error():
    raw = np.array([[0, BAD, 2**14]], np.uint32)
    fits_well = [(1, "DO_NOT_USE"), (2**11, "HOT"), (2**14, "RC")]
    assert maskquality.definition_errors(raw, fits_well) == (0, [])
    count, said = maskquality.definition_errors(raw, [(1, "DO_NOT_USE"), (2, "HOT"), (2**11, "WARM"), (2**14, "RC")])
    assert (count, said) == (1, ["HOT at 2 by DQ_DEF, which no pixel has, while 1 pixels have 2048"])
    assert maskquality.definition_errors(np.zeros((2, 2), np.uint32), ()) == (1, ["no DQ_DEF"])
