"""``darkmask index``: what its reports say of pixels is put together by day of observation."""

import shutil

import numpy as np
import pytest
from astropy.table import Table

from darkmask.core.categories import Category
from darkmask.reports.overview.write import write_overview
from tests.support.told_reports import Told, deliveries, pixels, write_report


def test_days_of_observation_and_not_of_the_run_make_the_order(reports):
    write_report(reports, "a", Told("2025-06-01", hot=0.004, finished="2026-01-02T00:00:00+00:00"))
    write_report(reports, "b", Told("2024-06-01", hot=0.002, finished="2026-01-03T00:00:00+00:00"))
    write_report(reports, "c", Told(None, hot=0.9))
    assert list(deliveries(reports)) == ["b", "a", "c"]
    page = (reports / "index.html").read_text()
    assert 'aria-label="CNT-HOT over 2 epochs, first and last: NRCALONG 0.002 to 0.004"' in page
    assert "<td>+0.002</td>" in page  # a year lies between
    assert "c: no day of observation is known, so that its pixels have no place in time." in page


def test_the_history_of_pixels(reports):
    always, came, went, restless, unknown = (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)
    hot, unsure = Category.HOT, Category.UNDETERMINED
    write_report(reports, "one", Told("2024-01-01", {hot: [always, went, restless, unknown]}))
    write_report(reports, "two", Told("2024-07-01", {hot: [always, went], unsure: [unknown]}))
    write_report(reports, "three", Told("2025-01-01", {hot: [always, came, restless], Category.RC: [always, unknown]}))
    found = pixels(reports)
    did = {
        where: (row["behaviour"], row["first_seen"], row["last_seen"], row["epochs_bad"], row["epochs_judged"])
        for where, row in found.items()
    }
    assert did == {
        always: ("in every epoch", "2024-01-01", "2025-01-01", 3, 3),
        came: ("appeared", "2025-01-01", "2025-01-01", 1, 3),
        went: ("disappeared", "2024-01-01", "2024-07-01", 2, 3),
        restless: ("comes and goes", "2024-01-01", "2025-01-01", 2, 3),
        # An epoch in which the search could not tell is neither good nor bad.
        unknown: ("in every epoch", "2024-01-01", "2025-01-01", 2, 2),
    }
    assert found[always]["found"] == "hot,rc"
    assert found[restless]["share"] == pytest.approx(2 / 3)
    page = (reports / "index.html").read_text()
    assert "<td>●○●</td>" in page
    assert "<td>5</td><td>2</td><td>1</td><td>1</td><td>1</td>" in page


def test_the_growth_of_a_rate_is_that_of_a_weighted_line(reports):
    """Against numpy's own fit; of two rates in one month nothing is said."""
    spot, near, hot = (3, 4), (8, 8), Category.HOT
    rates = {"2024-01-01": (1.0, 0.1), "2024-07-01": (1.4, 0.2), "2025-03-01": (2.5, 0.1)}
    for number, (day, rate) in enumerate(rates.items()):
        write_report(reports, str(number), Told(day, {hot: [spot]}, {spot: rate}))
    write_report(reports, "3", Told("2025-03-10", {hot: [near]}, {near: (9.0, 0.1)}))
    write_report(reports, "4", Told("2025-03-02", {hot: [near]}, {near: (5.0, 0.1), (1, 1): (2.0, 0.1)}))
    found = pixels(reports)
    days = np.array([np.datetime64(day) for day in rates])
    years = (days - days[0]).astype(int) / 365.25
    values, errors = np.array(list(rates.values())).T
    (slope, _), covariance = np.polyfit(years, values, 1, w=1 / errors, cov="unscaled")
    assert found[spot]["growth"] == pytest.approx(slope)
    assert found[spot]["growth_error"] == pytest.approx(covariance[0, 0] ** 0.5)
    assert np.isnan(found[near]["growth"])
    assert set(found) == {spot, near}


def test_the_same_darks_judged_twice_are_one_epoch(reports):
    write_report(reports, "first", Told(darks="same", finished="2026-01-02T00:00:00+00:00"))
    write_report(
        reports, "again", Told(darks="same", bad={Category.HOT: [(9, 9)]}, finished="2026-01-03T00:00:00+00:00")
    )
    assert set(pixels(reports)) == {(9, 9)}
    assert deliveries(reports)["first"]["compared_as"] == "again"
    assert "Its darks are those of again, which stands for both below." in (reports / "index.html").read_text()


def test_like_is_compared_with_like(reports):
    write_report(reports, "real", Told())
    write_report(reports, "simulated", Told("2025-06-01", simulated=True))
    write_overview(reports)
    kinds = set(Table.read(reports / "index_pixels.ecsv")["kind"])
    assert {kind.partition(",")[0] for kind in kinds} == {"real darks", "simulated darks"}
    assert (reports / "index.html").read_text().count("1 to compare") == 2


def test_an_image_that_its_run_did_not_leave_is_not_used(reports):
    write_report(reports, "good", Told())
    other = write_report(reports, "other", Told("2025-06-01", bad={Category.HOT: [(9, 9)]}))
    image = other / "masks" / "nrcalong_full_categories.fits"
    with image.open("ab") as file:
        file.write(bytes(2880))
    assert set(pixels(reports)) == {(3, 4)}
    assert (
        "nrcalong_full_categories.fits is not the file that its manifest.json" in (reports / "index.html").read_text()
    )
    image.unlink()
    assert set(pixels(reports)) == {(3, 4)}
    page = (reports / "index.html").read_text()
    assert "other: the category image of NRCALONG is gone, or is not the file that manifest.json lists" in page


def test_masks_that_were_given_have_a_history_by_flag(judged_masks, reports):
    """A whole report of the checks; its darks are not known, and its masks say which days they are of."""
    shutil.copytree(judged_masks, reports / "given")
    (row,) = deliveries(reports).values()
    assert (row["state"], row["first_day"], row["last_day"]) == ("pass", "2022-04-12", "2022-04-12")
    table = Table.read(reports / "index_pixels.ecsv")
    assert set(table["detector"]) == {"NRCA1", "NRCBLONG"}
    assert {"HOT", "RC"} <= {name for found in table["found"] for name in found.split(",")}
