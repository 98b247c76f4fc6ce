"""What a mask takes over from the mask in force, over generations of masks, and real masks as the first of them."""

from pathlib import Path

import numpy as np
import pytest

from darkmask.core.errors import MaskError
from darkmask.core.flags import FLIGHT_FLAGS, MASK_MNEMONICS, bits_of, count_flags
from darkmask.masks.carrying import carried_bits, path_beside, read_carried, write_carried
from darkmask.masks.compare import lost_bits
from darkmask.masks.file import MaskMeta, read_mask, write_mask
from darkmask.masks.folder import scan_masks
from tests.support.project import REAL_MASKS

DNU, HOT, RC, OPEN, DEAD = (bits_of((name,)) for name in ("DO_NOT_USE", "HOT", "RC", "OPEN", "DEAD"))


def image(*values) -> np.ndarray:
    return np.array([values], np.uint32)


def measured(like: np.ndarray) -> np.ndarray:
    return np.full_like(like, FLIGHT_FLAGS.measured_bits)


def test_what_no_dark_measures_is_carried_and_what_it_measures_is_judged_anew():
    every = [bits_of((name,)) for name in MASK_MNEMONICS]
    carried = carried_bits(image(*every), measured(image(*every)))
    freed = {name for name, bits in zip(MASK_MNEMONICS, carried[0], strict=True) if not bits}
    assert freed == {"HOT", "WARM", "RC", "TELEGRAPH", "UNRELIABLE_SLOPE", "UNRELIABLE_DARK", "OTHER_BAD_PIXEL"}


@pytest.mark.parametrize(
    ("base", "kept"),
    [(HOT | DNU, 0), (DNU, DNU), (OPEN | DNU, OPEN | DNU), (HOT | OPEN | DNU, OPEN | DNU)],
    ids=["explained", "unnamed", "implied", "implied beside what healed"],
)
def test_do_not_use_follows_what_it_stands_beside(base, kept):
    assert carried_bits(image(base), measured(image(base))).tolist() == [[kept]]


def test_do_not_use_of_a_healed_pixel_goes_though_a_harmless_flag_stays():
    """LOW_QE alone is used in this mask in force, so that it was for HOT that the other may not be."""
    low = bits_of(("LOW_QE",))
    base = image(low, low | HOT | DNU)
    assert carried_bits(base, measured(base)).tolist() == [[low, low]]


def test_nothing_goes_where_nothing_was_judged():
    base = image(HOT | DNU, RC | DNU, DNU)
    assert (carried_bits(base, np.zeros_like(base)) == base).all()


def write(folder: Path, dq: np.ndarray, carried: np.ndarray) -> Path:
    path = folder / "mask_nrca1.fits"
    meta = MaskMeta("NRCA1", "test", "test", "GROUND", "2022-01-01T00:00:00")
    write_mask(path, dq, meta)
    write_carried(path_beside(path), carried, dq, "NRCA1")
    return path


def test_no_ratchet_builds_up_over_generations(tmp_path):
    """Found, not judged, healed: without a record of what was carried the unnamed pixel would be freed with HOT."""
    base = image(DNU, 0, OPEN | DNU)
    found = image(HOT | DNU, HOT | DNU, HOT | DNU)
    carried = carried_bits(base, measured(base))
    first = read_mask(write(tmp_path, found | carried, carried))
    assert first.decoded.tolist() == [[HOT | DNU, HOT | DNU, HOT | OPEN | DNU]]

    nobody_judged = np.zeros_like(base)
    carried = carried_bits(first.decoded, nobody_judged, read_carried(first))
    assert (carried == first.decoded).all()

    carried = carried_bits(first.decoded, measured(base), read_carried(first))
    assert carried.tolist() == [[DNU, 0, OPEN | DNU]]
    assert lost_bits(first.decoded, carried, measured(base), read_carried(first)) == (0, {})
    # Without the record the first pixel's DO_NOT_USE is explained by HOT.
    assert carried_bits(first.decoded, measured(base)).tolist() == [[0, 0, OPEN | DNU]]


def test_a_flag_that_this_search_does_not_look_for_stays_with_its_do_not_use():
    noisy = bits_of(("UNRELIABLE_SLOPE",)) | DNU
    base, never = image(noisy), image(HOT)
    assert carried_bits(base, never, image(0)).tolist() == [[noisy]]


def test_a_record_of_another_mask_is_refused_and_is_no_mask_itself(tmp_path):
    path = write(tmp_path, np.zeros((8, 8), np.uint32), np.zeros((8, 8), np.uint32))
    assert scan_masks(tmp_path).path_of("NRCA1") == path
    meta = MaskMeta("NRCA1", "test", "test", "GROUND", "2022-01-01T00:00:00")
    write_mask(path, np.full((8, 8), DNU, np.uint32), meta)
    with pytest.raises(MaskError, match=r"mask_nrca1_carried.fits tells what was carried into another mask"):
        read_carried(read_mask(path))


@pytest.mark.skipif(not REAL_MASKS.is_dir(), reason="the real masks are not here")
@pytest.mark.parametrize(
    "name", ["nrc_badpix_251016_NRCALONG.fits.gz", "jwst_nircam_newhot_NRCA1_extra20231129.fits.gz"]
)
def test_real_masks_are_carried_whole(name):
    """They name nothing but DEAD (their border): every pixel is DO_NOT_USE for reasons that darks may not see."""
    base = read_mask(REAL_MASKS / name).decoded
    carried = carried_bits(base, measured(base))
    assert count_flags(carried) == count_flags(base)
    assert lost_bits(base, carried, measured(base)) == (0, {})
