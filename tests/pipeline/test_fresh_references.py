"""No exposure feels those before it: the ramp fit multiplies the read noise that it is given by the gain, in place.

A process that gave the same array to a second exposure would look for jumps there with twice the noise, find fewer, and
fit other rates.
"""

import subprocess
import sys

import numpy as np
import pytest

SPEC = "SimulationSpec(frame=64, detectors=('NRCA1',), subarrays=(), groups=8, cosmic_ray_rate=3e-4, raw={raw})"
HEAD = """
import sys
import numpy as np
from pathlib import Path
from astropy.io import fits
from darkmask.core.detectors import Geometry, detector
from darkmask.pipeline.offline import offline_crds
from darkmask.simulate import SimulationSpec
from darkmask.simulate.headers import ExposureName
folder, exposures = Path(sys.argv[1]), [int(number) for number in sys.argv[2:]]
spec, properties = SPEC, detector("NRCA1")

def keep(flags, rate):
    np.savez(folder / "last.npz", flags=flags, rate=rate)

def read(root):
    keep(fits.getdata(folder / f"{root}_jump.fits", "GROUPDQ"), fits.getdata(folder / f"{root}_rateints.fits", "SCI"))
"""
WAYS = {
    "simulate": """
from darkmask.simulate.products import make_triplet
with offline_crds():
    for number in exposures:
        name = ExposureName("NRCA1", 1, number)
        make_triplet(folder, spec, properties, None, name)
read(name.root)
""",
    "prepare": """
from darkmask.acquire.prepare.steps import PrepareSettings, make_products
from darkmask.delivery.headers import read_record
from darkmask.simulate.references import KINDS, write_references
from darkmask.simulate.uncal import make_uncal
with offline_crds():
    write_references(folder, properties, 64)
    given = {kind: folder / f"NRCA1_{kind}.fits" for kind in KINDS}
    for number in exposures:
        name = ExposureName("NRCA1", 1, number)
        make_uncal(folder, spec, properties, None, name)
        path = folder / name.file_name("uncal")
        make_products(path, read_record(path, folder), given, PrepareSettings(Geometry(64)), folder)
read(name.root)
""",
    "inject": """
from darkmask.simulate.ramps import simulate_ramps
from darkmask.validation.refit_worker import fit_exposure
meta = {"tgroup": 10.73677, "tframe": 10.73677, "nframes": 1, "groupgap": 0, "readpatt": "RAPID", "ystart": 1}
with offline_crds():
    for number in exposures:
        ramps = simulate_ramps(spec, properties, None, number)
        flags, rate, _ = fit_exposure(ramps, np.zeros(ramps.shape, np.uint8), properties, meta)
keep(flags, rate)
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_second_exposure_gives_what_it_gives_alone(way, tmp_path):
    code = HEAD.replace("SPEC", SPEC.format(raw=way == "prepare")) + WAYS[way]
    results = []
    for exposures in (["1", "2"], ["2"]):
        folder = tmp_path / "-".join(exposures)
        folder.mkdir()
        command = [sys.executable, "-c", code, str(folder), *exposures]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        with np.load(folder / "last.npz") as kept:
            results.append(dict(kept))
    after, alone = results
    assert (alone["flags"] & 4).any()  # there are jumps to find
    np.testing.assert_array_equal(after["flags"], alone["flags"])
    np.testing.assert_array_equal(after["rate"], alone["rate"])
