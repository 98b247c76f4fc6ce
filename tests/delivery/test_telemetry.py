"""Temperatures from telemetry are those of the times of the darks, and what is no such table is one sentence."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from darkmask.core.errors import ParameterError
from darkmask.delivery.telemetry import Telemetry, read_telemetry, temperature_of

NOON = 59681.5


def written(path, **columns):
    Table(columns).write(path, format="ascii.ecsv", overwrite=True)
    return path


@pytest.mark.parametrize("form", ["mjd", "iso", "time", "unsorted"])
def test_times_may_be_mjd_or_iso_in_any_order(tmp_path, form):
    mjd = NOON + np.arange(4) / 96
    values = 37.0 + np.arange(4)
    times = {"mjd": mjd, "iso": Time(mjd, format="mjd").isot, "time": Time(mjd, format="mjd"), "unsorted": mjd[::-1]}
    path = written(tmp_path / "t.ecsv", time=times[form], value=values[::-1] if form == "unsorted" else values)
    told = read_telemetry(path).at("NRCA1", np.array([NOON + 1 / 192, NOON, NOON - 1e-6, NOON + 3 / 96 + 1e-6]))
    assert told[:2] == pytest.approx([37.5, 37.0], abs=1e-4)
    assert np.isnan(told[2:]).all()


def test_rows_are_of_one_detector_or_of_all():
    rows = (("", 1.0, 40.0), ("NRCA1", 1.0, 37.0), ("", 1.01, 40.0), ("NRCA1", 1.01, 37.0))
    alone = Telemetry("t", "0", tuple(row for row in rows if row[0]))
    assert alone.at("NRCA1", np.array([1.005])) == pytest.approx([37.0])
    assert np.isnan(alone.at("NRCB1", np.array([1.005]))).all()
    everybody = Telemetry("t", "0", tuple(row for row in rows if not row[0]))
    assert everybody.at("NRCB1", np.array([1.005])) == pytest.approx([40.0])


def test_nothing_is_said_of_a_long_pause():
    told = Telemetry("t", "0", (("", 1.0, 37.0), ("", 1.03, 37.2), ("", 2.0, 39.0), ("", 2.01, 39.0)))
    assert told.at("NRCA1", np.array([1.01, 1.5, 2.005])) == pytest.approx(
        [37.0667, np.nan, 39.0], abs=1e-3, nan_ok=True
    )
    single = Telemetry("t", "0", (("", 1.0, 37.0),))
    assert single.at("NRCA1", np.array([1.0, 1.1])) == pytest.approx([37.0, np.nan], nan_ok=True)


WRONG = {
    "column": ({"time": [NOON], "kelvin": [37.0]}, "has no column value: it needs time and value."),
    "text": ({"time": [NOON], "value": ["warm"]}, "has a column value that is not of numbers: give temperatures in K."),
    "cold": ({"time": [NOON, NOON], "value": [37.0, 0.0]}, "Row 2 of "),
    "nan": ({"time": [NOON], "value": [np.nan]}, "has the value nan where a temperature from 1 to 400 K was expected."),
    "time": ({"time": ["noon"], "value": [37.0]}, "has a column time that is neither MJD nor ISO 8601"),
    "julian": ({"time": [2459682.0], "value": [37.0]}, "which is no MJD of this century: correct it."),
    "detector": (
        {"time": [NOON], "value": [37.0], "detector": ["NRCA5"]}, "has the detector 'NRCA5', which NIRCam has not"
    ),
    "contradicting": (
        {"time": [NOON, NOON + 1, NOON], "value": [37.0, 37.0, 39.0]},
        "has 39 K at MJD 59681.5 where row 1 has 37 K at the same time: leave the right one.",
    ),
    "empty": ({"time": np.zeros(0), "value": np.zeros(0)}, "has no row: give the temperatures"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_is_none_is_one_sentence(tmp_path, name):
    columns, said = WRONG[name]
    with pytest.raises(ParameterError) as raised:
        read_telemetry(written(tmp_path / "t.ecsv", **columns))
    assert said in str(raised.value)
    assert str(tmp_path / "t.ecsv") in str(raised.value)


def test_another_unit_and_other_files_are_one_sentence(tmp_path):
    table = Table({"time": [NOON], "value": [37.0]})
    table["value"].unit = "deg_C"
    table.write(tmp_path / "c.ecsv", format="ascii.ecsv")
    (tmp_path / "text").write_text("time value\n")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    for name, said in (
        ("c.ecsv", "has values in deg_C where K was expected: convert them."),
        ("text", "cannot be read as an ECSV table"),
        ("binary", "cannot be read as an ECSV table"),
        ("nowhere", "is no file: give the temperatures as an ECSV table of time and value."),
    ):
        with pytest.raises(ParameterError) as raised:
            read_telemetry(tmp_path / name)
        assert said in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("detector", "mnemonic"),
    [("NRCA3", "IGDP_NRC_FA_TMC2_SWMV_T"), ("NRCBLONG", "IGDP_NRC_FB_TMC2_LWMV_T")],
)
def test_a_header_says_the_temperature_by_its_mnemonic(detector, mnemonic):
    header = fits.Header([("FPATEMP", 37.4, mnemonic), ("OTHER", 99.0, "of something else")])
    assert temperature_of(header, detector) == 37.4
    assert temperature_of(header, "NRCB3") is None
    for card in (("T", "37.4", mnemonic), ("T", True, mnemonic), ("T", 0.0, mnemonic), ("T", 37.4, f"not {mnemonic}")):
        assert temperature_of(fits.Header([card]), detector) is None
    assert temperature_of(fits.Header([(f"HIERARCH {mnemonic}", 38.0)]), detector) == 38.0
    assert temperature_of(header, "") is None


def test_a_copied_row_that_says_the_same_is_no_contradiction(tmp_path):
    path = written(tmp_path / "t.ecsv", time=[NOON, NOON, NOON], value=[37.0, 37.0, 38.0], detector=["", "", "NRCA1"])
    assert len(read_telemetry(path).rows) == 3
