"""DRK: are dark current, noise and cosmic rays those of a NIRCam detector in the dark?"""

import numpy as np
import pytest

from darkmask.core.detectors import READOUT_PATTERNS
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.flags import has_flag
from darkmask.core.statistics import errors_as_certain
from fixtures.criteria.causes import TOO_LITTLE
from fixtures.criteria.model import Criterion
from fixtures.session.endings import NotEvaluated
from fixtures.text import some_pixels

# The data show the dark current to be right only if its error is at most a third of the tolerance.
_KNOWN = 1 / 3
# A difference of this many sigma is certain.
_CERTAIN = 3
# The jump step flags the four neighbours of a hit too.
_FLAGGED_PER_HIT = 5
# Of two amplifiers with so many hits, one has less than half of the other's by chance in 1 of 10 000 cases.
_LEAST_HITS = 60


@pytest.fixture
def summary(check, products) -> dict:
    """Return what was measured of the good pixels of the full frame."""
    return products.searched.numbers(check.detector, "FULL")


def known(summary: dict, name: str, detector: str) -> float:
    if summary[name] is None:
        raise NotEvaluated(f"{detector} has too few good pixels or integrations to measure this", because=TOO_LITTLE)
    return summary[name]


def require_known(check, error: float, tolerance: float, certain: float, said: str) -> None:
    """Say that the data cannot tell: outside is what certainly is, inside only what a small error shows to be there."""
    if error > _KNOWN * tolerance and check.criterion.accepts(certain):
        raise NotEvaluated(
            f"{said}, and the data cannot tell: more integrations or longer ramps would", because=TOO_LITTLE
        )


@pytest.mark.asks("DRK-CURRENT")
def test_dark_current(check, products, summary):
    """How far is the median dark current certainly from the published one, in units of the published range?"""
    properties = look_up_detector(check.detector)
    rate, error, settling = (
        known(summary, name, check.detector) * properties.gain
        for name in ("dark_dn_per_s", "dark_error_dn_per_s", "settling_dn_per_s")
    )
    tolerance = properties.dark_tolerance
    said = (
        f"Good pixels of {check.detector} have a dark current of {1000 * rate:.2f} +- {1000 * error:.2f} e-/1000 s, "
        f"without the {1000 * settling:.2f} that settling after a reset adds to their rates; "
        f"published are {1000 * properties.dark:.1f} +- {1000 * tolerance:.1f}"
    )
    apart = rate - properties.dark
    # Of few integrations the error is known badly, and more of it is as certain.
    errors = errors_as_certain(_CERTAIN, summary["integrations"])
    certain = np.copysign(max(abs(apart) - errors * error, 0.0), apart) / tolerance
    require_known(check, error, tolerance, certain, said)
    check.judge(certain, said, because=("DRK-STEP", *products.searched.borrowed(check.detector)))


@pytest.mark.asks("DRK-INDEPENDENT")
def test_integrations_are_independent(check, summary):
    """How do the mean rates of good pixels scatter, in units of what their integrations make them scatter?"""
    ratio = known(summary, "scatter_of_means", check.detector)
    check.judge(
        ratio,
        f"The mean rates of good pixels of {check.detector} scatter by {ratio:.2f} of what the scatter between "
        f"{summary['integrations']} integrations makes them",
    )


@pytest.mark.asks("DRK-SETTLING")
def test_settling(check, summary):
    """By how much does the first read certainly lie off, in the output that settles by most?"""
    start, error = (known(summary, name, check.detector) for name in ("settling_start_dn", "settling_start_error_dn"))
    check.judge(
        max(abs(start) - _CERTAIN * error, 0.0),
        f"The first read of good pixels of {check.detector} lies {start:.1f} +- {error:.1f} DN below where it settles, "
        "in the output where it certainly does by most",
    )


@pytest.mark.asks("DRK-NOISE")
def test_noise(check, summary):
    """How does the noise of a group difference compare with what is expected, in the amplifier that is farthest off?"""
    pattern = summary["readpatt"]
    if pattern not in READOUT_PATTERNS:
        raise NotEvaluated(f"READPATT {pattern} of {check.detector} averages an unknown number of frames")
    properties = look_up_detector(check.detector)
    # Long groups of a long-wave detector collect as much shot noise as their frames have read noise.
    rate = summary["dark_dn_per_s"] if summary["dark_dn_per_s"] is not None else properties.dark / properties.gain
    expected = properties.difference_noise(pattern, summary["tgroup"], rate)
    noises = of_amplifiers(summary, "difference_noise_dn", check.detector)
    ratio = farthest(check.criterion, [noise / expected for noise in noises])
    check.judge(
        ratio,
        f"A group difference of the good pixels of {check.detector} has a noise of "
        f"{', '.join(f'{noise:.2f}' for noise in noises)} DN in the amplifiers, its reads and "
        f"dark current make {expected:.2f} DN",
        because=("DRK-EXPOSURES",),
    )


@pytest.mark.asks("DRK-SCALE")
def test_rates_are_those_of_the_ramps(check, summary):
    """By how much do the ramps of hot pixels rise, in units of what their rates make?"""
    rise, number, name = known(summary, "rise_by_rate", check.detector)
    check.judge(
        rise,
        f"The ramps of {number} bright pixels of {check.detector} rise by {rise:.3f} of what their rates make of it in "
        f"{name}, where it is farthest from 1",
        because=("DLV-DISTINCT", "DLV-TOGETHER"),
    )


@pytest.mark.asks("DRK-SHOT")
def test_hot_pixels_have_the_noise_of_their_charge(check, products, summary):
    """How noisy are steady hot pixels beyond good ones, in units of what their charge makes (variances)?"""
    if summary["shot_noise"] is None:
        raise NotEvaluated(
            f"{check.detector} has too few steady hot pixels with the noise of their charge", because=TOO_LITTLE
        )
    ratio, error, number = summary["shot_noise"]
    said = (
        f"The noise of {number} steady hot pixels of {check.detector} is, beyond that of good ones, {ratio:.2f} +- "
        f"{error:.2f} of what the charge that they show makes (variances)"
    )
    certain = ratio + float(np.clip(1 - ratio, -_CERTAIN * error, _CERTAIN * error))
    require_known(check, error, min(1 - check.criterion.low, check.criterion.high - 1), certain, said)
    # What a storm of hot pixels is, its number tells.
    check.judge(ratio, said, because=("CNT-HOT", "DRK-NOISE", *products.searched.borrowed(check.detector)))


@pytest.mark.asks("DRK-EXPOSURES")
def test_exposures_are_of_one_noise(check, summary):
    """How many times the noise of the quietest exposure has the noisiest?"""
    noises = {path: noise for path, noise in summary["noise_of_exposures_dn"].items() if noise}
    if len(noises) < 2:
        raise NotEvaluated(f"{check.detector} has no two exposures with good pixels to compare", because=TOO_LITTLE)
    quietest, *_, noisiest = sorted(noises, key=lambda path: (noises[path], path))
    check.judge(
        noises[noisiest] / noises[quietest],
        f"A group difference of the good pixels of {check.detector} has a noise of {noises[noisiest]:.2f} DN in "
        f"{noisiest} and of {noises[quietest]:.2f} DN in {quietest}; the {len(noises)} exposures have "
        f"{', '.join(f'{noise:.2f}' for noise in noises.values())}",
    )


@pytest.mark.asks("DRK-STEADY")
def test_bright_pixels_are_as_bright_in_each_exposure(check, summary):
    """How bright are bright pixels in the exposure where they are farthest from what is usual?"""
    *_, brightness = known(summary, "least_aligned", check.detector)
    if not brightness:
        raise NotEvaluated(f"{check.detector} has too few bright pixels that all exposures show", because=TOO_LITTLE)
    worst = max(sorted(brightness), key=lambda path: abs(np.log(max(brightness[path], 1e-3))))
    check.judge(
        brightness[worst],
        f"The bright pixels of {check.detector} have {brightness[worst]:.2f} of their usual rate in {worst}; in the "
        f"{len(brightness)} exposures {', '.join(f'{each:.2f}' for _, each in sorted(brightness.items()))}",
        because=("DLV-ALIGNED",),
    )


@pytest.mark.asks("DRK-LIGHT")
def test_no_exposure_saw_light(check, summary):
    """By how much more, or less, do good pixels certainly gather in an exposure than in the others?"""
    apart, error, path, where = known(summary, "most_lit", check.detector)
    gain = 1000 * look_up_detector(check.detector).gain
    check.judge(
        max(abs(apart) - _CERTAIN * error, 0.0) * gain,
        f"Good pixels of {check.detector} gather {abs(apart) * gain:.1f} +- {error * gain:.1f} e-/1000 s "
        f"{'more' if apart > 0 else 'less'} in {path} than in most exposures, in {where}: most of all",
        because=("DRK-STEP", "DLV-TOGETHER"),
    )


@pytest.mark.asks("DRK-PEDESTAL")
def test_pedestal(check, summary):
    """What is the median pedestal of the amplifier that is farthest from none?"""
    pedestals = of_amplifiers(summary, "pedestal_dn", check.detector)
    each = ", ".join(f"{level:.1f}" for level in pedestals)
    check.judge(
        max(pedestals, key=abs),
        f"Good pixels of {check.detector} have a median PEDESTAL of {each} DN in the amplifiers",
    )


@pytest.mark.asks("DRK-RESETS")
def test_resets_are_alike(check, summary):
    """How far do the pedestals of an integration lie off those of the others?"""
    apart, name = known(summary, "reset_levels_dn", check.detector)
    check.judge(
        apart,
        f"The median PEDESTAL of good pixels of {check.detector}, in one parity of the columns of an amplifier, lies "
        f"{apart:.1f} DN off that of the other integrations in {name}: most of all",
    )


@pytest.mark.asks("DRK-PATTERN")
def test_no_pattern_of_columns_or_rows(check, summary):
    """By how much do even columns or rows move against odd ones from read to read?"""
    columns, rows = known(summary, "pattern_noise_dn", check.detector)
    check.judge(
        max(columns, rows),
        f"From read to read even and odd columns of {check.detector} move by {columns:.2f} DN against one another, and "
        f"even and odd rows by {rows:.2f} DN, in the amplifier where they do by most",
    )


@pytest.mark.asks("DRK-STEP")
def test_no_step_in_all_ramps(check, summary):
    """By how much do all ramps rise or fall at once, beyond what settles?"""
    size, where = known(summary, "shared_step_dn", check.detector)
    check.judge(
        size,
        f"The ramps of good pixels of {check.detector} have a step of {size:.1f} DN in common, in {where}, beyond a "
        "line, what settles and its error",
    )


@pytest.mark.asks("DRK-OUTPUTS")
def test_amplifiers_are_of_one_noise(check, summary):
    """How many times the noise of the quietest amplifier has the noisiest?"""
    noises = of_amplifiers(summary, "difference_noise_dn", check.detector)
    if len(noises) < 2:
        raise NotEvaluated(f"{check.detector} was read through one output, and nothing is there to compare")
    check.judge(
        max(noises) / max(min(noises), 1e-30),
        f"A group difference of the good pixels of {check.detector} has a noise of "
        f"{', '.join(f'{noise:.2f}' for noise in noises)} DN in the amplifiers",
        because=("DRK-NOISE",),
    )


@pytest.mark.asks("DRK-FULL")
def test_no_good_pixel_is_full(check, products, summary):
    """What share of the science pixels is called good though it holds a third of a full well after each reset?"""
    found, flagged = summary["full_good_pixels"], summary["full_and_flagged"]
    amplifiers = enumerate(products.geometry.amplifier_columns(), 1)
    where = [str(i) for i, columns in amplifiers if any(columns.start <= x < columns.stop for x, _ in found)]
    told = f" (amplifier {', '.join(where)}), {flagged} of them with a SATURATED flag" if found else ""
    check.judge(
        len(found) / products.science_pixels.sum(),
        f"{len(found)} pixels that the search of {check.detector} calls good{told} hold more than 20,000 DN after a "
        f"reset{some_pixels(found)}",
    )


@pytest.mark.asks("DRK-START")
def test_few_good_pixels_begin_high(check, products, summary):
    """What share of the science pixels is called good though it begins 1000 DN above others after each reset?"""
    found = summary["high_pixels"]
    check.judge(
        len(found) / products.science_pixels.sum(),
        f"{len(found)} pixels that the search of {check.detector} calls good begin more than 1000 DN above the "
        f"median of their amplifier{some_pixels(found)}",
    )


@pytest.mark.asks("DRK-QUIET")
def test_no_usable_pixel_is_stuck(check, products, summary):
    """What share of the science pixels may be used though their reads hardly change?"""
    mask, frozen = products.judged.mask(check.detector).decoded, summary["frozen_pixels"]
    # A read that repeats another one to the last digit is told by few differences, too.
    quiet = [] if frozen and summary["quiet_pixels"] is None else known(summary, "quiet_pixels", check.detector)
    found = sorted(
        {(x, y) for x, y in (*frozen, *quiet) if not has_flag(mask[y, x], "DO_NOT_USE")}, key=lambda place: place[::-1]
    )
    repeat = f"; of {len(frozen)} the last read repeats the one before" if frozen else ""
    check.judge(
        len(found) / products.science_pixels.sum(),
        f"{len(found)} usable pixels of {check.detector} have less than half of the noise of their amplifier, one "
        f"rate in all integrations, or reads that do not change any more{repeat}{some_pixels(found)}",
    )


@pytest.mark.asks("DRK-COSMIC_RAYS")
def test_cosmic_rays(check, summary):
    """How many cosmic rays did the jump step find, in the amplifier that is farthest off?"""
    hits = [rate / _FLAGGED_PER_HIT for rate in of_amplifiers(summary, "jumps_per_pixel_s", check.detector)]
    check.judge(farthest(check.criterion, hits), hits_of(check.detector, hits))


@pytest.mark.asks("DRK-AMPLIFIER")
def test_amplifiers_see_alike(check, summary):
    """How many cosmic rays has the amplifier with the fewest, as a share of that with the most?"""
    hits = [rate / _FLAGGED_PER_HIT for rate in of_amplifiers(summary, "jumps_per_pixel_s", check.detector)]
    counted = max(rate * each["pixel_seconds"] for rate, each in zip(hits, summary["amplifiers"], strict=True))
    if counted < _LEAST_HITS:
        raise NotEvaluated(
            f"no amplifier of {check.detector} has the {_LEAST_HITS} hits that a comparison needs", because=TOO_LITTLE
        )
    check.judge(min(hits) / max(hits), hits_of(check.detector, hits))


def of_amplifiers(summary: dict, name: str, detector: str) -> list[float]:
    """Return what was measured of each amplifier."""
    return [known(each, name, f"Amplifier {i} of {detector}") for i, each in enumerate(summary["amplifiers"], 1)]


def farthest(criterion: Criterion, values: list[float]) -> float:
    """Return the value that the bounds accept least: one that they refuse, or the farthest from their middle."""
    middle = np.log([bound for bound in (criterion.low, criterion.high) if bound]).mean()
    with np.errstate(divide="ignore"):
        return max(values, key=lambda value: (not criterion.accepts(value), abs(np.log(value) - middle)))


def hits_of(detector: str, hits: list[float]) -> str:
    each = ", ".join(f"{rate:.3g}" for rate in hits)
    return f"The amplifiers of {detector} have {each} hits per pixel and second, {_FLAGGED_PER_HIT} jumps each"


@pytest.mark.asks("DRK-BORDER")
def test_border(check, summary):
    """By how many rows or columns does the frame lie off, as cosmic rays show it?"""
    columns, rows = summary["frame_off"]
    told = [off for off in (columns, rows) if off is not None]
    if not any(told) and len(told) < 2:
        raise NotEvaluated(
            f"{check.detector} has too few cosmic rays near its edges to tell where its reference pixels lie",
            because=TOO_LITTLE,
        )
    each = " and ".join(
        f"{off} {name}" if off is not None else f"an unknown number of {name}"
        for off, name in ((columns, "columns"), (rows, "rows"))
    )
    check.judge(max(map(abs, told)), f"The frames of {check.detector} lie off by {each}, by where cosmic rays fall")
