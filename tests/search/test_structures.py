"""Columns, rows, amplifiers and clumps are found as such, and named in one sentence each."""

import numpy as np
import pytest

from darkmask.search.structures import Structure, clumps_of, structure_table
from tests.support.raw_exposures import fitted, good_ramps, search_ramps

SIZE = 128


@pytest.fixture
def sentences(tmp_path):
    """Return what a search says of changed good pixels."""

    def search(change) -> list[str]:
        sci, groupdq = good_ramps(integrations=8, size=SIZE)
        change(sci, np.random.default_rng(5))
        outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
        return [one.sentence("NRCA1") for one in outcome.structures]

    return search


def test_good_pixels_are_no_structure(sentences):
    assert sentences(lambda *_: None) == []


def test_a_column_that_wanders_is_named_with_how_far(sentences):
    def wander(sci, random):
        sci[:, :, :, 81] += 15 * random.standard_normal((8, 1, 1)) * np.linspace(0, 1, 20)[:, None]
        sci[:, :, :, 81] += random.normal(0, 5, (8, 20, 1))

    (said,) = sentences(wander)
    assert said.startswith("column 81 of NRCA1 wanders by ")
    assert 5 < float(said.split()[6]) < 30


def test_a_column_that_wanders_past_a_pixel_that_fills_its_well_early_is_named(tmp_path):
    """The saturation step leaves two groups in the pixels around it: they have a rate and no noise."""
    sci, groupdq = good_ramps(integrations=12, size=SIZE)
    random = np.random.default_rng(5)
    sci[:, :, :, 81] += 15 * random.standard_normal((12, 1, 1)) * np.linspace(0, 1, 20)[:, None]
    sci[:, :, :, 81] += random.normal(0, 5, (12, 20, 1))
    groupdq[:, 2:, 63:66, 80:83] |= 2
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    (one,) = outcome.structures
    assert (one.kind, one.x_first) == ("wandering column", 81)
    assert not outcome.categories[np.r_[4:62, 67:124], 81].any()


def test_a_column_that_wanders_slowly_by_less_than_the_noise_of_a_read_is_named(tmp_path):
    """Differences hardly show it, and its pixels have higher and lower rates in the same integrations."""
    sci, groupdq = good_ramps(integrations=8, size=SIZE)
    random, level = np.random.default_rng(5), np.zeros((8, 20))
    for group in range(1, 20):
        level[:, group] = 0.95 * level[:, group - 1] + random.normal(0, 0.6, 8)
    sci[:, :, :, 81] += level[:, :, None]
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    (one,) = outcome.structures
    assert (one.kind, one.x_first) == ("wandering column", 81)
    assert not outcome.categories.any()


def test_a_pixel_that_switches_in_a_column_that_jumps_is_found(tmp_path):
    """Nearly all steps of the column are flagged as jumps, and those of the pixel are more and larger."""
    sci, groupdq = good_ramps(integrations=24, size=SIZE)
    random = np.random.default_rng(5)
    sci[:, :, :, 81] += random.normal(0, 30, (24, 20, 1))
    sci[:, :, 60, 81] += 85 * random.integers(0, 2, (24, 20))
    steps = np.diff(sci[:, :, :, 81], axis=1)
    groupdq[:, 1:, :, 81] |= np.where(np.abs(steps) > 29, np.uint8(4), np.uint8(0))
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert ("wandering column", 81) in [(one.kind, one.x_first) for one in outcome.structures]
    assert np.flatnonzero(outcome.categories[:, 81]).tolist() == [60]


def test_light_that_decays_on_a_third_of_a_column_is_no_column_that_wanders(tmp_path):
    """The rates of the pixels that are lit go together, and those of the others do not."""
    sci, groupdq = good_ramps(integrations=8, size=SIZE)
    for number in range(8):
        sci[number, :, 40:84, 70:84] += 4 / (number + 1) * np.arange(20)[:, None, None]
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    assert not [one for one in outcome.structures if one.kind == "wandering column"]


def test_a_column_that_begins_lower_is_an_offset_and_no_row_of_low_pedestals(tmp_path):
    sci, groupdq = good_ramps(integrations=8, size=SIZE)
    sci[:, :, :, 30] -= 400
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    (one,) = outcome.structures
    assert (one.kind, one.x_first, one.x_last, one.unit) == ("offset column", 30, 30, "DN")
    assert one.amount == pytest.approx(-400, abs=10)
    assert not outcome.categories.any()


def test_columns_rows_and_amplifiers_that_are_noisy_are_told_apart(sentences):
    def noisy(sci, random):
        sci[..., 45] *= 1.3
        sci[:, :, 70, 64:] += random.normal(0, 4, sci[:, :, 70, 64:].shape)
        sci[..., 96:] *= 1.5

    said = sentences(noisy)
    assert len(said) == 3
    assert said[0].startswith("column 45 of NRCA1 has 1.3")
    assert said[0].endswith("times the noise of the others, each pixel by itself")
    assert said[1].startswith("row 70 of NRCA1 (columns 64 to 127) has 1.3")
    assert said[2].startswith("the amplifier of columns 96 to 127 of NRCA1 has 1.5")


def test_touching_pixels_are_one_finding():
    unusable = np.zeros((40, 40), bool)
    unusable[5:8, 10:14] = True
    unusable[20:23, 20:23] = True  # a pixel and its eight neighbours
    (one,) = clumps_of(unusable)
    assert one == Structure("clump", 10, 13, 5, 7, 12.0, "pixels")
    assert one.sentence("NRCA1") == "12 pixels of NRCA1 that may not be used touch at x 10, y 5"


def test_the_table_has_a_row_for_each_and_the_same_columns_for_none():
    one = Structure("wandering column", 812, 812, 0, 2047, 15.0, "DN")
    full, empty = structure_table([one], "NRCA1"), structure_table([], "NRCA1")
    assert full["sentence"][0] == "column 812 of NRCA1 wanders by 15 DN along a ramp"
    assert full.dtype == empty.dtype
    assert len(empty) == 0
