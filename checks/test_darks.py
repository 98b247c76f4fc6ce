"""DRK: are dark current, noise and cosmic rays those of a NIRCam detector in the dark?"""

import numpy as np
import pytest

from darkmask.core.detectors import READOUT_PATTERNS
from darkmask.core.detectors import detector as look_up_detector
from fixtures.session.endings import NotEvaluated

# The data can tell the dark current only if its error is at most a third of the tolerance.
_KNOWN = 1 / 3
# A difference of this many sigma is certain.
_CERTAIN = 3
# The jump step flags the four neighbours of a hit too.
_FLAGGED_PER_HIT = 5
# Of so many, an amplifier that sees none is told from one that sees half by more than three sigma.
_ENOUGH_HITS = 25


@pytest.fixture
def summary(check, products) -> dict:
    """Return what was measured of the good pixels of the full frame."""
    return products.searched.set(check.detector, "FULL").summary


def known(summary: dict, name: str, detector: str) -> float:
    if summary[name] is None:
        raise NotEvaluated(f"{detector} has too few good pixels or integrations to measure this")
    return summary[name]


@pytest.mark.asks("DRK-CURRENT")
def test_dark_current(check, summary):
    """How far is the median dark current certainly from the published one, in units of the published range?"""
    properties = look_up_detector(check.detector)
    rate, error = (
        known(summary, name, check.detector) * properties.gain for name in ("dark_dn_per_s", "dark_error_dn_per_s")
    )
    tolerance = properties.dark_tolerance
    said = (
        f"Good pixels of {check.detector} have a dark current of {1000 * rate:.2f} +- {1000 * error:.2f} e-/1000 s, "
        f"published are {1000 * properties.dark:.1f} +- {1000 * tolerance:.1f}"
    )
    apart = rate - properties.dark
    certain = np.copysign(max(abs(apart) - _CERTAIN * error, 0.0), apart) / tolerance
    # What lies certainly outside does so whatever its error.
    if error > _KNOWN * tolerance and check.criterion.accepts(certain):
        raise NotEvaluated(f"{said}, and the data cannot tell: more integrations or longer ramps would")
    check.judge(certain, said)


@pytest.mark.asks("DRK-NOISE")
def test_noise(check, summary):
    """How does the noise of a group difference compare with the detector's?"""
    pattern = summary["readpatt"]
    if pattern not in READOUT_PATTERNS:
        raise NotEvaluated(f"READPATT {pattern} of {check.detector} averages an unknown number of frames")
    expected = look_up_detector(check.detector).read_noise * np.sqrt(2 / READOUT_PATTERNS[pattern].nframes)
    noise = known(summary, "difference_noise_dn", check.detector)
    check.judge(
        noise / expected,
        f"A group difference of the good pixels of {check.detector} has a noise of {noise:.2f} DN, "
        f"its read noise makes {expected:.2f} DN",
    )


@pytest.mark.asks("DRK-AMPLIFIER_NOISE")
def test_amplifier_noise(check, summary):
    """How does the noise of the amplifiers compare with that of the detector?"""
    each = [known(amplifier, "difference_noise_dn", check.detector) for amplifier in summary["amplifiers"]]
    typical = np.median(each)
    worst = max(each, key=lambda noise: abs(np.log(max(noise, 1e-9) / typical)))
    told = ", ".join(f"{noise:.2f}" for noise in each)
    check.judge(worst / typical, f"A group difference of {check.detector} has a noise of {told} DN in its amplifiers")


@pytest.mark.asks("DRK-AMPLIFIER_SIGNAL")
def test_amplifier_signal(check, summary):
    """Does every amplifier see as many cosmic rays as the one that sees most?"""
    amplifiers = summary["amplifiers"]
    pixels = [amplifier["pixels"] for amplifier in amplifiers]
    if not all(pixels):
        raise NotEvaluated(f"an amplifier of {check.detector} has no good pixel to measure this")
    hits = [amplifier["jumps"] / _FLAGGED_PER_HIT for amplifier in amplifiers]
    if max(hits) < _ENOUGH_HITS:
        raise NotEvaluated(
            f"the amplifiers of {check.detector} have {max(hits):.0f} cosmic rays at most and {_ENOUGH_HITS} would tell"
        )
    # The most that each may have seen, by three sigma of its number.
    most = [(n + _CERTAIN * np.sqrt(max(n, 1))) / area for n, area in zip(hits, pixels, strict=True)]
    told = ", ".join(f"{n:.0f}" for n in hits)
    said = f"The good pixels of the amplifiers of {check.detector} have {told} cosmic rays"
    check.judge(min(most) / max(n / area for n, area in zip(hits, pixels, strict=True)), said)


@pytest.mark.asks("DRK-COSMIC_RAYS")
def test_cosmic_rays(check, summary):
    """How many cosmic rays did the jump step find?"""
    rate = known(summary, "jumps_per_pixel_s", check.detector)
    check.judge(
        rate / _FLAGGED_PER_HIT,
        f"The good pixels of {check.detector} have {rate:.3g} jumps per second, {_FLAGGED_PER_HIT} for each hit",
    )
