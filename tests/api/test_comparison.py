"""Two masks, flag by flag: whatever they are given as."""

import numpy as np
import pytest

from darkmask import bad_pixels, compare_masks, read_mask
from darkmask.cli import main
from darkmask.core.errors import MaskError
from darkmask.core.flags import bits_of

# A delivery is searched first.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def masks(small, found):
    return next(small.ground.glob("*nrca1*")), found.products.built().mask_path


def test_its_text_is_what_the_command_prints(masks, capsys):
    # They differ.
    assert main(["compare", *map(str, masks)]) == 1
    assert capsys.readouterr().out == f"{compare_masks(*masks)}\n"


def test_paths_files_arrays_and_results_are_compared_alike(masks, found):
    ground, ours = masks
    expected = compare_masks(ground, ours)
    assert compare_masks(str(ground), found) == expected
    assert compare_masks(read_mask(ground), read_mask(str(ours))) == expected
    assert compare_masks(read_mask(ground).decoded, found.dq.astype(np.int64)) == expected
    assert len(expected) > 3


def test_each_flag_counts_pixels_of_both_and_of_each_alone():
    hot, rc = bits_of(("HOT",)), bits_of(("RC",))
    first = np.array([[hot, hot | rc, 0, rc]], np.uint32)
    second = np.array([[hot, 0, hot, rc]], np.uint32)
    comparison = compare_masks(first, second)
    assert dict(comparison) == {"HOT": (1, 1, 1), "RC": (1, 1, 0)}
    assert comparison["hot"].only_b == 1
    assert "TELEGRAPH" not in comparison
    table = comparison.table()
    assert list(table["flag"]) == ["HOT", "RC"]
    assert list(table["only_a"]) == [1, 1]
    assert "different in HOT, RC" in repr(comparison)


def test_masks_without_any_flag_are_equal():
    empty = compare_masks(np.zeros((4, 4), np.uint32), np.zeros((4, 4), np.uint32))
    assert len(empty) == len(empty.table()) == 0
    assert "equal in every flag" in repr(empty)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("no_such.fits", "no_such.fits does not exist"),
        (np.zeros((3, 3), np.uint32), r"has the shape \(128, 128\) and the second mask \(3, 3\)"),
        (np.zeros((128, 128)), "the second mask is a 2-D float64 array where a 2-D integer one was expected."),
        (np.zeros(3, int), "the second mask is a 1-D int64 array"),
        (7, "the second mask is a int: give the path of a MASK file"),
    ],
)
def test_what_is_no_mask_is_one_sentence(masks, second, said):
    with pytest.raises(MaskError, match=said) as raised:
        compare_masks(masks[0], second)
    assert len(str(raised.value).splitlines()) == 1


def test_two_searches_are_compared(small, found):
    other = bad_pixels(small.delivery, detector="NRCA1", search="official")
    comparison = compare_masks(found, other)
    assert comparison["HOT"].only_a > 0
    assert "what was found in NRCA1" in comparison._repr_html_()
