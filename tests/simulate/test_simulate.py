"""What the files of a simulated delivery promise, on one of two detectors and two exposures."""

import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.categories import Category
from darkmask.core.detectors import FRAME_SIZE, detector
from darkmask.core.errors import DeliveryError, ParameterError
from darkmask.core.flags import pixel_flags
from darkmask.core.window import Window
from darkmask.pipeline.offline import offline_crds
from darkmask.simulate import DemoPaths, SimulationSpec, Subarray, read_truth, simulate_delivery
from darkmask.simulate.defects import draw_defects
from darkmask.simulate.products import bands
from darkmask.simulate.ramps import simulate_ramps
from tests.support.deliveries import digests
from tests.support.tiny_delivery import TINY

FLAGS = pixel_flags()


def test_delivery_holds_whole_triplets_and_nothing_else(tiny_delivery):
    names = sorted(path.name for path in tiny_delivery.delivery.iterdir())
    roots = Counter(name.rsplit("_", 1)[0] for name in names)
    assert sorted(roots) == [
        "jw01062001001_02101_00001_nrca1",
        "jw01062001001_02101_00001_nrcblong",
        "jw01062001001_02101_00002_nrca1",
        "jw01062001001_02101_00002_nrcblong",
        "jw01062002001_02101_00001_nrcblong",
        "jw01062002001_02101_00002_nrcblong",
    ]
    assert {name.rsplit("_", 1)[1] for name in names} == {"jump.fits", "fitopt.fits", "rate.fits", "rateints.fits"}
    assert set(roots.values()) == {4}
    assert sorted(path.name for path in tiny_delivery.delivery.parent.iterdir()) == [
        "tiny",
        "tiny.base",
        "tiny.ground",
        "tiny.truth",
    ]


@pytest.mark.slow
def test_equal_specifications_give_equal_bytes(tiny_delivery, tmp_path):
    again = DemoPaths.of(tmp_path / "tiny")
    # One worker makes everything in another order and with another history than two.
    simulate_delivery(again.delivery, TINY, workers=1, progress=False)
    assert digests(again.delivery.parent) == digests(tiny_delivery.delivery.parent)
    assert len(digests(again.delivery.parent)) == 6 * 4 + 2 * 3


def test_another_seed_gives_other_defects_and_noise():
    other = SimulationSpec(seed=2, frame=64)
    one = SimulationSpec(seed=1, frame=64)
    a, b = (draw_defects(spec, "NRCA1", 5e4) for spec in (one, other))
    assert not np.array_equal(a.x, b.x)
    first, second = (simulate_ramps(one, detector("NRCA1"), None, exposure) for exposure in (1, 2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("kind", ["jump", "fitopt", "rate", "rateints"])
def test_headers_are_those_of_a_pipeline_product(tiny_delivery, kind):
    path = tiny_delivery.delivery / f"jw01062002001_02101_00002_nrcblong_{kind}.fits"
    with fits.open(path) as hdus:
        header = hdus[0].header
        expected = {
            "SIMULATD": True,
            "FILENAME": path.name,
            "PROGRAM": "01062",
            "OBSERVTN": "002",
            "EXPOSURE": "00002",
            "DETECTOR": "NRCBLONG",
            "CHANNEL": "LONG",
            "MODULE": "B",
            "EXP_TYPE": "NRC_DARK",
            "SUBARRAY": "SUB64P",
            "SUBSTRT1": 21,
            "SUBSTRT2": 31,
            "SUBSIZE1": 24,
            "SUBSIZE2": 24,
            "FASTAXIS": 1,
            "SLOWAXIS": -2,
            "NINTS": 2,
            "NGROUPS": 20,
            "READPATT": "RAPID",
            "NOUTPUTS": 1,
            "S_SUPERB": "COMPLETE",
            "S_JUMP": "COMPLETE",
            "S_DARK": "SKIPPED",
            "DATE-OBS": "2022-04-12",
        }
        assert {key: header.get(key) for key in expected} == expected
        assert header["TGROUP"] == pytest.approx((24 + 12) * (24 + 2) * 1e-5)
        assert header.get("S_RAMP") == (None if kind == "jump" else "COMPLETE")


def test_products_satisfy_their_schemas(tiny_delivery):
    from stdatamodels.jwst import datamodels

    kinds = {
        "jump": datamodels.RampModel,
        "fitopt": datamodels.RampFitOutputModel,
        "rate": datamodels.ImageModel,
        "rateints": datamodels.CubeModel,
    }
    for kind, model_class in kinds.items():
        path = tiny_delivery.delivery / f"jw01062001001_02101_00001_nrca1_{kind}.fits"
        with model_class(str(path), strict_validation=True) as model:
            model.validate()
            assert fits.getval(path, "DATAMODL") == model_class.__name__


def test_delivery_is_read_without_a_problem(tiny_delivery):
    from darkmask.delivery import scan

    index = scan(tiny_delivery.delivery)
    assert index.problems == ()
    assert len(index.exposures) == 6
    assert index.simulated


@pytest.mark.slow
def test_products_do_not_depend_on_the_height_of_bands(tmp_path):
    """Bands of 24 rows give what the whole frame gives: a jump or a saturated pixel at an edge flags across it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from darkmask.pipeline.offline import offline_crds\n"
        "from darkmask.simulate import SimulationSpec, products\n"
        "from darkmask.simulate.headers import ExposureName\n"
        "from darkmask.core.detectors import detector\n"
        "spec = SimulationSpec(frame=64, detectors=('NRCA1',), groups=6, cosmic_ray_rate=1e-3,\n"
        "    fractions={'saturated': 0.01, 'telegraph': 0.01, 'hot': 0.01})\n"
        "with offline_crds():\n"
        "    for samples, name in ((10**9, 'whole'), (64 * 24 * 12, 'bands')):\n"
        "        products.BAND_SAMPLES = samples\n"
        "        folder = Path(sys.argv[1]) / name; folder.mkdir()\n"
        "        products.make_triplet(folder, spec, detector('NRCA1'), None, ExposureName('NRCA1', 1, 1))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=os.getcwd())
    root = "jw01062001001_02101_00001_nrca1"
    for kind in ("jump", "fitopt", "rate", "rateints"):
        whole, parts = (fits.open(tmp_path / folder / f"{root}_{kind}.fits") for folder in ("whole", "bands"))
        with whole, parts:
            assert [hdu.name for hdu in whole] == [hdu.name for hdu in parts]
            assert whole[0].header["SUBSTRT2"] == parts[0].header["SUBSTRT2"] == 1
            assert whole[0].header["SUBSIZE2"] == parts[0].header["SUBSIZE2"] == 64
            for one, other in zip(whole[1:-1], parts[1:-1], strict=True):
                np.testing.assert_array_equal(one.data, other.data, err_msg=f"{kind} {one.name}")


def test_bands_cover_every_row_once():
    assert bands((2, 20, 256, 256), 20_000_000) == [(0, 256)]
    rows = [row for first, last in bands((2, 60, 2048, 2048), 20_000_000) for row in range(first, last)]
    assert rows == list(range(2048))
    assert bands((2, 60, 3, 2048), 1) == [(0, 1), (1, 2), (2, 3)]


def test_full_folder_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(DeliveryError, match=r"out exists and is not empty"):
        simulate_delivery(tmp_path / "out", TINY, progress=False)
    (tmp_path / "other.truth").mkdir()
    (tmp_path / "other.truth" / "NRCA1.ecsv").write_text("mine")
    with pytest.raises(DeliveryError, match=r"other\.truth exists and is not empty"):
        simulate_delivery(tmp_path / "other", TINY, progress=False)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["NRCA1.ecsv", "notes.txt", "other.truth", "out"]


def test_missing_truth_is_said_in_one_sentence(tmp_path):
    with pytest.raises(DeliveryError, match=r"NRCA1\.ecsv does not exist"):
        read_truth(tmp_path, "NRCA1")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"frame": 254}, "multiple of 4"),
        ({"frame": 4096}, "at most 2048"),
        ({"detectors": ("NRCA9",)}, "no NIRCam detector"),
        ({"detectors": ()}, "name each detector"),
        ({"detectors": ("NRCA1", "NRCA1")}, "name each detector"),
        ({"groups": 1}, "groups = 1"),
        ({"exposures": 0}, "exposures = 0"),
        ({"fractions": {"dead": 0.1}}, "'dead'"),
        ({"fractions": {"hot": 0.5}}, "hot = 0.5"),
        ({"fractions": {"hot": 0.03, "rc": 0.03}}, "no room"),
        ({"cosmic_ray_rate": -1.0}, "cosmic_ray_rate"),
        ({"subarrays": (Subarray("NRCB1", "SUB64P", Window(1, 1, 64, 64)),)}, "off its 4 reference pixels"),
        ({"seed": -1}, "must not be negative"),
        ({"effects": {"fog": 1.0}}, "'fog'"),
        ({"effects": {"glow": -1.0}}, "glow = -1.0"),
        ({"effects": {"intermittent": 100.0}}, "no room"),
        ({"readpatt": "SLOW"}, "'SLOW'"),
        ({"exposures": 2, "epochs": (30.0, 30.0)}, "needs an exposure"),
        ({"epochs": (0.0,)}, "above 0"),
    ],
)
def test_impossible_specifications_are_refused(values, said):
    with pytest.raises(ParameterError, match=said):
        SimulationSpec(**values)


def test_default_specification():
    spec = SimulationSpec()
    assert len(spec.detectors) == 10
    assert {s.detector for s in spec.subarrays} == {"NRCB1", "NRCBLONG"}
    assert SimulationSpec(detectors=("NRCA1",)).subarrays == ()
    assert SimulationSpec(frame=64).subarrays == ()
    assert SimulationSpec(frame=FRAME_SIZE).geometry.frame == FRAME_SIZE
    hot_and_warm = spec.fractions[Category.HOT] + spec.fractions[Category.WARM]
    assert hot_and_warm == pytest.approx(0.004)
    others = [value for key, value in spec.fractions.items() if key not in (Category.HOT, Category.WARM)]
    assert min(others) >= 0.0004
    assert max(others) <= 0.001


def test_offline_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("CRDS_PATH", "/mine")
    monkeypatch.delenv("CRDS_CONTEXT", raising=False)
    with offline_crds() as cache:
        assert os.environ["CRDS_PATH"] == str(cache)
        assert "serverless" in os.environ["CRDS_SERVER_URL"]
        assert (cache / "config" / "jwst" / "server_config").is_file()
    assert os.environ["CRDS_PATH"] == "/mine"
    assert "CRDS_CONTEXT" not in os.environ
    assert not cache.exists()
