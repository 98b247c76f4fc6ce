"""Measure what the files of a set say once its good pixels are known: numbers that checks judge, and no search asks."""

from collections.abc import Iterator

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import READOUT_PATTERNS
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.flags import has_flag, names_in, pixel_flags
from darkmask.core.stages import stage
from darkmask.delivery import OpenExposure, OpenSet
from darkmask.delivery.quality import lost_pixels, median_rates, unexplained_rates
from darkmask.search.request import SetRequest

from .border import misplaced_reference_pixels
from .bright_rates import bright_rates
from .dark import dark_current, scatter_of_means, unsettled
from .frozen import frozen_pixels
from .hidden import ended_by_flags, taken_out
from .lit import most_lit
from .measurements import good_pixels, or_none, output_columns
from .outputs import pattern_noise, reset_levels
from .places import least_alike, places_in_ramps
from .replaced import replaced_pixels
from .shot_noise import ShotNoise, shot_noise
from .steps import Steps, steps_of
from .straight import least_flagged, most_off_lines
from .together import together
from .unfilled import most_unfilled

# The rates of so many pixels, in evenly spread rows, tell their median to a thousandth of their scatter.
_ENOUGH_PIXELS = 1 << 20
# And of so many, how they scatter to a part in five hundred.
_SOME_PIXELS = 1 << 18
_ROWS_AT_ONCE = 128


@stage("measure files")
def measure_files(request: SetRequest, categories: np.ndarray) -> dict:
    """Measure what is read in the files of a set, so that no check reads a ramp.

    Parameters
    ----------
    request : SetRequest
    categories : numpy.ndarray, shape (y, x), uint16
        What its search found.

    Returns
    -------
    dict of str to plain value
        As :func:`.measurements.measure_set` returns and raises.
    """
    exposures, science = request.exposures, ~request.reference_pixels()
    good = good_pixels(request, categories)
    # A hit without a flag makes a good pixel a noisy one.
    hit = science & ((categories & ~np.uint16(Category.NOISY.bit)) == 0)
    unexplained: list[tuple[float, str]] = []
    lost: list[tuple[float, str]] = []
    misplaced: list[tuple[int | None, str]] = []
    gone = np.zeros_like(science)
    for exposure in exposures:
        opened = OpenExposure(exposure, request.folder)
        # Of an exposure of two full frames, all at once would take 100 MB.
        rows_of = [slice(start, start + _ROWS_AT_ONCE) for start in range(0, len(science), _ROWS_AT_ONCE)]
        blocks = ((opened.rate(rows), opened.rate_dq(rows), science[rows]) for rows in rows_of)
        unexplained.append((unexplained_rates(blocks), exposure.rate.path))
        pixeldq = opened.pixeldq()
        lost.append((lost_pixels(pixeldq, science), exposure.jump.path))
        gone |= has_flag(pixeldq, "DO_NOT_USE") & science
        misplaced.append((misplaced_reference_pixels(pixeldq, ~science), exposure.jump.path))

    of_set = OpenSet(exposures, request.folder, request.integrations)
    searched = of_set.planes
    rows, few = (slice(None, None, max(1, science.size // pixels)) for pixels in (_ENOUGH_PIXELS, _SOME_PIXELS))
    of = [exposure.exposure.jump.path for exposure, _ in searched]
    tgroup = exposures[0].jump.tgroup
    gone |= ended_by_flags(of_set, science & ((categories & Category.UNDETERMINED.bit) != 0))
    steps = steps_of(request, good, hit)
    dark = dark_current(median_rates(_rates(of_set, rows), good[rows]), steps.medians, tgroup)
    noise = float(np.median([*steps.noises.values()]))
    bright = bright_rates(of_set, science & (categories != 0), noise, tgroup)
    return {
        "dark_dn_per_s": or_none(dark.rate),
        "dark_error_dn_per_s": or_none(dark.error),
        "settling_dn_per_s": or_none(dark.settling),
        "settling_start_dn": or_none(dark.start),
        "settling_start_error_dn": or_none(dark.start_error),
        "scatter_of_means": or_none(scatter_of_means(_rates(of_set, few), good[few], output_columns(request))),
        "noise_of_exposures_dn": {path: or_none(noise) for path, noise in sorted(steps.noises.items())},
        "pattern_noise_dn": pattern_noise(steps.patterns),
        "reset_levels_dn": reset_levels(request, good, output_columns(request)),
        "shared_step_dn": _step(steps),
        "unexplained_rates": _worst(unexplained),
        "together": together(steps.straight, steps.names),
        "off_lines": most_off_lines(steps.straight, steps.names),
        "least_alike": least_alike(places_in_ramps(steps.straight, steps.names)),
        "least_flagged": least_flagged(steps.hits, steps.names),
        "most_flagged": _most_flagged(steps),
        "frozen_pixels": frozen_pixels(searched, good),
        "lost_pixels": _worst(lost),
        "rise_by_rate": bright and bright.rise,
        "rates_off_ramps": bright and bright.off,
        "shot_noise": _shot_noise(request, of_set, categories),
        "most_lit": most_lit(_rates(of_set, few), good[few], of, np.arange(len(science))[few]),
        "most_unfilled": most_unfilled(of_set, science),
        "replaced_pixels": replaced_pixels(of_set, science),
        "taken_out": taken_out(request, gone, noise),
        "misplaced_reference_pixels": _worst_border(misplaced, int((~science).sum())),
    }


def _shot_noise(request: SetRequest, opened: OpenSet, categories: np.ndarray) -> ShotNoise | None:
    """Return how the noise of hot pixels goes with their charge; None where READPATT is none of NIRCam."""
    pattern = READOUT_PATTERNS.get(request.exposures[0].jump.readpatt)
    if pattern is None:
        return None
    detector = look_up_detector(request.detector)
    return shot_noise(opened, categories, ~request.reference_pixels(), output_columns(request), detector, pattern)


def _rates(opened: OpenSet, rows: slice) -> Iterator[np.ndarray]:
    """Yield the rates of some rows in each integration that is searched: no more than those of one are held."""
    return (exposure.rate(rows, i) for exposure, i in opened.planes)


def _worst_border(misplaced: list[tuple[int | None, str]], reference: int) -> tuple[float, str] | None:
    """Return how many reference pixels are misplaced in the worst exposure, and its path; None where none marks any.

    Where one exposure marks them, another that does not had another mask, and leaves out all of them.
    """
    if all(number is None for number, _ in misplaced):
        return None
    return _worst([(reference if number is None else number, path) for number, path in misplaced])


def _worst(counted: list[tuple[float, str]]) -> tuple[float, str]:
    """Return the largest number and the path of its exposure; of several the first by name, whatever their order."""
    return min(counted, key=lambda found: (-found[0], found[1]))


def _most_flagged(steps: Steps) -> tuple[float, str, str]:
    """Return the largest share of good pixels with a flag in one group, the names of its flags, and where it is."""
    (share, group, flags), name = max(zip(steps.flagged, steps.names, strict=True))
    return share, " and ".join(names_in(flags, pixel_flags())), f"group {group} of {name}"


def _step(steps: Steps) -> tuple[float, str] | None:
    """Return the largest step that good pixels share, DN, and where it is, in words."""
    found = unsettled(steps.medians)
    if found is None:
        return None
    whose = "all integrations" if found.integration is None else steps.names[found.integration]
    return found.size, f"group {found.group} of {whose}"
