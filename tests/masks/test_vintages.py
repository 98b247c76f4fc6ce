"""``--masks`` with masks of many makers and years: each is judged, or refused with a reason."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from numpy.lib import recfunctions

from darkmask.masks.file import full_dq_def, read_mask
from darkmask.masks.folder import scan_masks
from tests.support.handmade_masks import BAD, COMPACT_DEF, CRITERIA, compact, good_mask, rewrite
from tests.support.project import REAL_MASKS as REAL

ALL = {"DQ-BITS", "DQ-DO_NOT_USE", "DQ-PAIRS", "DQ-BORDER", "DQ-DEF", "DQ-RAW"}
ALL |= {"REF-SCHEMA", "REF-CERTIFY", "REF-DQINIT", "REF-HEADER", "REF-DTYPE"}


def pack(path):
    path.with_suffix(".fits.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


def store(how, dq_def=None):
    return lambda path: rewrite(path, how, full_dq_def() if dq_def is None else dq_def)


def packed_bytes(path):
    store(lambda dq: compact(dq).astype(np.uint8), COMPACT_DEF)(path)
    pack(path)


def in_tiles(path):
    with fits.open(path) as hdus:
        header, dq = hdus[0].header.copy(), compact(hdus["DQ"].data).astype(np.int32)
    image, table = fits.CompImageHDU(dq, name="DQ"), fits.BinTableHDU(COMPACT_DEF, name="DQ_DEF")
    fits.HDUList([fits.PrimaryHDU(header=header), image, table]).writeto(path, overwrite=True)


def small_names(path):
    table = full_dq_def()
    table["NAME"] = np.char.lower(table["NAME"])
    rewrite(path, None, table)


def without_names(path):
    rewrite(path, None, recfunctions.drop_fields(full_dq_def(), "NAME"))


# For each detector: the file, the checks that do not pass, and what the first of them says.
VINTAGES = {
    "NRCA1": (pack, {"REF-CERTIFY"}, "CRDS takes no gzipped file: unpack it"),
    "NRCA2": (store(lambda dq: dq.astype(">i8")), {"REF-DTYPE"}, "stores DQ as int64"),
    "NRCA3": (packed_bytes, {"REF-CERTIFY", "REF-DTYPE"}, "gzipped"),
    "NRCA4": (in_tiles, {"REF-CERTIFY", "REF-DTYPE"}, "is_image"),
    "NRCALONG": (without_names, ALL, "has a DQ_DEF without the columns VALUE and NAME"),
    "NRCB1": (
        store(lambda dq: dq.astype(np.int64) | (np.int64(1) << 40)),
        {"DQ-DEF", "DQ-RAW", "REF-DTYPE"},
        "decoding changes bits above 31 +0 -4096 pixels",
    ),
    "NRCB2": (
        store(lambda dq: np.where(dq == BAD, -1, 0).astype(np.int16)),
        {"DQ-BITS", "DQ-PAIRS", "DQ-BORDER", "REF-DTYPE"},
        "JUMP_DET",
    ),
    "NRCB3": (store(lambda dq: dq[None]), ALL, "has 3-D uint32 where a 2-D integer DQ array was expected"),
    "NRCB4": (store(lambda dq: dq.astype(float)), ALL, "has 2-D >f8 where a 2-D integer DQ array was expected"),
    "NRCBLONG": (
        small_names,
        {"DQ-DEF", "DQ-RAW", "DQ-BORDER", "REF-SCHEMA"},
        "does not define 1 ('do_not_use'), 2048 ('hot'), 2147483648 ('reference_pixel') by a known name; decoding "
        "changes DO_NOT_USE +0 -42 pixels, HOT +0 -42 pixels",
    ),
}


@pytest.mark.slow
def test_masks_of_many_vintages_are_judged_or_refused(run_checks, tmp_path):
    for detector, (make, _, _) in VINTAGES.items():
        make(good_mask(tmp_path / "masks", detector))
    criteria = tmp_path / "handmade.toml"
    criteria.write_text(CRITERIA)
    run = run_checks(f"--masks={tmp_path / 'masks'}", f"--criteria={criteria}", "-k", "DQ or REF")
    asked = {key: check for key, check in run.checks.items() if key[0] in ALL}
    for detector, (_, expected, said) in VINTAGES.items():
        failed = {key[0]: check for key, check in asked.items() if key[1] == detector and check["outcome"] != "pass"}
        assert set(failed) == expected, detector
        assert any(said in check["message"] for check in failed.values()), failed
    assert {check["outcome"] for check in asked.values()} == {"pass", "fail", "not_evaluated"}


@pytest.mark.skipif(not REAL.is_dir(), reason="the real masks are not here")
def test_the_real_masks_are_read_as_their_readme_says():
    folder = scan_masks(REAL)
    counts = {name: int((folder.read(name).decoded == 1).sum()) for name in ("NRCA1", "NRCA2", "NRCA3", "NRCA4")}
    assert counts == {"NRCA1": 2601, "NRCA2": 1952, "NRCA3": 3013, "NRCA4": 1197}
    long = read_mask(REAL / "nrc_badpix_240627_NRCBLONG.fits.gz")
    assert long.raw.dtype == np.int16
    assert int((long.decoded & 1).sum()) == 1509
    assert ((long.decoded & 1024) != 0)[:8].all()
    grown = read_mask(REAL / "nrc_badpix_251016_NRCALONG.fits.gz")
    assert grown.raw.dtype == np.int64
    assert int((grown.decoded & 1).sum()) == 3103
    with pytest.raises(Exception, match="more than one mask of NRCALONG"):
        folder.read("NRCALONG")


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the real masks are not here")
def test_the_real_masks_are_no_masks_for_the_pipeline(run_checks):
    """They are additions in bare images, without DQ extension, header and reference pixels."""
    run = run_checks(f"--masks={REAL}", "--detectors=NRCA1,NRCALONG,NRCB1", "-k", "REF", expect=1)
    said = {key[1]: check["message"] for key, check in run.checks.items() if key[0] == "REF-DQINIT"}
    assert "has no DQ extension, and the pipeline reads no other" in said["NRCA1"]
    assert "holds more than one mask of NRCALONG" in said["NRCALONG"]
    assert "holds no mask of NRCB1: add it" in said["NRCB1"]
