"""The list of bad pixels of a set, one row each, as an ECSV table."""

from pathlib import Path

import numpy as np

from .atomic import replacing
from .delivery import FileRecord
from .detectors import detector as look_up_detector
from .engines import SearchOutcome
from .flags import Category


def write_catalogue(path: Path, outcome: SearchOutcome, detector: str, subarray: str, frame: FileRecord) -> None:
    """Write the catalogue of a set.

    Parameters
    ----------
    path : Path
    outcome : SearchOutcome
    detector, subarray : str
    frame : FileRecord
        Any file of the set, for the position of its first pixel.
    """
    from astropy.table import Table

    y, x = np.nonzero(outcome.categories)
    found = outcome.categories[y, x]
    dq = outcome.flags.to_dq(outcome.categories)[y, x]
    maps, gain = outcome.maps, look_up_detector(detector).gain
    error = 1.2533 * maps.rate_scatter[y, x] / np.sqrt(maps.integrations)  # of a median of Gaussian values
    table = Table(
        {
            "x": x + frame.xstart - 1,
            "y": y + frame.ystart - 1,
            "categories": [",".join(c.value for c in Category if value & c.bit) for value in found],
            "dq": dq,
            "rate": maps.rate[y, x],
            "rate_error": error.astype(np.float32),
            "rate_electrons": outcome.rate[y, x],
            "noise": maps.noise[y, x],
            "pedestal": maps.pedestal[y, x],
            "jumps": maps.jumps_total[y, x],
            "good_integrations": maps.finite[y, x],
        }
    )
    for name, unit in {
        "rate": "DN/s",
        "rate_error": "DN/s",
        "rate_electrons": "electron/s",
        "noise": "DN",
        "pedestal": "DN",
    }.items():
        table[name].unit = unit
    table["x"].description = "column in the full frame, counted from 0"
    table["y"].description = "row in the full frame, counted from 0"
    table["rate_electrons"].description = f"after interpixel coupling, at {gain} electron/DN"
    table["noise"].description = "standard deviation of a group difference without jumps"
    table.meta = {"detector": detector, "subarray": subarray, "integrations": maps.integrations}
    with replacing(path) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)
