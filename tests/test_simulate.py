"""The simulated deliveries: what is promised of them, on a delivery of two detectors and two exposures."""

import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from astropy.io import fits

from darkmask.atomic import sha256_file
from darkmask.detectors import FRAME_SIZE, detector
from darkmask.errors import DeliveryError, ParameterError
from darkmask.flags import FLIGHT_FLAGS, Category, bits_of, pixel_flags
from darkmask.maskfile import read_mask
from darkmask.offline import offline_crds
from darkmask.simulate import DemoPaths, SimulationSpec, Subarray, read_truth, simulate_delivery
from darkmask.simulate.defects import HOT_RATES, SEPARATION, WARM_RATES, draw_defects
from darkmask.simulate.masks import draw_masks
from darkmask.simulate.products import bands
from darkmask.simulate.ramps import couple, simulate_ramps

FLAGS = pixel_flags()
SUBARRAY = Subarray("NRCBLONG", "SUB64P", 21, 31, 24, 24)
# More of everything than the default has, or a frame this small would hold one or two of each.
TINY = SimulationSpec(
    frame=96,
    detectors=("NRCA1", "NRCBLONG"),
    subarrays=(SUBARRAY,),
    exposures=2,
    fractions={
        Category.SATURATED: 0.001,
        Category.HOT: 0.006,
        Category.WARM: 0.001,
        Category.RC: 0.002,
        Category.INVERSE_RC: 0.001,
        Category.TELEGRAPH: 0.002,
        Category.NOISY: 0.002,
        Category.LOW_PEDESTAL: 0.001,
    },
)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory) -> DemoPaths:
    paths = DemoPaths.of(tmp_path_factory.mktemp("simulated") / "tiny")
    simulate_delivery(paths.delivery, TINY, workers=2, progress=False)
    return paths


def product(paths: DemoPaths, detector_name: str, kind: str, extension: str, observation: int = 1) -> np.ndarray:
    """An array of all exposures, joined along the integrations."""
    name = f"jw01062{observation:03d}001_02101_{{:05d}}_{detector_name.lower()}_{kind}.fits"
    return np.concatenate([fits.getdata(paths.delivery / name.format(n), extension) for n in (1, 2)])


def positions(paths: DemoPaths, detector_name: str, category: Category):
    table = read_truth(paths.truth, detector_name)
    chosen = table[table["category"] == category.value]
    return np.array(chosen["y"]), np.array(chosen["x"]), np.array(chosen["strength"])


def test_delivery_holds_whole_triplets_and_nothing_else(delivery):
    names = sorted(path.name for path in delivery.delivery.iterdir())
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
    assert sorted(path.name for path in delivery.delivery.parent.iterdir()) == [
        "tiny",
        "tiny.base",
        "tiny.ground",
        "tiny.truth",
    ]


def test_equal_specifications_give_equal_bytes(delivery, tmp_path):
    again = DemoPaths.of(tmp_path / "tiny")
    # One worker makes everything in another order and with another history than two.
    simulate_delivery(again.delivery, TINY, workers=1, progress=False)

    def digests(paths):
        root = paths.delivery.parent
        return {p.relative_to(root): sha256_file(p) for p in sorted(root.rglob("*")) if p.is_file()}

    assert digests(again) == digests(delivery)
    assert len(digests(again)) == 6 * 4 + 2 * 3


def test_another_seed_gives_other_defects_and_noise():
    other = SimulationSpec(seed=2, frame=64)
    one = SimulationSpec(seed=1, frame=64)
    a, b = (draw_defects(spec, "NRCA1", 5e4) for spec in (one, other))
    assert not np.array_equal(a.x, b.x)
    first, second = (simulate_ramps(one, detector("NRCA1"), None, exposure) for exposure in (1, 2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("kind", ["jump", "fitopt", "rate", "rateints"])
def test_headers_are_those_of_a_pipeline_product(delivery, kind):
    path = delivery.delivery / f"jw01062002001_02101_00002_nrcblong_{kind}.fits"
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


def test_products_satisfy_their_schemas(delivery):
    from stdatamodels.jwst import datamodels

    kinds = {
        "jump": datamodels.RampModel,
        "fitopt": datamodels.RampFitOutputModel,
        "rate": datamodels.ImageModel,
        "rateints": datamodels.CubeModel,
    }
    for kind, model_class in kinds.items():
        path = delivery.delivery / f"jw01062001001_02101_00001_nrca1_{kind}.fits"
        with model_class(str(path), strict_validation=True) as model:
            model.validate()
            assert fits.getval(path, "DATAMODL") == model_class.__name__


def test_delivery_is_read_without_a_problem(delivery):
    from darkmask.delivery import scan

    index = scan(delivery.delivery)
    assert index.problems == ()
    assert len(index.exposures) == 6
    assert index.simulated


def test_truth_holds_what_was_asked_for():
    spec = SimulationSpec()
    science = (256 - 8) ** 2
    for name in ("NRCA1", "NRCB1"):  # without and with a subarray
        defects = draw_defects(spec, name, 5e4)
        counts = Counter(defects.category)
        for category, fraction in spec.fractions.items():
            assert counts[category] == round(fraction * science), category
    hot, warm = defects.of(Category.HOT), defects.of(Category.WARM)
    assert hot.strength.min() >= HOT_RATES[0] == WARM_RATES[1] > warm.strength.max()
    both = np.concatenate([hot.cluster, warm.cluster])
    assert 0.10 < (both >= 0).mean() < 0.20
    sizes = Counter(both[both >= 0])
    assert set(sizes.values()) <= {2, 3, 4, 5}
    for subarray in spec.subarrays:
        if subarray.detector == name:
            inside = defects.inside(*subarray.slices)
            assert min(Counter(inside.category)[c] for c in spec.fractions) >= 3
            assert inside.x.min() >= 0
            assert inside.x.max() < subarray.xsize


def test_weaker_defects_are_simulated_when_asked_for():
    strong, weak = (draw_defects(SimulationSpec(weakest=share), "NRCA1", 50_000) for share in (1.0, 0.05))
    for name in (Category.WARM, Category.RC, Category.INVERSE_RC, Category.TELEGRAPH, Category.LOW_PEDESTAL):
        assert np.abs(weak.of(name).strength).min() < 0.5 * np.abs(strong.of(name).strength).min()


def test_defects_keep_apart_and_off_the_border():
    defects = draw_defects(SimulationSpec(), "NRCB1", 5e4)
    assert min(defects.x.min(), defects.y.min()) > 4
    assert max(defects.x.max(), defects.y.max()) < 256 - 5
    distance = np.maximum(np.abs(defects.x[:, None] - defects.x), np.abs(defects.y[:, None] - defects.y))
    same = (defects.cluster[:, None] == defects.cluster) & (defects.cluster >= 0)
    np.fill_diagonal(same, True)
    assert distance[~same].min() >= SEPARATION
    assert (distance[same] > 0).any()


def test_noise_and_dark_current_are_the_published_ones():
    for name in ("NRCA1", "NRCALONG"):
        properties = detector(name)
        spec = SimulationSpec(detectors=(name,), fractions={}, cosmic_ray_rate=0, subarrays=(), groups=10)
        ramps = simulate_ramps(spec, properties, None, 1)[..., 4:-4, 4:-4] * properties.gain
        assert ramps.dtype == np.float32
        double_sample = np.std(np.diff(ramps, axis=1))
        poisson = properties.dark * 10.73677
        assert double_sample == pytest.approx(
            np.hypot(properties.read_noise * properties.gain * 2**0.5, poisson**0.5), rel=0.01
        )
        # JDox's figure and the reference files' agree this well.
        assert double_sample == pytest.approx(properties.cds_noise, rel=0.05)
        rate = (ramps[:, -1] - ramps[:, 0]).mean() / (9 * 10.73677)
        # Drift of 4 outputs, 2 integrations: 0.3 DN * sqrt(2 / 8) over 97 s, three sigma.
        assert rate == pytest.approx(properties.dark, abs=3 * 0.15 * properties.gain / 97)


def test_pedestal_scatters_by_the_reset_noise(delivery):
    pedestal = product(delivery, "NRCA1", "fitopt", "PEDESTAL")[:, 4:-4, 4:-4]
    scatter = 1.4826 * np.median(np.abs(pedestal - np.median(pedestal)))
    # 23.4 DN, and the first group's own read noise.
    assert scatter == pytest.approx(23.4, rel=0.06)


def test_coupling_keeps_charge():
    charge = np.zeros((5, 5), np.float32)
    charge[2, 2] = 1000.0
    seen = couple(charge, 0.005)
    assert seen[2, 2] == pytest.approx(980.0)
    assert seen[1, 2] == seen[2, 1] == seen[3, 2] == seen[2, 3] == pytest.approx(5.0)
    assert seen.sum() == pytest.approx(1000.0)


def test_hot_rates_are_recovered_within_their_errors(delivery):
    properties = detector("NRCA1")
    table = read_truth(delivery.truth, "NRCA1")
    chosen = np.isin(table["category"], ["hot", "warm"]) & (table["cluster"] < 0) & (table["strength"] < 100)
    y, x, strength = (np.array(table[chosen][name]) for name in ("y", "x", "strength"))
    rate = product(delivery, "NRCA1", "rateints", "SCI")[:, y, x] * properties.gain
    error = product(delivery, "NRCA1", "rateints", "ERR")[:, y, x] * properties.gain
    expected = strength * (1 - 4 * properties.ipc) + 4 * properties.ipc * properties.dark
    pull = (np.median(rate, axis=0) - expected) / (1.2 * np.median(error, axis=0) / 2)
    assert np.abs(np.median(pull)) < 0.5
    assert np.percentile(np.abs(pull), 90) < 3


def test_each_kind_of_pixel_behaves_as_its_name_says(delivery):
    ramps = product(delivery, "NRCA1", "jump", "SCI")
    groupdq = product(delivery, "NRCA1", "jump", "GROUPDQ")
    pedestal = product(delivery, "NRCA1", "fitopt", "PEDESTAL")
    rate = product(delivery, "NRCA1", "rateints", "SCI")
    jumps = ((groupdq & FLAGS["JUMP_DET"]) != 0).sum(axis=1)

    y, x, _ = positions(delivery, "NRCA1", Category.SATURATED)
    assert ((groupdq[:, :, y, x] & FLAGS["SATURATED"]) != 0).all()
    # Growth by one pixel.
    assert ((groupdq[:, :, y + 1, x - 1] & FLAGS["SATURATED"]) != 0).all()
    assert (pedestal[:, y, x] == 0).all()
    assert np.isnan(rate[:, y, x]).all()

    y, x, amplitude = positions(delivery, "NRCA1", Category.RC)
    rise = np.median(ramps[:, -1, y, x] - ramps[:, 0, y, x], axis=0)
    assert (rise > 0.45 * amplitude).all()
    assert (rise < amplitude).all()
    assert (np.median(ramps[:, 0, y, x], axis=0) > 1000).all()
    early = np.median(ramps[:, 3, y, x] - ramps[:, 0, y, x], axis=0)
    late = np.median(ramps[:, -1, y, x] - ramps[:, -4, y, x], axis=0)
    assert (early > 5 * late).all()

    y, x, amplitude = positions(delivery, "NRCA1", Category.INVERSE_RC)
    assert (np.median(ramps[:, -1, y, x] - ramps[:, 0, y, x], axis=0) < -0.4 * amplitude).all()

    y, x, level = positions(delivery, "NRCA1", Category.LOW_PEDESTAL)
    # Coupling takes no part of a pedestal; reset noise scatters it.
    assert np.median(pedestal[:, y, x], axis=0) == pytest.approx(level, abs=4 * 23.4)

    y, x, amplitude = positions(delivery, "NRCA1", Category.TELEGRAPH)
    strong = amplitude > 60
    assert strong.any()
    assert (jumps[:, y[strong], x[strong]].sum(axis=0) >= 4).all()
    spread = np.ptp(np.median(np.sort(ramps[:, :, y, x] - ramps[:, :1, y, x], axis=1), axis=0), axis=0)
    assert (spread[strong] > 0.7 * amplitude[strong]).all()

    y, x, factor = positions(delivery, "NRCA1", Category.NOISY)
    noise = np.std(np.diff(ramps[:, :, y, x], axis=1), axis=(0, 1)) / (detector("NRCA1").read_noise * 2**0.5)
    assert noise == pytest.approx(factor, rel=0.35)


def test_brightest_pixels_saturate_late_in_the_ramp():
    spec = SimulationSpec(fractions={Category.HOT: 0.004}, subarrays=(), integrations=1, detectors=("NRCA1",))
    properties = detector("NRCA1")
    defects = draw_defects(spec, "NRCA1", properties.well / properties.gain)
    brightest = np.argmax(defects.strength)
    ramp = simulate_ramps(spec, properties, None, 1)[0, :, defects.y[brightest], defects.x[brightest]]
    full = 0.93 * properties.well / properties.gain
    assert ramp[0] < full < ramp[-1]


def test_subarray_shows_the_pixels_of_the_full_frame(delivery):
    rows, columns = SUBARRAY.slices
    full = product(delivery, "NRCBLONG", "jump", "GROUPDQ")[:, 0, rows, columns] & FLAGS["SATURATED"]
    part = product(delivery, "NRCBLONG", "jump", "GROUPDQ", observation=2)[:, 0] & FLAGS["SATURATED"]
    assert full.any()
    assert np.array_equal(full.max(axis=0), part.max(axis=0))
    pixeldq = fits.getdata(delivery.delivery / "jw01062002001_02101_00001_nrcblong_jump.fits", "PIXELDQ")
    assert not (pixeldq & FLAGS["REFERENCE_PIXEL"]).any()


def test_reference_pixels_are_marked_and_hold_noise_alone(delivery):
    pixeldq = fits.getdata(delivery.delivery / "jw01062001001_02101_00001_nrca1_jump.fits", "PIXELDQ")
    reference = TINY.geometry.reference_pixels()
    assert np.array_equal((pixeldq & FLAGS["REFERENCE_PIXEL"]) != 0, reference)
    assert not (pixeldq & FLAGS["DO_NOT_USE"]).any()
    values = product(delivery, "NRCA1", "jump", "SCI")[..., reference]
    assert values.std() == pytest.approx(detector("NRCA1").read_noise, rel=0.03)


def test_ground_mask_is_most_of_the_truth_and_some_that_healed():
    spec = SimulationSpec()
    defects = draw_defects(spec, "NRCA1", 5e4)
    masks = draw_masks(spec, detector("NRCA1"), defects)
    sought = np.uint32(0)
    for category in defects.category:
        sought |= np.uint32(FLIGHT_FLAGS.value(Category(str(category))))
    sought &= ~np.uint32(bits_of(["DO_NOT_USE", "WARM"]))
    ground = (masks.ground & sought) != 0
    truth = np.zeros(ground.shape, bool)
    cold = defects.category != Category.WARM
    truth[defects.y[cold], defects.x[cold]] = True
    assert 0.85 < ground[truth].mean() < 0.95
    assert 0.05 < (ground & ~truth).sum() / ground.sum() < 0.08
    assert not (masks.ground & bits_of(["WARM"])).any()


def test_mask_in_force_leaves_the_defects_alone(delivery):
    dead = bits_of(["DEAD", "DO_NOT_USE"])
    spec = SimulationSpec()
    defects = draw_defects(spec, "NRCA1", 5e4)
    base = draw_masks(spec, detector("NRCA1"), defects).base
    assert not base[defects.y, defects.x].any()
    for mnemonic in ("DEAD", "LOW_QE", "OPEN", "ADJ_OPEN", "NON_SCIENCE"):
        assert ((base & bits_of([mnemonic])) != 0).sum() >= 10, mnemonic
    assert (base[(base & bits_of(["DEAD"])) != 0] == dead).all()
    for kind, folder in (("ground", delivery.ground), ("base", delivery.base)):
        for name in TINY.detectors:
            mask = read_mask(folder / f"{name.lower()}_{kind}_mask.fits")
            assert mask.header["DETECTOR"] == name
            assert np.array_equal(mask.raw, mask.decoded)
            assert np.array_equal((mask.raw & FLAGS["REFERENCE_PIXEL"]) != 0, TINY.geometry.reference_pixels())


def test_products_do_not_depend_on_the_height_of_bands(tmp_path):
    """The whole frame at once, and bands of 24 rows: a jump or a saturated pixel at an edge flags across it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from darkmask.offline import offline_crds\n"
        "from darkmask.simulate import SimulationSpec, products\n"
        "from darkmask.simulate.headers import ExposureName\n"
        "from darkmask.detectors import detector\n"
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
        ({"subarrays": (Subarray("NRCB1", "SUB64P", 1, 1, 64, 64),)}, "off its 4 reference pixels"),
        ({"seed": -1}, "must not be negative"),
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
