"""Noise that is not ours makes no false alarms: 1/f and alternating-column noise of pynrc, through the pipeline."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import poisson

from darkmask.build.measurements import measure_set, of_all_pixels
from darkmask.build.of_files import measure_files
from darkmask.core.detectors import Geometry, detector
from darkmask.delivery import scan
from darkmask.search.budget import BUDGET
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from darkmask.simulate import SimulationSpec
from darkmask.simulate.headers import ExposureName
from darkmask.simulate.references import write_references
from darkmask.simulate.uncal import write_uncal
from fixtures.criteria.profiles import load_criteria
from tests.support.pynrc_noise import pynrc_functions, ramp

pytestmark = pytest.mark.slow

DETECTORS = ("NRCA1", "NRCBLONG")
SPEC = SimulationSpec(frame=192, detectors=DETECTORS, subarrays=(), exposures=5, integrations=1, groups=20, raw=True)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Raw exposures with pynrc's noise and no defect, after the steps from DQInit to the ramp fit."""
    pynrc_functions()  # skips where it is absent
    folder = tmp_path_factory.mktemp("foreign")
    raw, references, out = (folder / name for name in ("raw", "references", "prepared"))
    raw.mkdir()
    references.mkdir()
    for number, name in enumerate(DETECTORS):
        properties = detector(name)
        write_references(references, properties, SPEC.frame)
        for exposure in range(1, SPEC.exposures + 1):
            counts = ramp(properties, SPEC.frame, SPEC.border, SPEC.groups, seed=1000 * number + 10 * exposure)
            write_uncal(raw, SPEC, properties, None, ExposureName(name, 1, exposure), counts[None])
    command = [sys.executable, "-W", "error", "-m", "darkmask", "prepare", raw, out, "--references", references]
    command += ["--frame", str(SPEC.frame), "--jobs", "2"]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    return out


def test_pynrc_makes_noise_that_rows_and_columns_show():
    properties = detector("NRCA1")
    counts = ramp(properties, 128, 4, 6, seed=1) * properties.gain
    steps = np.diff(counts, axis=0)[:, 4:-4, 4:-4]
    white = properties.read_noise * properties.gain * np.sqrt(2)
    assert white < steps.std() < 1.3 * white
    # White noise alone would scatter the means of rows by a tenth of a pixel's.
    assert steps.mean(axis=2).std() > 1.5 * white / np.sqrt(120)


def called(prepared, name: str, **parameters) -> int:
    """Return how many pixels the search calls anything."""
    exposures = scan(prepared).main_set(name, "FULL")
    request = SetRequest(exposures, prepared, "native", "flight", SearchParameters(**parameters), Geometry(SPEC.frame))
    return np.count_nonzero(search_set(request).categories)


@pytest.mark.parametrize("name", DETECTORS)
def test_the_search_stays_within_its_budget(prepared, name):
    science = (SPEC.frame - 2 * SPEC.border) ** 2
    # More than this happens once in a thousand runs of a search that uses up its whole budget.
    assert called(prepared, name) <= poisson.isf(1e-3, BUDGET * science / 4_161_600)
    # The noise is there: at 3 sigma one pixel in 741 stands out, by less than a noisy pixel must.
    assert called(prepared, name, noise_significance=3.0, noisy_ratio=1.0, unusable_noise_ratio=1.0) > science / 741 / 3


@pytest.mark.parametrize("name", DETECTORS)
def test_what_outputs_share_and_where_ramps_lie_is_within_the_bounds(prepared, name):
    """Five integrations of pynrc's 1/f noise and alternating columns, by the bounds of real detectors."""
    exposures = scan(prepared).main_set(name, "FULL")
    request = SetRequest(exposures, prepared, "native", "flight", SearchParameters(), Geometry(SPEC.frame))
    outcome, criteria = search_set(request), load_criteria("nircam").criteria
    of_all, of_files = of_all_pixels(request, outcome), measure_files(request, outcome.categories)
    found = measure_set(request, outcome, of_all) | of_files
    apart, error, *_ = found["most_lit"]
    noises = [each["difference_noise_dn"] for each in found["amplifiers"]]
    measured = {
        "DLV-PLACES": min(of_all.alike, of_files["least_alike"]).most,
        "DLV-UNFITTED": len(found["rates_without_a_ramp"]),
        "DLV-UNRATED": found["ramps_without_a_rate"][0],
        "DLV-FAINT": found["off_lines"][0],
        "DLV-FLAGS": found["most_flagged"][0],
        "DRK-LIGHT": max(abs(apart) - 3 * error, 0) * 1000 * detector(name).gain,
        "DRK-OUTPUTS": max(noises) / min(noises),
        "DRK-PATTERN": max(found["pattern_noise_dn"]),
        "DRK-RESETS": found["reset_levels_dn"][0],
        "DRK-STEP": found["shared_step_dn"][0],
    }
    assert {key for key, value in measured.items() if not criteria[key].accepts(value)} == set()
