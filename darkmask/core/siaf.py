"""Where NIRCam's subarrays lie on its detectors, according to the SIAF (Science Instrument Aperture File).

The table beside this module, ``siaf_subarrays.json``, was made from ``pysiaf``, which is not imported here because its
import asks the network. ``python -m tests.core.test_siaf`` writes it again, and that test compares the two.

Subarrays were moved twice in flight. In June 2022 (PRDOPSSOC-053), after the darks of NRC-09 were taken, they moved
because a mirror of module B had moved (spacetelescope/pysiaf pull request 252). In 2025 (PRDOPSSOC-072) those for point
sources in module A moved (pull requests 385 and 387). A file is right if its position is one that any version of the
SIAF since launch gives its subarray, so each subarray has a list of positions, the newest first.
"""

import json
from importlib.resources import files

from .window import Window

_TABLE = json.loads(files(__package__).joinpath("siaf_subarrays.json").read_text(encoding="utf-8"))

# The oldest and the newest version of the Project Reference Database whose SIAF the table holds.
FIRST_PRD_VERSION: str = _TABLE["first_prd_version"]
PRD_VERSION: str = _TABLE["prd_version"]


def positions(detector: str, subarray: str) -> tuple[Window, ...]:
    """Return the places that a subarray has had on a detector since launch.

    Parameters
    ----------
    detector : str
        Value of DETECTOR, e.g. ``NRCALONG``.
    subarray : str
        Value of SUBARRAY, e.g. ``SUB64P``.

    Returns
    -------
    tuple of Window
        The newest first; empty when the SIAF has no such subarray on this detector. A readout in several stripes is not
        a rectangle of the frame and has no place.
    """
    return tuple(Window(*place) for place in _TABLE["positions"].get(detector, {}).get(subarray, ()))
