"""Measure the recall of the flight search against the strength of a defect, for deliveries of several sizes.

    PYTHONPATH=. python benchmarks/curves.py [--picture docs/recall.png] [--frame 256] [--seed 3]

Defects are simulated down to a twentieth of the strengths of the demo, in ten detectors. Three numbers are measured for
each category: the share of the defects of about one strength that is found (as anything) and named right; the strength
from which on 98 % are found; and how many of the isolated pixels without a defect are called so.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import NullFormatter
from scipy.ndimage import binary_dilation

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry
from darkmask.core.palette import COLOURS
from darkmask.delivery import scan
from darkmask.reports.pictures.canvas import new_figure, png_bytes
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from darkmask.simulate import SimulationSpec, read_truth, simulate_delivery

# Numbers of exposures, integrations and groups.
SIZES = ((5, 1, 10), (6, 2, 20), (10, 2, 60))
WEAKEST = 0.05
KINDS = {
    "hot and warm": ((Category.HOT, Category.WARM), "rate, e-/s"),
    "rc": ((Category.RC,), "amplitude, DN"),
    "inverse rc": ((Category.INVERSE_RC,), "amplitude, DN"),
    "telegraph": ((Category.TELEGRAPH,), "distance of the levels, DN"),
    "noisy": ((Category.NOISY,), "factor on the read noise"),
    "low pedestal": ((Category.LOW_PEDESTAL,), "depth, DN"),
}
BINS = 14
TARGET = 0.98


@dataclass
class Found:
    """The defects of one kind: strength, whether found as anything, and whether named right."""

    strength: np.ndarray
    found: np.ndarray
    named: np.ndarray

    def limit(self) -> float:
        """Return the least strength from which on TARGET of the defects are found."""
        order = np.argsort(self.strength)
        share = np.cumsum(self.found[order][::-1])[::-1] / np.arange(order.size, 0, -1)
        above = np.flatnonzero(share >= TARGET)
        return float(self.strength[order][above[0]]) if above.size else float("nan")

    def binned(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the middle of each bin of strength, the share found and the share named right of all."""
        edges = np.geomspace(self.strength.min(), self.strength.max() * 1.0001, BINS + 1)
        place = np.digitize(self.strength, edges) - 1
        used = [b for b in range(BINS) if (place == b).any()]
        middles = np.sqrt(edges[:-1] * edges[1:])[used]
        shares = [[values[place == b].mean() for b in used] for values in (self.found, self.named)]
        return middles, np.array(shares[0]), np.array(shares[1])


def search_all(delivery: Path) -> tuple[dict[str, Found], int, int, float]:
    """Return what was found of each kind, isolated false pixels, good pixels, and the largest stated limit in e-/s."""
    index = scan(delivery)
    rows = {kind: [] for kind in KINDS}
    false, good, stated = 0, 0, 0.0
    for name in index.detectors:
        exposures = index.main_set(name, "FULL")
        geometry = Geometry(exposures[0].jump.shape[2])
        outcome = search_set(SetRequest(exposures, delivery, "native", "flight", SearchParameters(), geometry))
        truth = read_truth(delivery.with_name(delivery.name + ".truth"), name)
        defect = np.zeros(outcome.categories.shape, dtype=bool)
        defect[truth["y"], truth["x"]] = True
        # A pixel that touches a strong one is not judged.
        away = ~binary_dilation(defect, np.ones((3, 3), dtype=bool)) & ~geometry.reference_pixels()
        # What lies in a patch that fades is told, and not called bad.
        false += int((outcome.categories[away] & ~np.uint16(Category.TRANSIENT.bit) != 0).sum())
        good += int(away.sum())
        stated = max(stated, outcome.thresholds["recovery_limit_e_per_s"])
        alone = np.asarray(truth["cluster"]) < 0
        for kind, (categories, _) in KINDS.items():
            chosen = truth[np.isin(truth["category"], [c.value for c in categories]) & alone]
            called = outcome.categories[chosen["y"], chosen["x"]]
            right = np.any([in_category(called, c) for c in categories], axis=0)
            rows[kind].append(np.stack([np.abs(chosen["strength"]), called != 0, right]))
    return {kind: Found(*np.concatenate(parts, axis=1)) for kind, parts in rows.items()}, false, good, stated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--frame", type=int, default=256)
    parser.add_argument("--seed", type=int, default=3)
    chosen = parser.parse_args()
    figure = new_figure(10.5, 6.4)
    grid = figure.subplots(2, 3)
    figure.subplots_adjust(left=0.07, right=0.98, top=0.94, bottom=0.09, hspace=0.38, wspace=0.2)
    print("| delivery | kind | simulated | found | named right, of those found | 98 % found from |")
    print("|---|---|---|---|---|---|")
    notes = []
    for (exposures, integrations, groups), colour in zip(SIZES, ("vermilion", "blue", "green"), strict=True):
        label = f"{exposures} x {integrations} x {groups}"
        with tempfile.TemporaryDirectory() as temporary:
            delivery = Path(temporary) / "delivery"
            spec = SimulationSpec(
                seed=chosen.seed, frame=chosen.frame, subarrays=(), exposures=exposures, integrations=integrations,
                groups=groups, weakest=WEAKEST,
            )  # fmt: skip
            simulate_delivery(delivery, spec, progress=False)
            kinds, false, good, stated = search_all(delivery)
        for axes, (kind, (_, unit)) in zip(grid.flat, KINDS.items(), strict=True):
            one = kinds[kind]
            named = one.named[one.found > 0].mean()
            print(
                f"| {label} | {kind} | {one.found.size} | {one.found.mean():.3f} | {named:.3f} | {one.limit():.3g} |",
                flush=True,
            )
            middles, found, right = one.binned()
            axes.plot(middles, found, color=COLOURS[colour], marker="o", markersize=3, label=label)
            axes.plot(middles, right, color=COLOURS[colour], linestyle=":")
            axes.set(xscale="log", title=kind, xlabel=unit, ylim=(-0.03, 1.03))
            axes.grid(True, color="#e1e1e1")
        bright = kinds["hot and warm"]
        above = bright.strength >= stated
        notes.append(
            f"{label}: the stated limit (98 %) is {stated:.3f} e-/s, and {bright.found[above].mean():.4f} of the "
            f"{above.sum()} hot and warm pixels above it are found; {false} of {good} good pixels are called bad."
        )
    for axes in grid.flat:
        axes.xaxis.set_minor_formatter(NullFormatter())
    # This panel has room for the legend: all rc pixels are found.
    grid.flat[1].legend(fontsize=8, title="exposures x integrations x groups", title_fontsize=8)
    print("\n" + "\n".join(notes))
    if chosen.picture:
        chosen.picture.write_bytes(png_bytes(figure))


if __name__ == "__main__":
    main()
