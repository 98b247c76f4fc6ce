"""The bad pixels of a set: one row each in an ECSV table, and one region each for DS9."""

from pathlib import Path

import numpy as np

from darkmask.core.atomic import write_text
from darkmask.core.categories import categories_in, category_names, named
from darkmask.core.detectors import Detector
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.ecsv import write_ecsv_in_parts
from darkmask.core.flags import names_in, pixel_flags
from darkmask.core.palette import COLOURS, STYLES
from darkmask.core.stages import stage
from darkmask.delivery import FileRecord
from darkmask.search.flight.named_by import named_by, units
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.stacks import MEDIAN_EFFICIENCY, SLOPE_SHOT
from darkmask.search.outcome import SearchOutcome

from .change_columns import change_columns
from .fitted_columns import Fits, fitted_columns

# A row takes a kilobyte, and a search that calls every tenth pixel noisy has 400,000 of them.
_PIXELS_AT_ONCE = 16_384


@stage("catalogue and regions")
def write_catalogue(path: Path, outcome: SearchOutcome, frame: FileRecord, fits: Fits | None = None) -> None:
    """Write the catalogue of a set, and DS9 regions beside it under the same stem with the suffix ``.reg``.

    Equal outcomes give equal bytes.

    Parameters
    ----------
    path : Path
        Path of the table (ECSV), see :func:`catalogue_of`. The regions are those of :func:`regions_of`.
    outcome : SearchOutcome
    frame : FileRecord
        Any file of the set, see :func:`catalogue_of`.
    fits : Fits, optional
        What was fitted to the ramps.

    Raises
    ------
    ParameterError
        When NIRCam has no such detector.
    OSError
        When a file cannot be written.
    """
    number = int(np.count_nonzero(outcome.categories))
    parts = [slice(first, first + _PIXELS_AT_ONCE) for first in range(0, max(number, 1), _PIXELS_AT_ONCE)]
    write_ecsv_in_parts((catalogue_of(outcome, frame, fits, part) for part in parts), path)
    write_text(path.with_suffix(".reg"), regions_of(outcome.categories))


def catalogue_of(outcome: SearchOutcome, frame: FileRecord, fits: Fits | None = None, pixels: slice = slice(None)):
    """Make the table of the bad pixels of a set, ordered by row and then by column.

    Parameters
    ----------
    outcome : SearchOutcome
    frame : FileRecord
        Any file of the set: it says where the set's first pixel lies in the full frame, and how long a group takes.
    fits : Fits, optional
        What was fitted to the ramps; without it these columns hold NaN.
    pixels : slice
        Some of the rows; all by default.

    Returns
    -------
    astropy.table.Table
        Each column has a description, and a unit if it is a quantity. A set without bad pixels has the same columns of
        the same types. The meta data say what the numbers were computed with.

    Raises
    ------
    ParameterError
        When NIRCam has no such detector.
    """
    from astropy.table import Table

    detector, maps = look_up_detector(frame.detector), outcome.maps
    columns = _columns(outcome, frame, detector, fits, pixels)
    table = Table({name: values for name, (values, _, _) in columns.items()})
    for name, (_, unit, description) in columns.items():
        table[name].unit, table[name].description = unit, description
    table.meta = {
        "detector": detector.name,
        "subarray": frame.subarray,
        "xstart": frame.xstart,
        "ystart": frame.ystart,
        "integrations": maps.integrations,
        "epochs": len(set(maps.changes.epochs)) if maps.changes and maps.changes.times else "not known",
        "groups": maps.groups,
        "group_time": frame.tgroup,
        "gain": detector.gain,
        "read_noise": detector.read_noise,
        "group_noise": float(np.sqrt(detector.read_variance(frame.readpatt))),
    }
    return table


def _columns(
    outcome: SearchOutcome, frame: FileRecord, detector: Detector, fits: Fits | None, pixels: slice
) -> dict[str, tuple]:
    """Return the values, unit and description of each column."""
    maps = outcome.maps
    y, x = np.divmod(np.flatnonzero(outcome.categories)[pixels], outcome.categories.shape[1])
    found = outcome.categories[y, x]
    dq = outcome.flags.to_dq(found)
    error = rate_error(maps, y, x, detector.name, frame.tgroup, frame.readpatt)
    full_x, full_y = (x + frame.xstart - 1).astype(np.int32), (y + frame.ystart - 1).astype(np.int32)
    by = named_by(outcome.passed, found, y * outcome.categories.shape[1] + x, detector.gain)
    return {
        "detector": (np.full(x.size, detector.name), None, "value of DETECTOR"),
        "x": (full_x, None, "column in the full frame, counted from 0 as in NumPy"),
        "y": (full_y, None, "row in the full frame, counted from 0 as in NumPy"),
        "x_fits": (full_x + np.int32(1), None, "column in the full frame, counted from 1 as in FITS and DS9"),
        "y_fits": (full_y + np.int32(1), None, "row in the full frame, counted from 1 as in FITS and DS9"),
        "categories": (named(found, category_names), None, "what the search found, joined with ','"),
        "dq": (dq, None, "DQ bits that the categories give"),
        "dq_names": (
            named(dq, _flag_names),
            None,
            "mnemonics of dq joined with '|'; GOOD is the pipeline's name of 0",
        ),
        "test": (
            by.test,
            None,
            "which test gives the gravest category, of several the one passed by least, by the name that explain gives "
            "it; - where no single one does",
        ),
        "value": (by.value, None, f"what that test compares; units by test are {units()}"),
        "limit": (by.limit, None, "what it compares the value with, in the same unit; NaN where there is none"),
        "rate": (maps.rate[y, x], "DN/s", "clipped and weighted mean of the rates of all integrations"),
        "rate_error": (
            error.astype(np.float32),
            "DN/s",
            "standard error of rate: of read noise and shot noise, or of the integrations' scatter where that is more",
        ),
        "rate_electrons": (
            outcome.rate[y, x],
            "electron/s",
            f"rate at {detector.gain} electron/DN; the flight search takes off what neighbours couple in",
        ),
        # Decoupling scales a rate by 1.02, and the error of what it takes off is a hundred times smaller than the rest.
        "rate_electrons_error": ((error * detector.gain).astype(np.float32), "electron/s", "rate_error times the gain"),
        "noise": (maps.noise[y, x], "DN", "standard deviation of a difference of two groups without a jump"),
        "pedestal": (maps.pedestal[y, x], "DN", "median over integrations"),
        "jumps": (maps.jumps[y, x], None, "groups flagged as jumps, in all integrations together"),
        "falls": (maps.falls[y, x], None, "jumps downwards by more than chance allows, in all integrations together"),
        "good_integrations": (maps.finite[y, x], None, "integrations in which the pipeline gives a finite rate"),
        **change_columns(maps, y, x, detector, frame.tgroup),
        **fitted_columns(fits, y, x, outcome.categories.shape, detector, frame.tgroup),
    }


def regions_of(categories: np.ndarray) -> str:
    """Return DS9 regions with a circle on each bad pixel.

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16

    Returns
    -------
    str
        Text of a region file in image coordinates of an image of this shape, counted from 1. Regions of a subarray fit
        the subarray's own images, since DS9 then knows nothing of the full frame. Each category of a pixel is a tag,
        and DS9 lists tags as groups that can be selected; the colour is that of the gravest category, as in the mask
        map. Regions are ordered by row and then by column; the text is empty when no pixel is bad.
    """
    y, x = np.nonzero(categories)
    if not x.size:
        return ""
    found = categories[y, x]
    # Written as text: objects of the regions package, which reads these back in the tests, take 0.2 ms a pixel. Each
    # line has all properties of its circle; a circle, because a point covers its neighbours.
    looks = {int(value): _look(int(value)) for value in np.unique(found)}
    circles = [
        f"circle({column}.0,{row}.0,0.5) # {looks[value]}"
        for column, row, value in zip((x + 1).tolist(), (y + 1).tolist(), found.tolist(), strict=True)
    ]
    return "\n".join(["# Region file format: DS9", "image", *circles, ""])


def rate_error(maps: CombinedMaps, y, x, name: str, tgroup: float, readpatt: str) -> np.ndarray:
    """Return the standard error of the mean rate of some pixels, DN/s (float64); NaN when there is no rate.

    Read noise and shot noise limit the rate of a steady pixel, and they are known better than a scatter of few
    integrations. The rates of a telegraph or noisy pixel scatter by more than both: then that scatter is taken, as that
    of a median, since the rate of such a pixel may be a median. Taking the larger error errs upwards in a steady pixel
    too, by a quarter or so, and never hides that a pixel is restless.

    Parameters
    ----------
    maps : CombinedMaps
    y, x : numpy.ndarray, shape (n,)
    name : str
        Name of the detector.
    tgroup : float
        Group time, s.
    readpatt : str
    """
    detector = look_up_detector(name)
    rate, weight = (image[y, x].astype(np.float64) for image in (maps.rate, maps.weight))
    finite = maps.finite[y, x]
    # When the pipeline gave no rate, the differences of every integration may have been taken.
    integrations = np.where(finite > 0, finite, maps.integrations)
    reading = 12 * detector.read_variance(readpatt) / tgroup**2 / np.where(weight > 0, weight, np.nan)
    exposed = detector.gain * tgroup * max(maps.groups - 1, 1) * integrations
    shot = SLOPE_SHOT * np.maximum(rate, 0) / exposed
    scatter = maps.rate_scatter[y, x] / np.sqrt(MEDIAN_EFFICIENCY * integrations)
    return np.maximum(np.sqrt(reading + shot), scatter)


def _flag_names(value: int) -> str:
    # GOOD is written because an empty string would be read back as a missing value.
    return "|".join(names_in(value, pixel_flags())) or "GOOD"


def _look(value: int) -> str:
    """Return tags and colour of a pixel's circle, in the words of DS9."""
    tags = " ".join(f"tag={{{name}}}" for name in categories_in(value))
    return f"{tags} color={_colour(value)}"


def _colour(value: int) -> str:
    """Return the colour of the topmost marker of a pixel, the one that the mask map draws last."""
    return [COLOURS[colour] for category, (colour, _) in STYLES.items() if value & category.bit][-1]
