"""``search --flats``: what jwst_reffiles sees in flats, in the mask of the darks."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask.cli import main
from darkmask.core.flags import dq_bits
from darkmask.masks.file import read_mask
from darkmask.search.reffiles.flats import merge_flats

FRAME, BORDER = 128, 4


@dataclass(frozen=True)
class Flats:
    """Simulated flats of NRCA1, and where their bad pixels are, as (y, x)."""

    folder: Path
    dead: tuple
    low_qe: tuple
    open: tuple
    saturated: tuple


def bit(name: str) -> np.uint32:
    return dq_bits(name)


def write_flat(path: Path, image: np.ndarray, **keywords) -> None:
    """Write a ``_rate`` file with the keywords that a search of flats goes by."""
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            "TELESCOP": "JWST",
            "INSTRUME": "NIRCAM",
            "DETECTOR": "NRCA1",
            "SUBARRAY": "FULL",
            "NINTS": 1,
            "NGROUPS": 10,
            "TGROUP": 10.73677,
            "NOUTPUTS": 4,
            "DATE-OBS": "2016-01-01",
            "SUBSTRT1": 1,
            "SUBSTRT2": 1,
            "SUBSIZE1": FRAME,
            "SUBSIZE2": FRAME,
            "FASTAXIS": -1,
            "SLOWAXIS": 2,
            "EXP_TYPE": "NRC_LED",
            "S_RAMP": "COMPLETE",
            **keywords,
        }
    )
    dq = np.zeros(image.shape, np.int32)
    images = [fits.ImageHDU(image.astype(np.float32), name="SCI"), fits.ImageHDU(dq, name="DQ")]
    fits.HDUList([primary, *images]).writeto(path)


@pytest.fixture(scope="session")
def flats(small, tmp_path_factory) -> Flats:
    """Make ten lit frames, in which a pixel that is saturated in darks has no slope."""
    rng = np.random.default_rng(7)
    dark = read_truth_of_saturated(small)
    found = Flats(
        tmp_path_factory.mktemp("flats"),
        dead=((30, 41), (97, 60)),
        low_qe=((50, 90), (72, 33)),
        open=((100, 100),),
        saturated=dark,
    )
    response = 1 + 0.02 * rng.standard_normal((FRAME, FRAME))
    for y, x in (*found.dead, *found.saturated):
        response[y, x] = 0.0
    for y, x in found.low_qe:
        response[y, x] = 0.3
    for y, x in found.open:
        response[y - 1 : y + 2, x - 1 : x + 2] = 1.2
        response[y, x] = 0.2
    for number in range(10):
        image = 1000.0 * response + 5.0 * rng.standard_normal(response.shape)
        write_flat(found.folder / f"flat{number}_nrca1_rate.fits", image)
    return found


def read_truth_of_saturated(small) -> tuple:
    from darkmask.simulate import read_truth

    table = read_truth(small.truth, "NRCA1")
    table = table[table["category"] == "saturated"]
    return tuple((int(row["y"]), int(row["x"])) for row in table)


def search(small, out: Path, *more) -> int:
    command = ["search", small.delivery, out, "--frame", FRAME, "--detectors", "NRCA1", *more]
    return main([str(word) for word in command])


@pytest.fixture(scope="session")
def masks(small, flats, tmp_path_factory):
    """Return decoded masks: of the darks alone, and with flats in both ways of telling dead pixels."""
    out = tmp_path_factory.mktemp("masks")
    name = "jwst_nircam_mask_nrca1.fits"
    assert search(small, out / "darks") == 0
    assert search(small, out / "sigma", "--flats", flats.folder) == 0
    assert search(small, out / "absolute", "--flats", flats.folder, "--dead-search-type", "absolute_rate") == 0
    return {kind: read_mask(out / kind / name) for kind in ("darks", "sigma", "absolute")}


def where(dq: np.ndarray, name: str) -> set:
    return {(int(y), int(x)) for y, x in zip(*np.nonzero(dq & bit(name)), strict=True)}


@pytest.mark.slow
def test_planted_pixels_get_their_flags(flats, masks):
    dq = masks["absolute"].decoded
    assert where(dq, "DEAD") == set(flats.dead)
    assert where(dq, "LOW_QE") == set(flats.low_qe)
    assert where(dq, "OPEN") == set(flats.open)
    ((y, x),) = flats.open
    around = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} - {(y, x)}
    assert where(dq, "ADJ_OPEN") == around


@pytest.mark.slow
def test_what_is_hot_is_not_dead(flats, masks):
    """The flats alone call a saturated pixel dead: its slope is zero."""
    for kind in ("sigma", "absolute"):
        dq = masks[kind].decoded
        for y, x in flats.saturated:
            assert dq[y, x] & bit("HOT")
            assert not dq[y, x] & bit("DEAD")


@pytest.mark.slow
def test_what_is_dead_is_not_low_qe(flats, masks):
    """The package calls a pixel dead five sigma below the mean, and a low-QE pixel lies lower still."""
    dq = masks["sigma"].decoded
    assert where(dq, "LOW_QE") == set()
    assert where(dq, "DEAD") >= {*flats.dead, *flats.low_qe}


@pytest.mark.slow
def test_dead_and_open_are_not_used_and_darks_lose_nothing(flats, masks):
    darks, dq = masks["darks"].decoded, masks["absolute"].decoded
    assert ((dq & darks) == darks).all()
    for y, x in (*flats.dead, *flats.open):
        assert dq[y, x] & bit("DO_NOT_USE")
    for y, x in flats.low_qe:
        assert (dq[y, x] & bit("DO_NOT_USE")) == (darks[y, x] & bit("DO_NOT_USE"))
    assert not dq[:BORDER].any() or set(np.unique(dq[:BORDER])) == {bit("REFERENCE_PIXEL")}
    history = str(masks["absolute"].header["HISTORY"])
    assert "dead_search_type = absolute_rate" in history
    assert "flat0_nrca1_rate.fits" in history


def test_the_rules_of_merging():
    names = ("HOT", "DEAD", "LOW_QE", "OPEN", "ADJ_OPEN", "DO_NOT_USE", "REFERENCE_PIXEL")
    hot, dead, low, open_, adjacent, unusable, reference = (bit(name) for name in names)
    darks = np.array([[0, hot | unusable, hot, 0, 0, 0, reference]], dtype=np.uint32)
    flats = np.array([[dead | low, dead, dead | low, low, open_, adjacent, dead]], dtype=np.uint32)
    merged = merge_flats(darks, flats)
    assert merged.tolist() == [[dead | unusable, hot | unusable, hot | low, low, open_ | unusable, adjacent, reference]]
    assert merged.dtype == np.uint32


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"EXP_TYPE": "NRC_DARK"}, "has EXP_TYPE NRC_DARK and was given as a flat"),
        ({"S_RAMP": "SKIPPED"}, "has S_RAMP SKIPPED where COMPLETE was expected"),
        ({"DETECTOR": "NRCA2"}, "which is no"),
        ({"SUBARRAY": "SUB64P"}, "holds no full-frame _rate or _rateints file of a flat of NRCA1"),
    ],
)
def test_flats_that_cannot_be_used_are_said(small, tmp_path, capsys, keywords, said):
    folder = tmp_path / "flats"
    folder.mkdir()
    write_flat(folder / "flat_nrca1_rate.fits", np.ones((FRAME, FRAME)), **keywords)
    if "DETECTOR" in keywords:
        said = "is named for NRCA1 and its header says DETECTOR NRCA2"
    assert search(small, tmp_path / "out", "--flats", folder) == 1
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_flats_of_another_size_are_said(small, tmp_path, capsys):
    (tmp_path / "flats").mkdir()
    write_flat(tmp_path / "flats" / "flat_nrca1_rate.fits", np.ones((64, 64)))
    assert search(small, tmp_path / "out", "--flats", tmp_path / "flats") == 1
    assert "has 64x64 pixels where 128x128 were expected" in capsys.readouterr().err


def test_the_missing_package_is_said(small, flats, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jwst_reffiles", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert search(small, tmp_path / "out", "--flats", flats.folder) == 1
    error = capsys.readouterr().err
    assert "jwst_reffiles is not installed and was to search the flats of NRCA1" in error
    assert len(error.splitlines()) == 1
