"""Catalogues and regions of simulated darks: every bad pixel once, at its place, with numbers that mean something."""

import hashlib
import json

import numpy as np
import pytest
from astropy.table import QTable, Table
from regions import Regions

from darkmask.build import catalogue
from darkmask.build.catalogue import write_catalogue
from darkmask.build.explainer import Explainer
from darkmask.build.fitted_columns import RampFits
from darkmask.core.categories import NO_DEFECT, Category
from darkmask.core.detectors import detector as look_up
from darkmask.core.flags import pixel_flags
from darkmask.delivery import OpenSet
from darkmask.search.flight.evidence import QUESTIONS
from darkmask.simulate import read_truth
from tests.support.requests import flight_request

COLUMNS = [
    *("detector", "x", "y", "x_fits", "y_fits", "categories", "dq", "dq_names"),
    *("test", "value", "limit"),
    *("rate", "rate_error", "rate_electrons", "rate_electrons_error"),
    *("noise", "pedestal", "jumps", "falls", "good_integrations"),
    *("farthest_rates", "share_high", "high_rate", "high_rate_error", "low_rate", "low_rate_error"),
    *("share_high_error", "high_epochs", "first_half", "second_half", "half_error", "trend"),
    *("decay_time", "decay_time_error"),
    *("telegraph_low", "telegraph_height", "telegraph_height_error", "duty", "duty_error"),
    *("dwell_low", "dwell_low_error", "dwell_high", "dwell_high_error"),
    *("rc_amplitude", "rc_amplitude_error", "rc_time", "rc_time_error"),
]


def test_a_catalogue_is_the_same_however_many_pixels_are_told_at_once(small, full, tmp_path, monkeypatch):
    request = flight_request(small.delivery, "NRCA1")
    with OpenSet(request.exposures, request.folder) as opened:
        fits = RampFits(request, full.outcome, look_up("NRCA1")).fits(opened)
    assert fits.switching.size
    assert fits.bent.size
    for pixels in (10**6, 7):
        monkeypatch.setattr(catalogue, "_PIXELS_AT_ONCE", pixels)
        write_catalogue(tmp_path / f"{pixels}.ecsv", full.outcome, full.frame, fits)
    assert len(full.bad) > 70
    assert (tmp_path / "7.ecsv").read_bytes() == (tmp_path / "1000000.ecsv").read_bytes()


def test_each_bad_pixel_has_one_row_at_its_place_in_the_full_frame(searched, tmp_path):
    path, _ = searched.written(tmp_path)
    table = Table.read(path)
    assert table.colnames == COLUMNS
    np.testing.assert_array_equal(np.column_stack((table["y"], table["x"])), searched.bad + searched.before)
    assert {table[name].dtype.kind for name in ("x", "y", "x_fits", "y_fits")} == {"i"}  # they index images
    np.testing.assert_array_equal(table["x_fits"], table["x"] + 1)
    np.testing.assert_array_equal(table["y_fits"], table["y"] + 1)
    assert set(table["detector"]) == {searched.frame.detector}
    assert table.meta["subarray"] == searched.frame.subarray
    assert table.meta["xstart"] == table.meta["ystart"] == searched.before + 1


def test_names_and_bits_say_the_same(searched, tmp_path):
    path, _ = searched.written(tmp_path)
    dq = searched.outcome.flags.to_dq(searched.outcome.categories)
    for row, (y, x) in zip(Table.read(path), searched.bad, strict=True):
        assert sum(Category(name).bit for name in row["categories"].split(",")) == searched.outcome.categories[y, x]
        assert row["dq"] == dq[y, x]
        assert sum(pixel_flags()[name] for name in row["dq_names"].split("|")) == dq[y, x]


def test_a_pixel_without_a_flag_is_not_read_back_as_missing(full, tmp_path):
    only = full.but(categories=np.where(full.outcome.categories, np.uint16(Category.UNDETERMINED.bit), np.uint16(0)))
    path, _ = only.written(tmp_path)
    table = Table.read(path)
    assert set(table["dq"]) == {0}
    assert set(table["dq_names"]) == {"GOOD"}
    assert not table.has_masked_columns


def test_the_maps_numbers_are_those_of_the_pixel(searched, tmp_path):
    path, _ = searched.written(tmp_path)
    table, (y, x) = Table.read(path), searched.bad.T
    maps = searched.outcome.maps
    for name, image in {
        "rate": maps.rate,
        "rate_electrons": searched.outcome.rate,
        "noise": maps.noise,
        "pedestal": maps.pedestal,
        "jumps": maps.jumps,
        "falls": maps.falls,
        "good_integrations": maps.finite,
    }.items():
        np.testing.assert_array_equal(table[name], image[y, x], err_msg=name)
        assert table[name].dtype == image.dtype, name


@pytest.fixture(scope="module")
def explainer(small, full):
    return Explainer(flight_request(small.delivery, "NRCA1"), full.outcome.categories)


@pytest.mark.parametrize("category", [c for c in Category if c not in (Category.INTERMITTENT, *NO_DEFECT)])
def test_value_and_limit_are_those_of_a_test_that_an_explanation_tells(full, explainer, category):
    table, (y, x) = full.table(), full.bad.T
    of = np.flatnonzero(table["categories"] == category.value)
    assert of.size, "the small delivery has none that is this alone"
    for number in of[:: max(1, of.size // 6)]:
        row, told = table[number], explainer.explain(int(x[number]), int(y[number]))
        test = told[str(row["test"])]
        assert test.outcome, str(told)
        assert row["value"] == pytest.approx(test.value, rel=1e-5)
        assert row["limit"] == pytest.approx(np.nan if test.limit is None else test.limit, rel=1e-5, nan_ok=True)


def test_of_the_tests_that_a_hot_pixel_takes_the_one_passed_by_least_is_told(full):
    table = full.table()
    hot = table[table["categories"] == "hot"]
    assert set(hot["test"]) <= {"hot", "detected", "full_early", "late_rate"}
    faint = hot[(hot["test"] == "hot") & (hot["value"] < 0.35)]
    assert len(faint)
    np.testing.assert_allclose(faint["limit"], 0.275, rtol=1e-6)
    np.testing.assert_allclose(faint["value"], faint["rate_electrons"], rtol=1e-6)


def test_nearly_every_bad_pixel_has_a_test_and_its_unit_is_told(searched, tmp_path):
    path, _ = searched.written(tmp_path)
    table = Table.read(path)
    named = table["test"] != "-"
    assert named.mean() > 0.98
    told = table["value"].description
    assert all(name in told for name in set(table["test"][named]))
    passes = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
    for row in table[named & np.isfinite(table["limit"])]:
        if row["test"] != "differences":  # failing it makes a pixel undetermined
            assert passes[QUESTIONS[row["test"]].relation](abs(row["value"]), abs(row["limit"])) or (
                passes[QUESTIONS[row["test"]].relation](row["value"], row["limit"])
            )


def test_another_search_names_no_test(full):
    table = full.but(passed={}).table()
    assert set(table["test"]) == {"-"}
    assert np.isnan(table["value"]).all()


def test_rates_of_hot_pixels_lie_within_their_errors_of_what_was_put_in(full, small):
    truth = {
        (row["y"], row["x"]): row["strength"]
        for row in read_truth(small.truth, "NRCA1")
        if row["category"] in ("hot", "warm")
    }
    pulls = [
        (row["rate_electrons"] - truth[row["y"], row["x"]]) / row["rate_electrons_error"]
        for row in full.table()
        if (row["y"], row["x"]) in truth and row["categories"] in ("hot", "warm")
    ]
    assert len(pulls) > 30
    # The errors are too large by a quarter or so.
    assert 0.6 < np.sqrt(np.mean(np.square(pulls))) < 1.2
    assert abs(np.mean(pulls)) < 0.4


def test_errors_are_of_read_noise_and_shot_noise_where_integrations_agree(searched):
    steady = searched.but_maps(rate_scatter=np.zeros_like(searched.outcome.maps.rate))
    maps, detector, tgroup = steady.outcome.maps, look_up(searched.frame.detector), searched.frame.tgroup
    y, x = searched.bad.T
    known = maps.finite[y, x] == maps.integrations
    assert known.sum() > 10
    rate, weight = (image[y, x][known].astype(float) for image in (maps.rate, maps.weight))
    exposure = detector.gain * tgroup * (maps.groups - 1) * maps.integrations
    variance = 12 * (detector.read_noise / tgroup) ** 2 / weight + 1.2 * rate.clip(0) / exposure
    table = steady.table()
    np.testing.assert_allclose(table["rate_error"][known], np.sqrt(variance), rtol=1e-6)
    np.testing.assert_allclose(table["rate_electrons_error"], table["rate_error"] * detector.gain, rtol=1e-6)


def test_errors_are_of_the_scatter_where_integrations_disagree(full):
    maps = full.outcome.maps
    restless = full.but_maps(
        rate_scatter=np.full_like(maps.rate, 1000), finite=np.where(maps.finite > 0, np.int16(4), np.int16(0))
    )
    y, x = full.bad.T
    table = restless.table()
    # The error is that of the four integrations that gave a rate, not of all.
    np.testing.assert_allclose(table["rate_error"][maps.finite[y, x] > 0], 1.2533 * 1000 / 2, rtol=1e-4)
    assert np.isnan(table["rate_error"][np.isnan(maps.rate[y, x])]).all()
    assert np.isnan(maps.rate[y, x]).any()


def test_columns_have_units_and_say_what_they_are(full, tmp_path):
    path, _ = full.written(tmp_path)
    table = QTable.read(path)
    units = {name: str(table[name].unit) for name in COLUMNS if getattr(table[name], "unit", None) is not None}
    assert units == {
        "rate": "DN / s",
        "rate_error": "DN / s",
        "rate_electrons": "electron / s",
        "rate_electrons_error": "electron / s",
        "noise": "DN",
        "pedestal": "DN",
        **dict.fromkeys(("high_rate", "high_rate_error", "low_rate", "low_rate_error"), "electron / s"),
        **dict.fromkeys(("first_half", "second_half", "half_error"), "electron / s"),
        **dict.fromkeys(("decay_time", "decay_time_error", "rc_time", "rc_time_error"), "s"),
        **dict.fromkeys(("telegraph_low", "telegraph_height", "telegraph_height_error"), "DN"),
        **dict.fromkeys(("dwell_low", "dwell_low_error", "dwell_high", "dwell_high_error"), "s"),
        **dict.fromkeys(("rc_amplitude", "rc_amplitude_error"), "DN"),
    }
    assert all(table[name].info.description for name in COLUMNS)
    for name in "x", "y":
        assert "counted from 0" in table[name].info.description
        assert "counted from 1" in table[f"{name}_fits"].info.description


def test_a_set_without_bad_pixels_has_the_same_columns_and_no_region(searched, tmp_path):
    path, regions = searched.but(categories=np.zeros_like(searched.outcome.categories)).written(tmp_path)
    empty, table = Table.read(path), searched.table()
    assert len(empty) == 0
    assert empty.colnames == table.colnames
    assert [empty[name].dtype.kind for name in COLUMNS] == [table[name].dtype.kind for name in COLUMNS]
    assert [empty[name].dtype for name in COLUMNS if empty[name].dtype.kind != "U"] == [
        table[name].dtype for name in COLUMNS if table[name].dtype.kind != "U"
    ]
    assert [empty[name].unit for name in COLUMNS] == [table[name].unit for name in COLUMNS]
    assert len(Regions.read(regions, format="ds9")) == 0


def test_equal_outcomes_give_equal_bytes(searched, tmp_path):
    first, second = (
        [path.read_bytes() for path in searched.written(tmp_path / folder)] for folder in ("first", "second")
    )
    assert first == second


@pytest.mark.slow
def test_a_report_holds_a_table_and_regions_of_each_set(small, run_checks):
    run = run_checks(f"--delivery={small.delivery}", f"--criteria={small.criteria}", expect=0)
    made = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (run.folder / "catalogues").iterdir()}
    stems = ("nrca1_full", "nrcblong_full", "nrcblong_sub64p")
    subarrays = {"nrcblong_sub64p_against_full.ecsv"}
    drifts = {"nrca1_full_drift.ecsv", "nrcblong_full_drift.ecsv"}
    suffixes = (".ecsv", ".reg", "_structures.ecsv", "_rates.ecsv")
    assert set(made) == {f"{stem}{suffix}" for stem in stems for suffix in suffixes} | subarrays | drifts
    assert json.loads((run.folder / "manifest.json").read_text())["catalogues"] == made
    for stem in stems:
        regions = Regions.read(run.folder / "catalogues" / f"{stem}.reg", format="ds9")
        assert len(regions) == len(Table.read(run.folder / "catalogues" / f"{stem}.ecsv")) > 0
