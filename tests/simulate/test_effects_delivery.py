"""A delivery with effects: its truth, its place in time, and what the pipeline's steps make of it."""

from datetime import timedelta

import numpy as np
import pytest
from astropy.io import fits

from darkmask.cli import main
from darkmask.core.detectors import detector
from darkmask.core.window import Window
from darkmask.delivery import scan
from darkmask.simulate import DemoPaths, SimulationSpec, Subarray, read_structures, read_truth, simulate_delivery
from darkmask.simulate.defects import draw_defects
from darkmask.simulate.difficult import draw_difficult
from darkmask.simulate.registry import REALISTIC
from darkmask.simulate.timing import epoch_of, exposure_start, mjd
from tests.support.deliveries import digests

pytestmark = pytest.mark.slow

SPEC = SimulationSpec(
    frame=64,
    detectors=("NRCBLONG",),
    subarrays=(Subarray("NRCBLONG", "SUB64P", Window(17, 17, 32, 32)),),
    exposures=2,
    groups=5,
    epochs=(35.5,),
    readpatt="SHALLOW4",
    effects={**REALISTIC, "dead_amplifier": 1.0, "intermittent": 5.0, "slow_telegraph": 5.0, "snowballs": 500.0},
)


@pytest.fixture(scope="module")
def changing(tmp_path_factory) -> DemoPaths:
    paths = DemoPaths.of(tmp_path_factory.mktemp("effects") / "changing")
    simulate_delivery(paths.delivery, SPEC, workers=2, progress=False)
    return paths


def primary(paths: DemoPaths, exposure: int, kind: str = "jump", observation: int = 1):
    name = f"jw01062{observation:03d}001_02101_{exposure:05d}_nrcblong_{kind}.fits"
    return paths.delivery / name


def test_equal_specifications_with_effects_give_equal_bytes(changing, tmp_path):
    again = DemoPaths.of(tmp_path / "changing")
    simulate_delivery(again.delivery, SPEC, workers=1, progress=False)
    assert digests(again.delivery.parent) == digests(changing.delivery.parent)


def test_the_delivery_is_read_without_a_problem(changing):
    index = scan(changing.delivery)
    assert index.problems == ()
    assert len(index.exposures) == 4


def test_the_truth_has_kind_strength_time_and_integrations_of_each_pixel(changing):
    table = read_truth(changing.truth, "NRCBLONG")
    pixels = draw_difficult(SPEC, detector("NRCBLONG"), draw_defects(SPEC, "NRCBLONG", 5e4))
    assert len(table) == pixels.x.size + draw_defects(SPEC, "NRCBLONG", 5e4).x.size
    rows = {(row["x"], row["y"]): row for row in table}
    for index in range(pixels.x.size):
        row, kind = rows[pixels.x[index], pixels.y[index]], pixels.kind[index]
        assert row["kind"] == kind
        assert row["strength"] == pixels.strength[index]
        numbers = {int(number) - 1 for number in row["integrations"].split(",") if number}
        bad = set(np.flatnonzero(pixels.bad[index]))
        assert numbers == (set() if len(bad) == 4 else bad)
        assert (row["falls"] >= 0) == (kind in ("slow_telegraph", "bursts"))
    assert {"intermittent", "slow_telegraph"} <= set(table["kind"])
    slow = table[table["kind"] == "slow_telegraph"]
    # 20 to 60 groups of 5 frames.
    assert 1000 < slow["timescale"].min() < slow["timescale"].max() < 3300


def test_structures_are_named_with_their_place(changing):
    table = read_structures(changing.truth, "NRCBLONG")
    assert set(table["kind"]) == {"wandering_columns", "dead_amplifier", "persistence", "snowballs"}
    column = table[table["kind"] == "wandering_columns"][0]
    assert (column["x"], column["y_first"], column["y_last"]) == (column["x_first"], 0, 63)
    balls = table[table["kind"] == "snowballs"]
    assert set(balls["integration"]) <= {1, 2, 3, 4}


def test_without_effects_there_are_no_structures(tiny_delivery):
    assert len(read_structures(tiny_delivery.truth, "NRCA1")) == 0
    assert "kind" not in read_truth(tiny_delivery.truth, "NRCA1").colnames


def test_masks_leave_difficult_pixels_alone(changing):
    table = read_truth(changing.truth, "NRCBLONG")
    base = fits.getdata(changing.base / "nrcblong_base_mask.fits", "DQ")
    assert not base[table["y"], table["x"]].any()


def test_headers_say_how_frames_were_averaged(changing):
    for observation, time in ((1, 10.73677), (2, (32 + 12) * (32 + 2) * 1e-5)):
        header = fits.getheader(primary(changing, 1, observation=observation))
        assert (header["READPATT"], header["NFRAMES"], header["GROUPGAP"]) == ("SHALLOW4", 4, 1)
        assert header["TFRAME"] == pytest.approx(time)
        assert header["TGROUP"] == pytest.approx(5 * time)
        # Five groups of four frames, four gaps of one.
        assert header["EFFINTTM"] == pytest.approx(24 * time)


@pytest.mark.parametrize("exposure", [1, 2])
def test_integrations_have_a_place_in_time(changing, exposure):
    header = fits.getheader(primary(changing, exposure))
    begin = exposure_start(SPEC, None, 1, exposure)
    assert header["EXPSTART"] == mjd(begin)
    assert header["DATE-BEG"] == begin.isoformat(timespec="milliseconds")
    frame = 10.73677 / 86_400
    times = fits.getdata(primary(changing, exposure), "INT_TIMES")
    assert times["integration_number"].tolist() == [1, 2]
    # A reset frame, and the 24 frames of a ramp.
    assert times["int_start_MJD_UTC"] - header["EXPSTART"] == pytest.approx([frame, 26 * frame], abs=1e-8)
    assert times["int_end_MJD_UTC"] - header["EXPSTART"] == pytest.approx([25 * frame, 50 * frame], abs=1e-8)
    assert header["EXPEND"] == pytest.approx(times["int_end_MJD_UTC"][-1], abs=1e-8)
    middle = (times["int_start_MJD_UTC"] + times["int_end_MJD_UTC"]) / 2
    assert times["int_mid_MJD_UTC"] - middle == pytest.approx([0, 0], abs=1e-8)
    assert (times["int_mid_BJD_TDB"] > times["int_mid_MJD_UTC"]).all()
    again = fits.getdata(primary(changing, exposure, "rateints"), "INT_TIMES")
    assert np.array_equal(times, again)
    for kind in ("rate", "fitopt"):
        with fits.open(primary(changing, exposure, kind)) as hdus:
            assert "INT_TIMES" not in hdus
            assert hdus[0].header["EXPSTART"] == header["EXPSTART"]


def test_epochs_lie_apart_and_share_the_exposures():
    spec = SimulationSpec(exposures=5, epochs=(30.0, 40.0))
    assert [epoch_of(spec, exposure) for exposure in range(1, 6)] == [0, 0, 1, 1, 2]
    starts = [exposure_start(spec, None, 1, exposure) for exposure in range(1, 6)]
    gaps = np.diff(starts)
    assert gaps[0] == gaps[2] < timedelta(hours=1)
    assert gaps[1] - gaps[0] == timedelta(days=30)
    assert gaps[3] - gaps[0] == timedelta(days=40)


def test_the_command_takes_effects_epochs_and_a_read_pattern(tmp_path, capsys):
    out = tmp_path / "darks"
    small = ["--frame", "64", "--detectors", "NRCA1", "--exposures", "2", "--integrations", "1", "--groups", "3"]
    asked = ["--effects", "intermittent=20,wandering_columns", "--epochs", "12.5", "--readpatt", "BRIGHT2"]
    assert main(["demo", str(out), *small, *asked]) == 0
    assert {row["kind"] for row in read_truth(DemoPaths.of(out).truth, "NRCA1")} > {"intermittent"}
    assert set(read_structures(DemoPaths.of(out).truth, "NRCA1")["kind"]) == {"wandering_columns"}
    first, second = (fits.getheader(path) for path in sorted(out.glob("*_jump.fits")))
    assert (first["READPATT"], first["NFRAMES"]) == ("BRIGHT2", 2)
    assert 12.5 < second["EXPSTART"] - first["EXPSTART"] < 12.51
    assert main(["demo", str(tmp_path / "none"), "--effects", "fog"]) == 4
    assert "'fog'" in capsys.readouterr().err
