"""Each effect does what the registry says of it, and the truth says where."""

import numpy as np
import pytest

from darkmask.core.detectors import detector
from darkmask.core.errors import ParameterError
from darkmask.simulate import SimulationSpec
from darkmask.simulate.defects import draw_defects
from darkmask.simulate.difficult import draw_difficult, falls_and_rises
from darkmask.simulate.effects import BEHAVIOURS
from darkmask.simulate.effects.columns import dead_amplifiers, wandering_columns
from darkmask.simulate.effects.lit import persistence_patches
from darkmask.simulate.effects.noise import pink
from darkmask.simulate.ramps import dark_rates, simulate_ramps
from darkmask.simulate.registry import EFFECTS, REALISTIC, parse_effects
from darkmask.simulate.scene import Scene

NAME = "NRCA1"
PROPERTIES = detector(NAME)
SCIENCE = (slice(None), slice(None), slice(4, -4), slice(4, -4))


def made(effects=None, exposure=1, **more) -> np.ndarray:
    """Return the ramps of one exposure, electrons, with no defects but those of the effects."""
    return simulate_ramps(specified(effects, **more), PROPERTIES, None, exposure) * PROPERTIES.gain


def specified(effects=None, **more) -> SimulationSpec:
    settings = {"frame": 64, "detectors": (NAME,), "groups": 12, "fractions": {}, "cosmic_ray_rate": 0.0}
    return SimulationSpec(**{**settings, "effects": effects or {}, **more})


def difficult(spec: SimulationSpec):
    return draw_difficult(spec, PROPERTIES, draw_defects(spec, NAME, 5e4))


def rates(ramps: np.ndarray) -> np.ndarray:
    """Return last minus first group of each integration, e-/s."""
    return (ramps[:, -1] - ramps[:, 0]) / (10.73677 * (ramps.shape[1] - 1))


def test_every_effect_has_one_behaviour_or_is_a_kind_of_pixel():
    kinds = {name for name, effect in EFFECTS.items() if effect.pixels}
    assert set(BEHAVIOURS) == set(EFFECTS) - kinds
    # What acts later in the registry acts later on the counts.
    assert list(BEHAVIOURS) == [name for name in EFFECTS if name not in kinds]
    assert "dead_amplifier" not in REALISTIC
    for effect in EFFECTS.values():
        assert effect.source
        assert effect.description.endswith(".")


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_changes_the_ramps_and_two_runs_agree(name):
    # Some are rare in a frame this small.
    strength = {"snowballs": 3000.0, "afterglow": 3.0, "dead_amplifier": 1.0, "varying_coupling": 5.0}.get(name, 3.0)
    effects = {name: strength} | ({"snowballs": 3000.0} if name == "afterglow" else {})
    fractions = {"hot": 0.01}
    exposure = 6 if name == "late_hot" else 2
    one, again = (made(effects, exposure, fractions=fractions) for _ in range(2))
    assert np.array_equal(one, again)
    without = made({"snowballs": 3000.0} if name == "afterglow" else None, exposure, fractions=fractions)
    assert not np.array_equal(one, without)
    assert np.isfinite(one).all()


def test_the_dark_current_of_each_pixel_is_what_its_ramps_collect():
    """A glow of 4 e-/s, which some rows of pixels show in a single ramp."""
    effects = {"dark_current": 1, "glow": 200, "gradient": 1}
    expected = dark_rates(Scene(specified(effects), PROPERTIES, None, 1))
    collected = rates(made(effects))[0]
    assert (expected[:4] == 0).all()
    for rows in (slice(4, 6), slice(6, 12), slice(12, 18)):
        here = np.s_[rows, 4:-4]
        assert collected[here].mean() == pytest.approx(expected[here].mean(), rel=0.05)


@pytest.mark.parametrize("name", ["NRCA1", "NRCALONG"])
def test_the_dark_current_lies_within_one_and_a_half_published_errors(name):
    properties, means = detector(name), []
    for seed in range(40):
        scene = Scene(specified({"dark_current": 1}, detectors=(name,), seed=seed), properties, None, 1)
        means.append(dark_rates(scene)[4:-4, 4:-4].mean())
    # Three thousand pixels that scatter by 30 % know their mean to 0.5 %.
    apart = (np.array(means) - properties.dark) / properties.dark_tolerance
    assert np.abs(apart).max() <= 1.5 + 0.02 * properties.dark / properties.dark_tolerance
    assert apart.min() < -1
    assert apart.max() > 1


def test_effects_do_not_change_one_another():
    """Each has random numbers of its own: with another one besides, its own part stays."""
    plain, columns = made(), made({"wandering_columns": 1})
    both, settling = made({"wandering_columns": 1, "settling": 1}), made({"settling": 1})
    np.testing.assert_allclose(both - settling, columns - plain, atol=0.05)


def test_all_pixels_of_a_kind_are_placed_apart_and_strength_is_their_number():
    spec = SimulationSpec(effects={name: 2.0 for name, effect in EFFECTS.items() if effect.pixels})
    defects = draw_defects(spec, NAME, 5e4)
    pixels = draw_difficult(spec, PROPERTIES, defects)
    for name, fraction in spec.kinds.items():
        assert (pixels.kind == name).sum() == round(fraction * 248**2), name
        assert fraction == 2 * EFFECTS[name].value
    x, y = (np.concatenate([getattr(pixels, axis), getattr(defects, axis)]) for axis in "xy")
    distance = np.maximum(np.abs(x[:, None] - pixels.x), np.abs(y[:, None] - pixels.y))
    np.fill_diagonal(distance, 99)
    assert distance.min() >= 3


def test_pixels_that_are_hot_at_times_are_hot_in_the_integrations_that_the_truth_names():
    kinds = {"intermittent": 8, "late_hot": 8, "healed": 8}
    spec = specified(kinds, exposures=4, epochs=(30.0,))
    pixels = difficult(spec)
    seen = np.concatenate([rates(made(kinds, exposure, exposures=4, epochs=(30.0,))) for exposure in range(1, 5)])
    hot = seen[:, pixels.y, pixels.x].T
    expected = pixels.strength[:, None] * pixels.bad * (1 - 4 * PROPERTIES.ipc)
    # Read noise of 16 e- over 118 s, and shot noise.
    assert (np.abs(hot - expected) < 5 * np.sqrt((16**2 + expected * 118) / 118**2)).all()
    counts = {kind: pixels.of(kind).bad.sum(axis=1) for kind in kinds}
    assert set(counts["intermittent"]) <= {1, 2, 3}
    late = pixels.of("late_hot").bad
    assert (np.diff(late.astype(int), axis=1) >= 0).all()
    assert late[:, -2:].all()
    assert (pixels.of("healed").bad == [[True] * 4 + [False] * 4]).all()


def test_slow_telegraph_has_two_levels_and_the_truth_counts_its_switches():
    effects = {"slow_telegraph": 8}
    spec = specified(effects, groups=40, exposures=3)
    pixels = difficult(spec)
    assert 50 <= pixels.strength.min() < pixels.strength.max() <= 500
    assert 20 <= pixels.timescale.min() < pixels.timescale.max() <= 60
    falls, rises = falls_and_rises(spec, PROPERTIES, pixels)
    assert (falls + rises).sum() / pixels.x.size == pytest.approx(6 * 39 / 35, rel=0.3)
    change = np.concatenate(
        [np.diff(made(effects, exposure, groups=40, exposures=3), axis=1) for exposure in (1, 2, 3)]
    )[:, :, pixels.y, pixels.x]
    # Where the height is far above the noise of a difference, each switch stands out.
    strong = pixels.strength > 150
    half = 0.5 * pixels.strength * PROPERTIES.gain
    assert np.array_equal((change < -half).sum(axis=(0, 1))[strong], falls[strong])
    assert np.array_equal((change > half).sum(axis=(0, 1))[strong], rises[strong])


def test_bursts_are_short_and_rare():
    spec = specified({"bursts": 10}, groups=100, exposures=1)
    levels = Scene(spec, PROPERTIES, None, 1)
    from darkmask.simulate.difficult import switching_levels

    on = switching_levels(levels, difficult(spec))[..., 0] > 0
    # One to three groups in 20 to 40.
    assert 0.03 < on.mean() < 0.12
    begins = (np.diff(on.astype(int), axis=2) == 1).sum()
    assert 1.0 < on.sum() / begins < 4.0


def test_early_saturation_comes_in_group_two_or_three():
    effects = {"early_saturation": 20}
    pixels = difficult(specified(effects))
    ramps = made(effects)[:, :, pixels.y, pixels.x]
    full = ramps >= 0.93 * PROPERTIES.well
    first = full.argmax(axis=1)
    assert set(np.unique(first)) == {1, 2}


def test_bent_ramps_lose_a_ninth_of_their_rate():
    effects = {"bent_hot": 20}
    pixels = difficult(specified(effects, groups=40))
    ramps = made(effects, groups=40)[:, :, pixels.y, pixels.x].mean(axis=0)
    early, late = (ramps[8] - ramps[0]).sum(), (ramps[39] - ramps[31]).sum()
    # From the middle of the one stretch to that of the other: 31 of 40 reads.
    assert late / early == pytest.approx((1 - 0.11 * 36 / 40) / (1 - 0.11 * 5 / 40), abs=0.01)


def test_persistence_falls_as_one_over_t_and_lies_where_the_truth_says():
    spec = specified({"persistence": 1.0}, exposures=3)
    patch = persistence_patches(spec, NAME, 1.0)
    x, y = (round(float(v[0])) for v in (patch.x, patch.y))
    around = (slice(max(y - 1, 4), y + 2), slice(max(x - 1, 4), x + 2))
    seen = [
        np.mean([rates(made({"persistence": 20.0}, exposure, exposures=3))[(..., *around)].mean()])
        for exposure in (1, 2, 3)
    ]
    assert 4 < seen[0] < 20
    times = np.array([300 + 140 + (exposure * 339) for exposure in range(3)])
    assert np.array(seen) * times == pytest.approx(np.full(3, seen[0] * times[0]), rel=0.15)


def test_wandering_columns_wander_and_no_others():
    spec = specified({"wandering_columns": 1.0}, groups=100)
    columns, deviation = wandering_columns(spec, NAME, 1.0)
    assert set(deviation) == {5.0, 15.0}
    profile = np.median(made({"wandering_columns": 1.0}, groups=100), axis=2) / PROPERTIES.gain
    moved = np.std(np.diff(profile, axis=1), axis=(0, 1))
    others = np.delete(moved, columns)
    for column, size in zip(columns, deviation, strict=True):
        # A step has sqrt(2 (1 - exp(-1 / 10))) = 0.44 of the deviation.
        assert np.hypot(np.median(others), 0.436 * size) == pytest.approx(moved[column], rel=0.25)
    assert others.max() < 1.5 * np.median(others)


@pytest.mark.parametrize("strength", [1, 3])
def test_dead_amplifiers_show_read_noise_and_nothing_else(strength):
    effects = {"dead_amplifier": strength, "late_hot": 10, "glow": 5}
    dead = dead_amplifiers(specified(effects), NAME, strength)
    assert len(dead) == strength
    ramps = made(effects, cosmic_ray_rate=1e-3)[SCIENCE]
    spread = [ramps[..., slice(max(16 * n - 4, 0), 16 * n + 12)].std() for n in range(4)]
    for number in range(4):
        # Besides the noise of a read there is the drift of the output, 0.3 DN.
        quiet = np.hypot(PROPERTIES.read_noise, 0.3) * PROPERTIES.gain
        assert (spread[number] == pytest.approx(quiet, rel=0.03)) == (number in dead)


def test_one_over_f_noise_has_its_strength_and_more_power_at_low_frequencies():
    rng = np.random.default_rng(1)
    stream = np.concatenate([pink(64, 16, rng).ravel() for _ in range(50)]).reshape(50, -1)
    power = np.mean(np.abs(np.fft.rfft(stream, axis=1)) ** 2, axis=0)
    assert power[1:9].mean() / power[256:].mean() == pytest.approx((1 / np.arange(1, 9)).mean() * 384, rel=0.4)
    assert stream.std() == pytest.approx(1.0)
    quiet = made()
    noise = (made({"one_over_f": 10.0}) - quiet)[SCIENCE]
    # The reference rows take some of it away.
    assert 20 < noise.std() < 45


def test_alternating_columns_differ_and_reset_noise_is_ktc():
    noise = (made({"alternating_columns": 4.0}) - made())[:, :, 4:-4, 16:32]
    assert 2 < noise.std() < 5
    # Neighbours along a row share nothing, and those of one parity nearly all.
    beside, next_but_one = (np.corrcoef(noise[..., n:].ravel(), noise[..., :-n].ravel())[0, 1] for n in (1, 2))
    assert abs(beside) < 0.1
    assert next_but_one > 0.5
    # Reset noise besides the noise of one read, 11 e-.
    pedestal = made({"ktc": 1.0})[SCIENCE][:, 0]
    assert pedestal.std() == pytest.approx(np.hypot(29, PROPERTIES.read_noise * PROPERTIES.gain), rel=0.05)


def test_read_noise_differs_by_pixel_and_none_becomes_a_noisy_one():
    effects = {"noise_map": 1.0}
    steps = np.diff(made(effects, groups=200, integrations=4), axis=1)[SCIENCE]
    noise = steps.std(axis=(0, 1)) / (PROPERTIES.read_noise * PROPERTIES.gain * np.sqrt(2))
    # The error of each is 2.5 %.
    assert np.median(noise) == pytest.approx(1.0, abs=0.01)
    assert 1.4826 * np.median(np.abs(noise - np.median(noise))) == pytest.approx(np.hypot(0.05, 0.028), rel=0.15)
    assert 0.004 < (noise > 1.19).mean() < 0.02
    assert noise.max() < 1.6


def test_settling_lowers_the_first_groups():
    low = made({"settling": 1.0}) - made()
    profile = low[SCIENCE].mean(axis=(0, 2, 3)) / PROPERTIES.gain
    assert -20 < profile[0] < -5
    assert profile[6] > 0.1 * profile[0]


@pytest.mark.parametrize(("pattern", "read", "skipped"), [("BRIGHT1", 1, 1), ("SHALLOW4", 4, 1), ("DEEP8", 8, 12)])
def test_read_patterns_average_frames_and_leave_gaps(pattern, read, skipped):
    spec = specified(readpatt=pattern, groups=6)
    assert (spec.frames_per_group, spec.frames_apart) == (read, read + skipped)
    ramps = made(readpatt=pattern, groups=6, integrations=4)[SCIENCE]
    dark = PROPERTIES.dark * (read + skipped) * 10.73677
    # Averaged reads differ by their noise, and by the charge between them.
    noise = 2 * (PROPERTIES.read_noise * PROPERTIES.gain) ** 2 / read + dark
    assert np.diff(ramps, axis=1).std() == pytest.approx(np.sqrt(noise), rel=0.05)
    late = made({"late_hot": 60}, readpatt=pattern, groups=6, exposures=1)
    pixels = difficult(specified({"late_hot": 60}, readpatt=pattern, groups=6, exposures=1))
    steps = np.diff(late[1], axis=0)[:, pixels.y, pixels.x].mean() / ((read + skipped) * 10.73677)
    assert steps == pytest.approx(pixels.strength.mean(), rel=0.06)


def test_cosmic_rays_in_averaged_groups_rise_in_two_steps():
    """A hit between two frames of a group shows in part in that group, and whole from the next on."""
    ramps = made(readpatt="DEEP8", groups=6, cosmic_ray_rate=2e-5, integrations=8)[SCIENCE]
    steps = np.diff(ramps, axis=1)
    big = steps > 200
    following = np.roll(big, -1, axis=1)[:, :-1] & big[:, :-1]
    # Eight of twenty frames are in a group: about a third of the hits are shared out.
    assert 0.1 < following.sum() / big.sum() < 0.6


def test_snowballs_saturate_a_core_and_glow_in_the_next_integration():
    effects = {"snowballs": 3000.0, "afterglow": 1.0}
    ramps = made(effects, exposures=1, integrations=3)
    cores = ramps.max(axis=1) > 0.9 * PROPERTIES.well
    assert cores.any()
    later = rates(ramps)[1:]
    only_before = cores[:-1] & ~cores[1:]
    # Away from the halos of the next ones.
    assert np.median(later[only_before]) > 0.2


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("none", {}),
        ("", {}),
        ("realistic", dict(REALISTIC)),
        ("bursts,glow=0.5", {"glow": 0.5, "bursts": 1.0}),
        ("realistic,persistence=0", {name: 1.0 for name in REALISTIC if name != "persistence"}),
    ],
)
def test_effects_are_named_on_the_command_line(text, chosen):
    assert parse_effects(text) == chosen


@pytest.mark.parametrize(("text", "said"), [("glow=much", "number"), ("glowing", "'glowing'"), ("glow=-1", "from 0")])
def test_effects_that_make_no_sense_are_refused(text, said):
    with pytest.raises(ParameterError, match=said):
        parse_effects(text)
