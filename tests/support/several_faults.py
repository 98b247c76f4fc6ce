"""A delivery of three detectors with three faults at once: a truncated file, a set that is missing, and a hot storm."""

from pathlib import Path

from darkmask.core.window import Window
from darkmask.simulate import SimulationSpec, Subarray, simulate_delivery
from tests.checks.planting import every_exposure, one, one_in, unlinked
from tests.support.few_pixels import criteria
from tests.support.runs import Finished, run_into

# In this order: one of its files is truncated, its subarray was not sent, many of its pixels are hot.
TRUNCATED, INCOMPLETE, STORMY = DETECTORS = ("NRCA1", "NRCBLONG", "NRCB3")


def criteria_of(folder: Path, *, all_detectors: bool = False) -> Path:
    """Write criteria that plan the three detectors, or all ten."""
    path = folder / ("ten.toml" if all_detectors else "three.toml")
    planned = () if all_detectors else DETECTORS
    path.write_text(criteria("three", detectors=planned, subarrays=[(INCOMPLETE, "SUB64P")]))
    return path


def three_faults(folder: Path) -> Path:
    """Simulate the delivery in a new folder, plant the faults, and return the folder of the files."""
    delivery = folder / "three"
    simulate_delivery(
        delivery,
        SimulationSpec(
            frame=128,
            detectors=DETECTORS,
            subarrays=(Subarray(INCOMPLETE, "SUB64P", Window(33, 33, 64, 64)),),
            exposures=5,
            integrations=2,
            groups=16,
        ),
        progress=False,
    )
    truncated = unlinked(one(delivery, f"*_00001_{TRUNCATED.lower()}_jump.fits"))
    with truncated.open("r+b") as file:
        file.truncate(truncated.stat().st_size // 2)
    for path in delivery.glob(f"jw01062002*_{INCOMPLETE.lower()}_*"):
        path.unlink()
    for ramps in every_exposure(delivery, STORMY):
        ramps.add_signal(one_in(13, ramps.pixeldq.shape), 2.0)
    return delivery


def judged(delivery: Path, reports: Path, *options: str, all_detectors: bool = False) -> Finished:
    """Run the checks on the delivery, with all that lies beside it."""
    criteria = criteria_of(delivery.parent, all_detectors=all_detectors)
    beside = [f"--{name}={delivery}.{name}" for name in ("base", "ground")]
    return run_into(reports, f"--delivery={delivery}", f"--criteria={criteria}", *beside, *options, expect=1)
