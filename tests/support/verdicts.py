"""What becomes of a small delivery of one detector: a sentence, or all that is found."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from darkmask.build.measurements import measure_set, of_all_pixels
from darkmask.build.of_files import measure_files
from darkmask.core.detectors import READOUT_PATTERNS, Geometry
from darkmask.core.errors import DarkmaskError
from darkmask.delivery import inspection, scan
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

FRAME = 48


class Verdict(NamedTuple):
    """What becomes of a delivery: a sentence about a problem, or a digest of all that is found."""

    sentence: str
    digest: str
    categories: np.ndarray | None = None


def judge(folder: Path, whole: int = 1) -> Verdict:
    """Return all that a run makes of a delivery of so many exposures, short of writing it down."""
    index = scan(folder)
    sets = index.sets("NRCA1", "FULL")
    exposures = [exposure for found in sets.values() for exposure in found]
    geometry = Geometry(FRAME)
    problems = [
        *(problem.sentence for problem in index.problems),
        *inspection.step_problems(exposures),
        *inspection.exposure_type_problems(exposures),
        *inspection.geometry_problems(exposures, geometry),
        *(["no exposure of NRCA1 FULL is left"] if len(exposures) != whole else []),
    ]
    if problems:
        return Verdict(problems[0], "")
    request = SetRequest(tuple(exposures), folder, "native", "flight", SearchParameters(), geometry)
    try:
        outcome = search_set(request)
        measured = measure_set(request, outcome, of_all_pixels(request, outcome))
        measured |= measure_files(request, outcome.categories)
    except DarkmaskError as error:
        return Verdict(str(error), "")
    if measured["readpatt"] not in READOUT_PATTERNS:
        return Verdict(f"READPATT {measured['readpatt']} averages an unknown number of frames", "")  # says DRK-NOISE
    told = [measured, exposures[0].jump.date_obs, index.simulated]
    digest = hashlib.sha256(outcome.categories.tobytes() + json.dumps(told, sort_keys=True).encode())
    return Verdict("", digest.hexdigest(), outcome.categories)
