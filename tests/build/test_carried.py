"""Masks made one after the other, each from the same darks and the mask before."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask.api.commands import write_search
from darkmask.core.detectors import Geometry
from darkmask.core.flags import bits_of, has_flag
from darkmask.masks.carrying import read_carried
from darkmask.masks.file import MaskFile, read_mask

DNU, HOT, OTHER, FLAT, BAD_REF = (
    bits_of((name,)) for name in ("DO_NOT_USE", "HOT", "OTHER_BAD_PIXEL", "NO_FLAT_FIELD", "BAD_REF_PIXEL")
)
HEALED, LOW, UNNAMED, NO_FLAT = (40, 40), (40, 50), (40, 60), (40, 70)
GOOD_REFERENCE = (1, 77)
SCIENCE = ~Geometry(128).reference_pixels()


def made(small, folder: Path, base: Path) -> MaskFile:
    list(write_search(small.delivery, folder, frame=128, base=base, detectors=["NRCA1"]))
    return read_mask(folder / "jwst_nircam_mask_nrca1.fits")


@pytest.fixture(scope="module")
def base(small, tmp_path_factory) -> Path:
    """Give a mask in force in which pixels that are good in these darks are bad for reasons good and bad."""
    folder = tmp_path_factory.mktemp("base")
    (path,) = small.base.glob("*nrca1*.fits")
    with fits.open(path) as hdus:
        dq = hdus["DQ"].data.copy()
        for place, bits in (
            (HEALED, HOT | DNU),
            (LOW, OTHER | DNU),
            (UNNAMED, DNU),
            (NO_FLAT, FLAT),
            (GOOD_REFERENCE, dq[GOOD_REFERENCE] | BAD_REF | DNU),
        ):
            dq[place] = bits
        hdus["DQ"].data = dq
        hdus.writeto(folder / path.name)
    return folder


@pytest.fixture(scope="module")
def first(small, base, tmp_path_factory) -> MaskFile:
    return made(small, tmp_path_factory.mktemp("first"), base)


def test_what_healed_is_free_and_what_nobody_measured_stays(first):
    assert first.decoded[HEALED] == first.decoded[LOW] == 0
    assert (first.decoded[UNNAMED], first.decoded[NO_FLAT]) == (DNU, FLAT)
    assert first.decoded[GOOD_REFERENCE] == bits_of(("REFERENCE_PIXEL",))


def test_the_image_beside_the_mask_tells_what_was_carried(first):
    carried = read_carried(first)
    assert (carried & ~first.decoded == 0).all()
    assert (carried[UNNAMED], carried[NO_FLAT]) == (DNU, FLAT)
    assert not has_flag(carried[SCIENCE], "HOT", "RC", "TELEGRAPH").any()
    found = first.decoded & ~carried
    assert has_flag(found[SCIENCE], "HOT").any()
    assert not has_flag(found, "DEAD", "OPEN", "NO_FLAT_FIELD").any()


def test_masks_do_not_grow(small, first, tmp_path):
    second = made(small, tmp_path, first.path.parent)
    assert np.array_equal(second.decoded, first.decoded)
    assert np.array_equal(read_carried(second), read_carried(first))


@pytest.mark.slow
def test_a_delivered_mask_is_judged_by_the_record_beside_it(small, first, run_checks):
    options = (f"--masks={first.path.parent}", f"--criteria={small.criteria}", "--detectors=NRCA1")
    run = run_checks(*options, expect=0)
    named = has_flag(first.decoded, "HOT", "WARM", "RC", "TELEGRAPH", "UNRELIABLE_SLOPE", "OTHER_BAD_PIXEL")
    carried = int((has_flag(read_carried(first), "DO_NOT_USE") & ~named & SCIENCE).sum())
    assert f"{carried} by what was carried" in run.checks["CNT-CARRIED", "NRCA1", "FULL"]["message"]
    assert run.checks["CNT-CARRIED", "NRCA1", "FULL"]["measured"] == pytest.approx(carried / SCIENCE.sum())
