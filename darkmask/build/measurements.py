"""Measure what a set says of its detector besides the bad pixels: numbers that checks judge."""

import numpy as np

from darkmask.delivery import OpenExposure
from darkmask.delivery.quality import (
    dark_current,
    difference_noise,
    jump_rate,
    lost_pixels,
    unexplained_rates,
    usable_integrations,
)
from darkmask.search.outcome import SearchOutcome
from darkmask.search.request import SetRequest


def measure_set(request: SetRequest, outcome: SearchOutcome) -> dict:
    """Measure the numbers of a set that checks judge, so that no check reads a ramp.

    Parameters
    ----------
    request : SetRequest
    outcome : SearchOutcome
        The outcome of that request.

    Returns
    -------
    dict of str to plain value
        None for a number that cannot be told.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    from scipy.ndimage import binary_dilation

    exposures = request.exposures
    science = ~request.reference_pixels()
    worst_rate, worst_lost = 0.0, 0.0
    for exposure in exposures:
        opened = OpenExposure(exposure, request.folder)
        worst_rate = max(worst_rate, unexplained_rates(opened.rate(), opened.rate_dq(), science))
        worst_lost = max(worst_lost, lost_pixels(opened.pixeldq(), science))

    def rates():
        return (rate for e in exposures for rate in OpenExposure(e, request.folder).rate())

    first, maps = exposures[0].jump, outcome.maps
    good = science & (outcome.categories == 0)
    dark, dark_error = dark_current(rates(), good)
    seconds = maps.integrations * (maps.groups - 1) * first.tgroup
    measured = {
        "dark_dn_per_s": dark,
        "dark_error_dn_per_s": dark_error,
        "difference_noise_dn": difference_noise(maps.noise, good),
        # The jump step flags the jumps of a bad pixel in its neighbours too.
        "jumps_per_pixel_s": jump_rate(maps.jumps, good & ~binary_dilation(science & ~good, np.ones((3, 3))), seconds),
    }
    return {
        # JSON has no NaN.
        **{name: value if np.isfinite(value) else None for name, value in measured.items()},
        "readpatt": first.readpatt,
        "integrations": outcome.maps.integrations,
        "usable_integrations": usable_integrations(rates(), science),
        "exposures": len(exposures),
        "in_time": bool(maps.changes and maps.changes.times),
        "epochs": len(set(maps.changes.epochs)) if maps.changes and maps.changes.times else None,
        "science_pixels": int(science.sum()),
        "unexplained_rates": worst_rate,
        "lost_pixels": worst_lost,
        "thresholds": outcome.thresholds,
        "structures": [one.sentence(first.detector) for one in sorted(outcome.structures)],
        "xstart": first.xstart,
        "ystart": first.ystart,
    }
