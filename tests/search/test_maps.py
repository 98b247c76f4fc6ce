"""The maps agree with plain NumPy in double precision; neither order, grouping nor reading changes a bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry, detector
from darkmask.core.errors import DeliveryError, SearchError
from darkmask.search.engines import search_set
from darkmask.search.maps.changes import ChangeRows
from darkmask.search.maps.combine import combine_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from tests.support.raw_exposures import TGROUP, Ramps, fitted, good_ramps, searched, write_exposures

PROPERTIES = detector("NRCA1")
LEVEL = 20_000.0


def draw_ramps(seed, integrations=5, groups=12, rows=7, columns=24, flagged=0.15) -> Ramps:
    """Draw ramps of everything: bright and faint pixels, jumps, saturation, unusable groups, values not finite."""
    random = np.random.default_rng(seed)
    shape = (integrations, groups, rows, columns)
    slope = np.where(random.random((rows, columns)) < 0.3, 10 ** random.uniform(0, 3.5, (rows, columns)), 0.1)
    sci = 5 * random.standard_normal(shape) + slope * np.arange(groups)[:, None, None] + random.normal(0, 23, shape[2:])
    jump = random.random(shape) < flagged / groups
    jump[:, 0] = False
    sci += np.cumsum(jump * random.normal(50, 200, shape), axis=1)
    groupdq = np.where(jump, 4, 0).astype(np.uint8)
    first = random.integers(0, groups + 1, (integrations, rows, columns))
    saturated = (random.random((integrations, rows, columns)) < 0.05)[:, None] & (
        np.arange(groups)[:, None, None] >= first[:, None]
    )
    groupdq[saturated] |= 2
    sci[saturated & (random.random((rows, columns)) < 0.5)] += 30_000
    groupdq[random.random(shape) < 0.003] |= 1
    groupdq[random.random(shape) < 0.01] |= 64  # AD_FLOOR, of no concern
    sci[random.random(shape) < 0.002] = np.nan
    rate = (slope + 0.3 * random.standard_normal((integrations, rows, columns))) / TGROUP
    rate[random.random(rate.shape) < 0.03] = np.nan
    rate[random.random(rate.shape) < 0.01] = np.inf
    pedestal = random.normal(0, 20, rate.shape)
    return Ramps(sci.astype(np.float32), groupdq, rate.astype(np.float32), pedestal.astype(np.float32))


def measured_plainly(ramp, groupdq, rate) -> dict[str, float]:
    """Measure one pixel's integration as the definitions say it, in double precision."""
    ramp, rate = ramp.astype(float), float(rate)
    grown = bool(groupdq[0] & 2) and ramp[0] < LEVEL
    usable = (((groupdq & 2) == 0) | grown) & ((groupdq & 1) == 0) & np.isfinite(ramp)
    jump = (groupdq & 4) != 0
    step = np.diff(ramp)
    alive = usable[1:] & usable[:-1]
    quiet = step[alive & ~jump[1:]]
    every = step[alive]
    runs, run = [], 0
    for good, hit in zip(usable, jump, strict=True):
        if hit or not good:
            runs.append(run)
            run = 0
        run += good
    weight = sum(n * (n**2 - 1) for n in [*runs, run])
    share = max(int(len(every) * 0.25), 1)
    slope = quiet.mean() if quiet.size else np.nan
    given_slope = rate * TGROUP if np.isfinite(rate) else slope
    deepest = given_slope - 5.5 * np.sqrt(2 * PROPERTIES.read_noise**2 + max(given_slope, 0) / PROPERTIES.gain)
    return {
        "rate": rate if np.isfinite(rate) else slope / TGROUP,
        "weight": max(weight, 1) if np.isfinite(rate) else 6 * quiet.size**2,
        "first": ramp[0],
        "change": every.sum(),
        "shape": (every[:share].sum() - every[-share:].sum()) / share if every.size > 1 else np.nan,
        "scatter": every.std(ddof=1) if every.size > 1 else np.nan,
        "squares": ((quiet - slope) ** 2).sum(),
        "differences": quiet.size,
        "jumps": jump.sum(),
        "falls": (step[alive & jump[1:]] < deepest).sum(),
        "finite": np.isfinite(rate),
        "saturated_first": bool(groupdq[0] & 2),
        "saturated_last": bool(groupdq[-1] & 2) and ramp[-1] >= LEVEL,
    }


def combined_plainly(ramps: Ramps) -> dict[str, np.ndarray]:
    integrations, groups, rows, columns = ramps.sci.shape
    result = {}
    for y in range(rows):
        for x in range(columns):
            one = [
                measured_plainly(ramps.sci[i, :, y, x], ramps.groupdq[i, :, y, x], ramps.rate[i, y, x])
                for i in range(integrations)
            ]
            values = {name: np.array([float(m[name]) for m in one]) for name in one[0]}
            for name, value in pixel_plainly(values, ramps.pedestal[:, y, x], groups).items():
                result.setdefault(name, np.empty((rows, columns)))[y, x] = value
    return result


def median(values) -> float:
    good = values[np.isfinite(values)]
    return np.median(good) if good.size else np.nan


def spread(values) -> float:
    return 1.4826 * median(np.abs(values[np.isfinite(values)] - median(values)))


def pixel_plainly(values, pedestal, groups) -> dict[str, float]:
    finite = np.isfinite(values["rate"])
    rate, weight, centre = values["rate"][finite], values["weight"][finite], median(values["rate"])
    with np.errstate(divide="ignore"):
        variance = 12 * PROPERTIES.read_noise**2 / (weight * TGROUP**2)
    variance += 1.2 * max(centre, 0) / (PROPERTIES.gain * TGROUP * (groups - 1)) if rate.size else 0
    kept = (weight > 0) & (np.abs(rate - centre) <= 5 * np.sqrt(variance))
    steady = kept.any() and kept.sum() >= 0.75 * rate.size
    freedom = np.maximum(values["differences"] - 1, 0).sum()
    return {
        "rate": np.average(rate[kept], weights=weight[kept]) if steady else centre,
        "weight": weight[kept].sum() if steady else 2 / np.pi * weight.sum(),
        "rate_scatter": spread(values["rate"]),
        "finite": values["finite"].sum(),
        "pedestal": median(pedestal),
        "saturated_first": values["saturated_first"].sum(),
        "saturated_last": values["saturated_last"].sum(),
        "first": median(values["first"]),
        "change": median(values["change"]),
        "shape": median(values["shape"]),
        "shape_scatter": spread(values["shape"]),
        "noise": np.sqrt(values["squares"].sum() / freedom) if freedom else np.nan,
        "differences": values["differences"].sum(),
        "scatter": median(values["scatter"]),
        "jumps": values["jumps"].sum(),
        "falls": values["falls"].sum(),
    }


# Some widths are a multiple of the eight pixels that are looked at at once, and some are not. Four integrations have no
# middle one. One integration is fewer than any search takes, and still is measured.
@pytest.mark.parametrize(
    ("seed", "integrations", "groups", "columns"), [(1, 5, 12, 24), (2, 4, 30, 13), (3, 3, 5, 8), (4, 1, 7, 9)]
)
def test_maps_are_those_of_plain_numpy(tmp_path, seed, integrations, groups, columns):
    ramps = draw_ramps(seed, integrations, groups, columns=columns)
    exposures = write_exposures(tmp_path / "files", ramps, [range(integrations)])
    ours = combine_set(exposures, tmp_path / "files", PROPERTIES, LEVEL)
    plain = combined_plainly(ramps)
    assert set(plain) == set(vars(ours)) - {"integrations", "groups", "read_variance", "agreement", "changes"}
    for name, expected in plain.items():
        # Noise is a sum of squares in float32 about the pipeline's slope; everything else is a copy or a difference. A
        # scatter holds the rounding of the values that it is the scatter of.
        about = np.abs(plain[name.removesuffix("_scatter")])
        tolerance = 2e-4 * np.abs(expected) + 1e-6 * about + 1e-4 * max(np.nanmedian(np.abs(expected)), 1e-3)
        wrong = ~(np.abs(getattr(ours, name) - expected) <= tolerance) & ~(
            np.isnan(expected) & np.isnan(getattr(ours, name))
        )
        assert not wrong.any(), (name, getattr(ours, name)[wrong], expected[wrong])


def test_pixels_that_go_together_agree_and_others_do_not(tmp_path):
    random = np.random.default_rng(3)
    ramps = draw_ramps(3, integrations=6, rows=200, columns=16, flagged=0)
    rate = random.normal(0, 1, ramps.rate.shape)
    rate[:, :, 8:] += random.normal(0, 3, (6, 1, 8))
    exposures = write_exposures(tmp_path / "files", replace(ramps, rate=rate.astype(np.float32)), [range(6)])
    agreement = combine_set(exposures, tmp_path / "files", PROPERTIES, LEVEL).agreement
    signs = np.sign(rate - np.median(rate, axis=0))[:, :, 8]
    pairs = (signs.sum(axis=1) ** 2 - 200).sum() / (6 * 200 * 199)
    assert agreement[8] == pytest.approx(pairs, abs=1e-3)
    assert agreement[8:].min() > 0.2
    assert np.abs(agreement[:8]).max() < 0.02


def test_pixels_whose_ramps_bend_together_agree_whatever_their_rates_do(tmp_path):
    random = np.random.default_rng(4)
    ramps = draw_ramps(4, integrations=6, rows=200, columns=16, flagged=0)
    sci = random.normal(0, 5, ramps.sci.shape)
    sci[..., 8:] += random.normal(0, 8, (*sci.shape[:2], 1, 8))
    rate = random.normal(0, 1, ramps.rate.shape)
    changed = replace(ramps, rate=rate.astype(np.float32), sci=sci.astype(np.float32))
    exposures = write_exposures(tmp_path / "files", changed, [range(6)])
    agreement = combine_set(exposures, tmp_path / "files", PROPERTIES, LEVEL).agreement
    assert agreement[8:].min() > 0.2
    assert np.abs(agreement[:8]).max() < 0.02


def assert_same_bits(one, other) -> None:
    for name, value in [*vars(one).items(), *one.changes.rows._asdict().items()]:
        if name == "changes":
            continue
        same = getattr(other.changes.rows if name in ChangeRows._fields else other, name)
        np.testing.assert_array_equal(same, value, err_msg=name, strict=True)


@st.composite
def regroupings(draw):
    """Draw integrations in another order, shared out among exposures in another way."""
    integrations = draw(st.integers(3, 9))
    order = draw(st.permutations(range(integrations)))
    cuts = sorted(draw(st.sets(st.integers(1, integrations - 1))))
    return integrations, [order[a:b] for a, b in zip([0, *cuts], [*cuts, integrations], strict=True)]


@settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(regroupings(), st.integers(0, 2**32 - 1), st.sampled_from([1, 20_000, 10_000_000]), st.integers(1, 3))
@example((4, [[3, 2], [1, 0]]), 0, 1, 2)
def test_order_grouping_and_blocks_change_no_bit(tmp_path_factory, regrouping, seed, block_bytes, threads):
    integrations, grouping = regrouping
    ramps = draw_ramps(seed, integrations, groups=8, columns=16)
    folder = tmp_path_factory.mktemp("regrouped")
    whole = write_exposures(folder / "whole", ramps, [range(integrations)])
    parts = write_exposures(folder / "parts", ramps, grouping)
    one = combine_set(whole, folder / "whole", PROPERTIES, LEVEL, threads=1)
    other = combine_set(parts[::-1], folder / "parts", PROPERTIES, LEVEL, block_bytes, threads)
    assert_same_bits(one, other)


@settings(deadline=None, max_examples=10, derandomize=True)
@given(regroupings(), st.integers(0, 1000))
def test_order_and_grouping_change_no_mask(tmp_path_factory, regrouping, seed):
    integrations, grouping = regrouping
    ramps = draw_ramps(seed, integrations, groups=10, rows=32, columns=32, flagged=0.3)
    folder = tmp_path_factory.mktemp("regrouped")
    found = []
    for name, shares in (("whole", [range(integrations)]), ("parts", grouping)):
        exposures = write_exposures(folder / name, ramps, shares)
        request = SetRequest(exposures, folder / name, "native", "flight", SearchParameters(), Geometry(32, 2))
        found.append(search_set(request).categories)
    assert found[0].any()
    np.testing.assert_array_equal(*found)


def test_float32_holds_the_noise_of_a_bright_pixel(tmp_path):
    """A sum of squares about zero would lose, in float32, 5 DN of noise beside 10 000 DN a group."""
    random = np.random.default_rng(9)
    sci = 1e4 * np.arange(6)[:, None, None] + random.normal(0, 5, (4, 6, 8, 8))
    sci = sci.astype(np.float32)
    rate = np.full((4, 8, 8), 1e4 / TGROUP, np.float32)
    ramps = Ramps(sci, np.zeros(sci.shape, np.uint8), rate, np.zeros_like(rate))
    exposures = write_exposures(tmp_path / "files", ramps, [range(4)])
    noise = combine_set(exposures, tmp_path / "files", PROPERTIES, 1e9).noise
    plain = np.sqrt(np.diff(sci.astype(float), axis=1).var(axis=1, ddof=1).mean(axis=0))
    np.testing.assert_allclose(noise, plain, rtol=1e-3)


def test_a_file_that_was_shortened_meanwhile_is_one_sentence(tmp_path):
    ramps = draw_ramps(1)
    exposures = write_exposures(tmp_path / "files", ramps, [range(5)])
    path = tmp_path / "files" / exposures[0].fitopt.path
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DeliveryError, match=r"exposure0_fitopt\.bin has changed since"):
        combine_set(exposures, tmp_path / "files", PROPERTIES, LEVEL)


@pytest.mark.parametrize(("integrations", "groups"), [(1, 10), (2, 10), (5, 4)])
def test_too_little_to_judge_by_is_one_sentence(tmp_path, integrations, groups):
    ramps = draw_ramps(1, integrations, groups, rows=32, columns=32)
    with pytest.raises(SearchError, match=f"needs 3 integrations of 5 groups .* has {integrations} of {groups}"):
        searched(ramps, tmp_path / "files", 2)


def flagged_everywhere(ramps: Ramps, bit: int) -> Ramps:
    return Ramps(ramps.sci, np.full_like(ramps.groupdq, bit), np.full_like(ramps.rate, np.nan), 0 * ramps.pedestal)


def without_rates(ramps: Ramps, bit: int) -> Ramps:
    return Ramps(ramps.sci * np.float32(np.nan), ramps.groupdq, ramps.rate * np.float32(np.nan), ramps.pedestal)


@pytest.mark.parametrize(("spoil", "bit"), [(flagged_everywhere, 1), (without_rates, 0)])
def test_pixels_that_cannot_be_judged_are_undetermined_and_not_good(tmp_path, spoil, bit):
    ramps = spoil(draw_ramps(1, 5, 10, rows=32, columns=32), bit)
    assert in_category(searched(ramps, tmp_path / "files", 2), Category.UNDETERMINED)[2:-2, 2:-2].all()


def test_a_frame_that_is_saturated_all_over_is_called_so(tmp_path):
    ramps = draw_ramps(1, 5, 10, rows=32, columns=32)
    full = np.full_like(ramps.sci, 50_000)
    ramps = flagged_everywhere(Ramps(full, ramps.groupdq, ramps.rate, ramps.pedestal), 2)
    assert in_category(searched(ramps, tmp_path / "files", 2), Category.SATURATED)[2:-2, 2:-2].all()


def test_a_noisy_neighbour_of_a_saturated_pixel_is_noisy_and_a_quiet_one_good(tmp_path):
    sci, groupdq = good_ramps()
    for x in (20, 40):
        sci[:, :, 50, x] = 50_000
        groupdq[:, :, 49:52, x - 1 : x + 2] |= 2
    sci[:, :, 50, 41] *= 4
    found = searched(fitted(sci, groupdq), tmp_path / "files", 4)
    assert in_category(found, Category.NOISY)[50, 41]
    saturated = in_category(found, Category.SATURATED)
    assert saturated[50, 20]
    assert saturated[50, 40]
    assert np.count_nonzero(found) == 3


def test_a_pixel_with_nothing_but_small_jumps_is_undetermined(tmp_path):
    sci, groupdq = good_ramps()
    groupdq[:, 1:, 30, 30] = 4
    groupdq[:, 1::2, 30, 60] = 4  # half of its differences are enough
    found = searched(fitted(sci, groupdq), tmp_path / "files", 4)
    assert in_category(found, Category.UNDETERMINED)[30, 30]
    assert np.count_nonzero(found) == 1


def test_a_snowball_and_a_shower_are_no_bad_pixels(tmp_path):
    """The snowball saturates, and its surroundings are flagged; the shower is faint, and the jump step misses it."""
    sci, groupdq = good_ramps(groups=12)
    y, x = np.mgrid[:96, :96]
    snowball = np.hypot(y - 30, x - 30)
    sci[2, 5:] += 3e4 * np.exp(-((snowball / 5) ** 2))
    groupdq[2, 5:, snowball < 3] |= 2
    groupdq[2, 5, snowball < 15] |= 4
    sci[4, 7:] += 15 * (np.hypot(y - 65, x - 65) < 20)
    ramps = fitted(sci, groupdq)
    hit = snowball < 15
    ramps.rate[2, hit] = np.random.default_rng(4).normal(0, 0.5 / TGROUP, hit.sum())  # fitted without the jump
    assert not searched(ramps, tmp_path / "files", 4).any()
