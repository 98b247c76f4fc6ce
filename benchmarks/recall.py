"""Measure recall and purity of each engine on simulated darks, category by category.

    python benchmarks/recall.py [DELIVERY] [--engines flight official jwst_reffiles] [--detectors NRCA1 ...]

The default delivery is the demo. A pixel is "named right" when the engine gives it the category that was simulated,
"found" when it gives it any category, and "false" when no defect was simulated there.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Geometry
from darkmask.core.flags import Category, in_category
from darkmask.delivery import scan
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from darkmask.simulate import demo_delivery, read_truth

ENGINES = ("flight", "official", "jwst_reffiles")


def truth_maps(folder: Path, detector: str, frame: int) -> dict[Category, np.ndarray]:
    """Return where each category was simulated, bool (frame, frame)."""
    maps = {category: np.zeros((frame, frame), dtype=bool) for category in Category}
    for row in read_truth(folder, detector):
        maps[Category(row["category"])][row["y"], row["x"]] = True
    return maps


def score(delivery: Path, engine: str, detectors: list[str] | None) -> dict[Category, np.ndarray]:
    """Count per category: simulated, named right, found as anything, called so, and called so without any defect."""
    index = scan(delivery)
    numbers = {category: np.zeros(5, dtype=int) for category in Category}
    for detector in detectors or index.detectors:
        exposures = index.main_set(detector, "FULL")
        frame = exposures[0].jump.shape[2]
        chosen = (engine, "official") if engine == "jwst_reffiles" else ("native", engine)
        request = SetRequest(exposures, delivery, *chosen, SearchParameters(), Geometry(frame))
        found = search_set(request).categories
        truth = truth_maps(delivery.with_name(delivery.name + ".truth"), detector, frame)
        defect = np.any(list(truth.values()), axis=0)
        for category in Category:
            called, real = in_category(found, category), truth[category]
            numbers[category] += [
                real.sum(),
                (real & called).sum(),
                (real & (found != 0)).sum(),
                called.sum(),
                (called & ~defect).sum(),
            ]
    return numbers


def table(numbers: dict[Category, np.ndarray]) -> list[str]:
    """Return the scores as lines of a Markdown table."""
    lines = [
        "| category | simulated | named right | found | called so | recall | false |",
        "|---|---|---|---|---|---|---|",
    ]
    for category, (real, right, found, called, false) in numbers.items():
        if real or called:
            recall = f"{right / real:.3f}" if real else "-"
            lines.append(f"| {category.value} | {real} | {right} | {found} | {called} | {recall} | {false} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("delivery", nargs="?", type=Path)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--detectors", nargs="+")
    chosen = parser.parse_args()
    delivery = chosen.delivery or demo_delivery().delivery
    for engine in chosen.engines:
        print(f"\n{engine}\n")
        print("\n".join(table(score(delivery, engine, chosen.detectors))))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
