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
    if error > _KNOWN * tolerance:
        raise NotEvaluated(f"{said}, and the data cannot tell: more integrations or longer ramps would")
    apart = rate - properties.dark
    certain = np.copysign(max(abs(apart) - _CERTAIN * error, 0.0), apart)
    check.judge(certain / tolerance, said)


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


@pytest.mark.asks("DRK-COSMIC_RAYS")
def test_cosmic_rays(check, summary):
    """How many cosmic rays did the jump step find?"""
    rate = known(summary, "jumps_per_pixel_s", check.detector)
    check.judge(
        rate / _FLAGGED_PER_HIT,
        f"The good pixels of {check.detector} have {rate:.3g} jumps per second, {_FLAGGED_PER_HIT} for each hit",
    )
