"""Measure what the checks say of many simulated demo deliveries, beside what was simulated, to argue the demo's bounds.

    PYTHONPATH=. python benchmarks/demo_bounds.py [--seeds 1001 1020] [--detectors NRCB1 NRCBLONG]
        [--effects realistic] [--kept bounds.json]

Each seed is simulated, judged by all checks with the criteria ``demo``, and removed. The table has a row for each
criterion and kind of detector: the least and the largest value measured, the bounds in force, how often these accepted
and refused it, and how often the check had no answer. Below it, for each category, the share of pixels that the truth
holds, and the bounds argued from it: half of the least, so that a blind search fails and one that sees most does not;
twice the largest, so that a search with as many false pixels as real ones fails. ``--kept`` keeps what was measured,
and a later call goes on with the seeds that are left.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from darkmask.core.cache_folder import cache_root
from darkmask.core.categories import Category
from darkmask.core.detectors import Geometry, detector
from darkmask.core.flags import FLIGHT_FLAGS
from darkmask.simulate import DemoPaths, SimulationSpec, read_structures, read_truth, simulate_delivery
from darkmask.simulate.registry import parse_effects
from fixtures.criteria.profiles import load_criteria

ROOT = Path(__file__).resolve().parents[1]


def kind_of(name: str) -> str:
    """Return whether a detector sees short or long wavelengths."""
    return detector(name).channel.lower()


def measure(seed: int, detectors: list[str], effects: str) -> dict:
    """Simulate a delivery, judge it, and return the checks and what was simulated."""
    with tempfile.TemporaryDirectory(prefix="demo_bounds_") as temporary:
        folder = Path(temporary)
        paths = DemoPaths.of(folder / "darks")
        spec = SimulationSpec(seed=seed, detectors=tuple(detectors), effects=parse_effects(effects))
        simulate_delivery(paths.delivery, spec, workers=1, progress=False)
        command = [
            *(sys.executable, "-m", "pytest", "-c", ROOT / "pytest.ini", "checks/", "-q", "--criteria=demo"),
            *(f"--delivery={paths.delivery}", f"--ground={paths.ground}", f"--base={paths.base}"),
            *(f"--detectors={','.join(detectors)}", f"--reports={folder / 'reports'}"),
        ]
        # What is searched is in nobody's way afterwards; compiled kernels stay.
        kept = {"XDG_CACHE_HOME": str(folder / "cache"), "NUMBA_CACHE_DIR": str(cache_root())}
        done = subprocess.run(command, cwd=ROOT, env=os.environ | kept, capture_output=True, text=True, check=False)
        results = folder / "reports" / "darks" / "results.json"
        if not results.exists():
            raise SystemExit(f"seed {seed}: the checks wrote no results:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        checks = json.loads(results.read_text())["checks"]
        wanted = ("id", "detector", "subarray", "outcome", "blocking", "measured", "message")
        return {
            "checks": [{key: check[key] for key in wanted} for check in checks],
            "simulated": {name: simulated(paths.truth, name, spec) for name in detectors},
        }


def simulated(truth: Path, name: str, spec: SimulationSpec) -> dict[str, float]:
    """Return the share of science pixels of each category that the truth holds, and the number of its structures."""
    number = Counter(str(kind) for kind in read_truth(truth, name)["category"])
    science = (~Geometry(spec.frame).reference_pixels()).sum()
    shares = {kind: count / science for kind, count in number.items()}
    structures = read_structures(truth, name)
    lit = sum(
        (row["x_last"] - row["x_first"] + 1) * (row["y_last"] - row["y_first"] + 1)
        for row in structures
        if row["kind"] in ("persistence", "snowballs", "afterglow")
    )
    exposures = hot_in_one_exposure(read_truth(truth, name), spec)
    unusable = [c for c in Category if FLIGHT_FLAGS.to_dq(np.uint16(c.bit)) & 1]
    return shares | {
        "do_not_use": sum(shares.get(category.value, 0.0) for category in unusable),
        "hot in one exposure": max(exposures) / science,
        "structures": len(structures),
        "lit": lit / science,
    }


def hot_in_one_exposure(table, spec: SimulationSpec) -> list[int]:
    """Return how many pixels are hot in each exposure and in less than two integrations of all the others.

    The mask made from the others does not know them: one integration alone is told from radiation by nobody.
    """
    if "integrations" not in table.colnames:
        return [0] * spec.exposures
    counts = [0] * spec.exposures
    for row in table:
        if row["unit"] == "electron / s" and row["integrations"]:
            exposure = Counter((int(number) - 1) // spec.integrations for number in row["integrations"].split(","))
            for number, inside in exposure.items():
                counts[number] += exposure.total() - inside < 2
    return counts


def span(values: list[float], form: str = ".4g") -> str:
    """Return the least and the largest of some values."""
    return f"{min(values):{form}} to {max(values):{form}}" if values else "-"


def print_tables(runs: dict[str, dict], effects: str) -> None:
    """Print what was measured, and the bounds argued from what was simulated."""
    criteria = load_criteria("demo").criteria
    measured, outcomes = defaultdict(list), defaultdict(Counter)
    truth = defaultdict(list)
    refused = []
    for seed, run in runs.items():
        for check in run["checks"]:
            key = (check["id"], kind_of(check["detector"]))
            outcomes[key][check["outcome"]] += 1
            if check["measured"] is not None:
                measured[key].append(check["measured"])
            if check["blocking"]:
                refused.append(f"seed {seed} {check['id']} {check['detector']} {check['subarray']}: {check['message']}")
        for name, shares in run["simulated"].items():
            for category, share in shares.items():
                truth[category, kind_of(name)].append(share)
    print(f"{len(runs)} seeds, effects {effects}\n")
    print(
        "| criterion | wavelength | measured | bounds | passed | refused | no answer |\n|---|---|---|---|---|---|---|"
    )
    for identifier, criterion in criteria.items():
        for kind in ("short", "long"):
            counts = outcomes[identifier, kind]
            values = measured[identifier, kind]
            if values:
                judged = f"{counts['pass']} | {counts['fail'] + counts['error']} | {counts['not_evaluated']}"
                print(f"| {identifier} | {kind} | {span(values)} | {criterion.low} to {criterion.high} | {judged} |")
    print("\n| simulated | wavelength | share of the science pixels | half of the least | twice the largest |")
    print("|---|---|---|---|---|")
    for (category, kind), shares in sorted(truth.items()):
        print(f"| {category} | {kind} | {span(shares)} | {min(shares) / 2:.2g} | {2 * max(shares):.2g} |")
    print("\nRefused, or without the answer that is required:\n")
    print("\n".join(refused) or "none")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs=2, type=int, default=[1001, 1020], metavar=("FIRST", "LAST"))
    parser.add_argument("--detectors", nargs="+", default=["NRCB1", "NRCBLONG"])
    parser.add_argument("--effects", default="realistic")
    parser.add_argument("--kept", type=Path)
    chosen = parser.parse_args()
    runs = json.loads(chosen.kept.read_text()) if chosen.kept and chosen.kept.exists() else {}
    for seed in range(chosen.seeds[0], chosen.seeds[1] + 1):
        if str(seed) not in runs:
            runs[str(seed)] = measure(seed, chosen.detectors, chosen.effects)
            print(f"seed {seed} measured", file=sys.stderr, flush=True)
            if chosen.kept:
                chosen.kept.write_text(json.dumps(runs))
    print_tables(runs, chosen.effects)


if __name__ == "__main__":
    main()
