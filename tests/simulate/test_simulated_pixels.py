"""What the pixels of a simulated delivery promise: defects, noise, and the masks that come with it."""

from collections import Counter

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.categories import Category
from darkmask.core.detectors import detector
from darkmask.core.flags import FLIGHT_FLAGS, bits_of, dq_bits, has_flag, pixel_flags
from darkmask.masks.file import read_mask
from darkmask.simulate import SimulationSpec, read_truth
from darkmask.simulate.defects import HOT_RATES, SEPARATION, WARM_RATES, draw_defects
from darkmask.simulate.masks import draw_masks
from darkmask.simulate.ramps import couple, simulate_ramps
from tests.support.tiny_delivery import SUBARRAY, TINY, positions, product

FLAGS = pixel_flags()


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
            inside = defects.inside(*subarray.window.slices)
            assert min(Counter(inside.category)[c] for c in spec.fractions) >= 3
            assert inside.x.min() >= 0
            assert inside.x.max() < subarray.window.xsize


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
        # JDox's figure and that of the reference files agree this well.
        assert double_sample == pytest.approx(properties.cds_noise, rel=0.05)
        rate = (ramps[:, -1] - ramps[:, 0]).mean() / (9 * 10.73677)
        # The drift of 4 outputs in 2 integrations is 0.3 DN * sqrt(2 / 8) over 97 s; the tolerance is three sigma.
        assert rate == pytest.approx(properties.dark, abs=3 * 0.15 * properties.gain / 97)


def test_pedestal_scatters_by_the_reset_noise(tiny_delivery):
    pedestal = product(tiny_delivery, "NRCA1", "fitopt", "PEDESTAL")[:, 4:-4, 4:-4]
    scatter = 1.4826 * np.median(np.abs(pedestal - np.median(pedestal)))
    # The scatter is 23.4 DN and the first group's own read noise.
    assert scatter == pytest.approx(23.4, rel=0.06)


def test_coupling_keeps_charge():
    charge = np.zeros((5, 5), np.float32)
    charge[2, 2] = 1000.0
    seen = couple(charge, 0.005)
    assert seen[2, 2] == pytest.approx(980.0)
    assert seen[1, 2] == seen[2, 1] == seen[3, 2] == seen[2, 3] == pytest.approx(5.0)
    assert seen.sum() == pytest.approx(1000.0)


def test_hot_rates_are_recovered_within_their_errors(tiny_delivery):
    properties = detector("NRCA1")
    table = read_truth(tiny_delivery.truth, "NRCA1")
    chosen = np.isin(table["category"], ["hot", "warm"]) & (table["cluster"] < 0) & (table["strength"] < 100)
    y, x, strength = (np.array(table[chosen][name]) for name in ("y", "x", "strength"))
    rate = product(tiny_delivery, "NRCA1", "rateints", "SCI")[:, y, x] * properties.gain
    error = product(tiny_delivery, "NRCA1", "rateints", "ERR")[:, y, x] * properties.gain
    expected = strength * (1 - 4 * properties.ipc) + 4 * properties.ipc * properties.dark
    pull = (np.median(rate, axis=0) - expected) / (1.2 * np.median(error, axis=0) / 2)
    assert np.abs(np.median(pull)) < 0.5
    assert np.percentile(np.abs(pull), 90) < 3


def test_each_kind_of_pixel_behaves_as_its_name_says(tiny_delivery):
    ramps = product(tiny_delivery, "NRCA1", "jump", "SCI")
    groupdq = product(tiny_delivery, "NRCA1", "jump", "GROUPDQ")
    pedestal = product(tiny_delivery, "NRCA1", "fitopt", "PEDESTAL")
    rate = product(tiny_delivery, "NRCA1", "rateints", "SCI")
    jumps = ((groupdq & FLAGS["JUMP_DET"]) != 0).sum(axis=1)

    y, x, _ = positions(tiny_delivery, "NRCA1", Category.SATURATED)
    assert ((groupdq[:, :, y, x] & FLAGS["SATURATED"]) != 0).all()
    # Saturation grows by one pixel.
    assert ((groupdq[:, :, y + 1, x - 1] & FLAGS["SATURATED"]) != 0).all()
    assert (pedestal[:, y, x] == 0).all()
    assert np.isnan(rate[:, y, x]).all()

    y, x, amplitude = positions(tiny_delivery, "NRCA1", Category.RC)
    rise = np.median(ramps[:, -1, y, x] - ramps[:, 0, y, x], axis=0)
    assert (rise > 0.45 * amplitude).all()
    assert (rise < amplitude).all()
    assert (np.median(ramps[:, 0, y, x], axis=0) > 1000).all()
    early = np.median(ramps[:, 3, y, x] - ramps[:, 0, y, x], axis=0)
    late = np.median(ramps[:, -1, y, x] - ramps[:, -4, y, x], axis=0)
    assert (early > 5 * late).all()

    y, x, amplitude = positions(tiny_delivery, "NRCA1", Category.INVERSE_RC)
    assert (np.median(ramps[:, -1, y, x] - ramps[:, 0, y, x], axis=0) < -0.4 * amplitude).all()

    y, x, level = positions(tiny_delivery, "NRCA1", Category.LOW_PEDESTAL)
    # Coupling takes no part of a pedestal, but reset noise scatters it.
    assert np.median(pedestal[:, y, x], axis=0) == pytest.approx(level, abs=4 * 23.4)

    y, x, amplitude = positions(tiny_delivery, "NRCA1", Category.TELEGRAPH)
    strong = amplitude > 60
    assert strong.any()
    assert (jumps[:, y[strong], x[strong]].sum(axis=0) >= 4).all()
    # 18 DN of 60 are 2.5 times the noise of a difference. A hit only rises, so that both ways are asked.
    steps = np.diff(ramps[:, :, y[strong], x[strong]], axis=1)
    for way in (-steps, steps):
        assert ((np.abs(way - amplitude[strong]) < 0.3 * amplitude[strong]).sum(axis=(0, 1)) >= 3).all()

    y, x, factor = positions(tiny_delivery, "NRCA1", Category.NOISY)
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


def test_subarray_shows_the_pixels_of_the_full_frame(tiny_delivery):
    rows, columns = SUBARRAY.window.slices
    full = product(tiny_delivery, "NRCBLONG", "jump", "GROUPDQ")[:, 0, rows, columns] & FLAGS["SATURATED"]
    part = product(tiny_delivery, "NRCBLONG", "jump", "GROUPDQ", observation=2)[:, 0] & FLAGS["SATURATED"]
    assert full.any()
    assert np.array_equal(full.max(axis=0), part.max(axis=0))
    pixeldq = fits.getdata(tiny_delivery.delivery / "jw01062002001_02101_00001_nrcblong_jump.fits", "PIXELDQ")
    assert not (pixeldq & FLAGS["REFERENCE_PIXEL"]).any()


def test_reference_pixels_are_marked_and_hold_noise_alone(tiny_delivery):
    pixeldq = fits.getdata(tiny_delivery.delivery / "jw01062001001_02101_00001_nrca1_jump.fits", "PIXELDQ")
    reference = TINY.geometry.reference_pixels()
    assert np.array_equal((pixeldq & FLAGS["REFERENCE_PIXEL"]) != 0, reference)
    assert not (pixeldq & FLAGS["DO_NOT_USE"]).any()
    values = product(tiny_delivery, "NRCA1", "jump", "SCI")[..., reference]
    assert values.std() == pytest.approx(detector("NRCA1").read_noise, rel=0.03)


def test_ground_mask_is_most_of_the_truth_and_some_that_healed():
    spec = SimulationSpec()
    defects = draw_defects(spec, "NRCA1", 5e4)
    masks = draw_masks(spec, detector("NRCA1"), defects)
    sought = np.uint32(0)
    for category in defects.category:
        sought |= np.uint32(FLIGHT_FLAGS.value(Category(str(category))))
    sought &= ~dq_bits("DO_NOT_USE", "WARM")
    ground = (masks.ground & sought) != 0
    truth = np.zeros(ground.shape, bool)
    cold = defects.category != Category.WARM
    truth[defects.y[cold], defects.x[cold]] = True
    assert 0.85 < ground[truth].mean() < 0.95
    assert 0.05 < (ground & ~truth).sum() / ground.sum() < 0.08
    assert not (masks.ground & bits_of(["WARM"])).any()


def test_mask_in_force_leaves_the_defects_alone(tiny_delivery):
    dead = bits_of(["DEAD", "DO_NOT_USE"])
    spec = SimulationSpec()
    defects = draw_defects(spec, "NRCA1", 5e4)
    base = draw_masks(spec, detector("NRCA1"), defects).base
    assert not base[defects.y, defects.x].any()
    for mnemonic in ("DEAD", "LOW_QE", "OPEN", "ADJ_OPEN", "NON_SCIENCE"):
        assert has_flag(base, mnemonic).sum() >= 10, mnemonic
    assert (base[has_flag(base, "DEAD")] == dead).all()
    for kind, folder in (("ground", tiny_delivery.ground), ("base", tiny_delivery.base)):
        for name in TINY.detectors:
            mask = read_mask(folder / f"{name.lower()}_{kind}_mask.fits")
            assert mask.header["DETECTOR"] == name
            assert np.array_equal(mask.raw, mask.decoded)
            assert np.array_equal((mask.raw & FLAGS["REFERENCE_PIXEL"]) != 0, TINY.geometry.reference_pixels())


def test_dead_and_open_pixels_gather_no_charge():
    """Even where each pixel is hit now and then: what shows is noise, and what their neighbours couple in."""
    spec = SimulationSpec(frame=64, fractions={}, cosmic_ray_rate=2e-4, groups=10, integrations=2)
    properties = detector("NRCA1")
    blind = has_flag(draw_masks(spec, properties, draw_defects(spec, "NRCA1", 5e4)).base, "DEAD", "OPEN")
    steps = np.diff(simulate_ramps(spec, properties, None, 1), axis=1)
    assert blind.sum() >= 3
    assert np.abs(steps[:, :, blind]).max() < 100
    assert (steps[:, :, ~blind].max(axis=(0, 1)) > 200).mean() > 0.02
