"""Where NIRCam's subarrays lie on its detectors, by the SIAF (Science Instrument Aperture File).

The table beside this module, ``siaf_subarrays.json``, was made from ``pysiaf``, which is not imported here because its
import asks the network. ``python -m tests.core.test_siaf`` writes it again, and that test compares the two.

Subarrays were moved in flight: in June 2022 (PRDOPSSOC-053), after the darks of NRC-09 were taken, because a mirror of
module B had moved (spacetelescope/pysiaf pull request 252), and in 2025 (PRDOPSSOC-072) those for point sources in
module A (pull requests 385 and 387). A file is right if it has a position that any version of the SIAF since launch
gives its subarray, so each subarray has a list of them, the newest first.
"""

import json
from importlib.resources import files

from .window import Window

_TABLE = json.loads(files(__package__).joinpath("siaf_subarrays.json").read_text(encoding="utf-8"))

# The oldest and the newest version of the Project Reference Database whose SIAF the table holds.
FIRST_PRD_VERSION: str = _TABLE["first_prd_version"]
PRD_VERSION: str = _TABLE["prd_version"]


def positions(detector: str, subarray: str) -> tuple[Window, ...]:
    """The places that a subarray has had on a detector since launch.

    Parameters
    ----------
    detector : str
        Value of DETECTOR, e.g. ``NRCALONG``.
    subarray : str
        Value of SUBARRAY, e.g. ``SUB64P``.

    Returns
    -------
    tuple of Window
        The newest first; empty when the SIAF has no such subarray on this detector. Readouts in several stripes are
        no rectangle of the frame and have none.
    """
    return tuple(Window(*place) for place in _TABLE["positions"].get(detector, {}).get(subarray, ()))
