"""Measure recall and purity of each engine on simulated darks, by category, strength and time constant.

    PYTHONPATH=. python benchmarks/recall.py [DELIVERY] [--engines flight official jwst_reffiles]
        [--detectors NRCA1 ...] [--strengths]

The default delivery is the demo. A pixel is "named right" when the engine gives it the category that was simulated,
"found" when it gives it any category, and "false" when no defect was simulated there: alone, beside a defect, or in a
patch (a column that wanders, lit pixels, a snowball, or three and more together). "Visible" are those that a search can
see at all, see ``is_visible`` of ``benchmarks/effects.py``. Pixels that healed within a delivery of one epoch come and
go: they count as intermittent. ``--strengths`` prints besides, for each kind of pixel, what is found by strength, by
time constant or number of bad integrations, and by both.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.effects import false_pixels, is_visible
from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry, detector
from darkmask.delivery import scan
from darkmask.delivery.index import DeliveryIndex
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from darkmask.simulate import demo_delivery, read_structures, read_truth
from darkmask.simulate.registry import REALISTIC
from darkmask.simulate.spec import SimulationSpec

ENGINES = ("flight", "official", "jwst_reffiles")
# Borders of bins by strength, in the unit of the truth, and by time constant, in groups of the full frame.
STRENGTHS = {
    "electron / s": (0.05, 0.1, 0.275, 0.5, 1, 4, 16, 200),
    "DN": (0, 50, 100, 200, 500, 1e6),
    "": (2, 4, 8, 50),
}
TIMES = (0, 5, 10, 20, 30, 40, 60, 1000)
# Kinds of which time constants say something, and those that are bad in some integrations.
TIMED = ("telegraph", "slow_telegraph", "bursts", "rc", "inverse_rc")
AT_TIMES, NUMBERS = ("intermittent", "late_hot", "healed"), (1, 2, 3, 4, 100)


@dataclass(frozen=True)
class Judged:
    """What an engine made of a detector.

    Attributes
    ----------
    found : numpy.ndarray, shape (y, x), uint16
    truth, structures : astropy.table.Table
    spec : SimulationSpec
        Of the delivery, as far as it decides what a search can see.
    read_noise, tgroup : float
        DN and s.
    """

    found: np.ndarray
    truth: object
    structures: object
    spec: SimulationSpec
    read_noise: float
    tgroup: float


def right_category(row) -> Category:
    """Return what a search should call a simulated pixel."""
    return Category.INTERMITTENT if row["category"] == "healed" else Category(row["category"])


def judge(delivery: Path, index: DeliveryIndex, engine: str, name: str) -> Judged:
    """Search a detector, and read what was simulated of it."""
    exposures = index.main_set(name, "FULL")
    frame, key = exposures[0].jump.shape[2], exposures[0].set_key
    chosen = (engine, "official") if engine == "jwst_reffiles" else ("native", engine)
    request = SetRequest(exposures, delivery, *chosen, SearchParameters(), Geometry(frame))
    folder = delivery.with_name(delivery.name + ".truth")
    return Judged(
        # A pixel that is undetermined is called nothing. A transient one is called something: it counts as false where
        # no defect was simulated, as in a lit patch.
        search_set(request).categories & ~np.uint16(Category.UNDETERMINED.bit),
        read_truth(folder, name),
        read_structures(folder, name),
        SimulationSpec(frame=frame, detectors=(name,), readpatt=key.readpatt, effects=REALISTIC),
        detector(name).read_noise,
        key.tgroup,
    )


def each_pixel(one: Judged) -> Iterator[tuple]:
    """Yield the truth of each pixel, whether a search can see it, and whether it was found and named right."""
    for row in one.truth:
        called = one.found[row["y"], row["x"]]
        yield (
            row,
            row["category"] == "healed" or is_visible(row, one.spec, one.read_noise),
            bool(called),
            bool(in_category(np.array(called), right_category(row))),
        )


def by_category(judged: list[Judged]) -> list[str]:
    """Return counts of each category as lines of a Markdown table."""
    numbers = {category: np.zeros(7, dtype=int) for category in Category}
    for one in judged:
        defect = np.zeros(one.found.shape, dtype=bool)
        for row, visible, found, right in each_pixel(one):
            defect[row["y"], row["x"]] = True
            numbers[right_category(row)][:4] += [1, visible, found, right]
        wrong = false_pixels(one.found, defect, one.structures)
        for category in Category:
            numbers[category][4:] += [(in_category(one.found, category) & where).sum() for where in wrong]
    lines = [
        "| category | simulated | visible | found | named right | false, alone | beside a defect | in a patch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {category.value} | {' | '.join(map(str, row))} |" for category, row in numbers.items() if row.any()]
    return lines


Asked = tuple[str, float, tuple[float, ...], str]


def asked_of(row, tgroup: float) -> list[Asked]:
    """Return what a pixel is told by: of each, what it is, its value, the borders of its classes, and its unit."""
    kind, unit = str(row["kind"] if "kind" in row.colnames else row["category"]), str(row["unit"])
    asked: list[Asked] = [("strength", abs(float(row["strength"])), STRENGTHS[unit], unit or "times the noise")]
    if kind in TIMED:
        asked.append(("time", float(row["timescale"]) / tgroup, TIMES, "groups"))
    elif kind in AT_TIMES:
        asked.append(("time", float(len(str(row["integrations"]).split(","))), NUMBERS, "integrations"))
    return asked


def span(value: float, borders: tuple[float, ...], unit: str) -> tuple[float, float, str]:
    """Return the class that a value lies in."""
    place = int(np.clip(np.searchsorted(borders, value, "right") - 1, 0, len(borders) - 2))
    return borders[place], borders[place + 1], unit


def in_words(low: float, high: float, unit: str) -> str:
    """Return a class in words; whole numbers of integrations have no end that is not theirs."""
    if unit != "integrations":
        return f"{low:g} to {high:g} {unit}"
    return f"{low:g} integrations and more" if high == NUMBERS[-1] else f"{low:g} integrations"


def by_strength(judged: list[Judged]) -> list[str]:
    """Return what is found of each kind by strength, by time, and by both, as lines of a Markdown table."""
    counts: dict[tuple, np.ndarray] = {}
    for one in judged:
        for row, visible, found, right in each_pixel(one):
            kind = str(row["kind"] if "kind" in row.colnames else row["category"])
            spans = [(what, span(*rest)) for what, *rest in asked_of(row, one.tgroup)]
            keys = [(kind, (only,)) for only in spans] + ([(kind, tuple(spans))] if len(spans) > 1 else [])
            for key in keys:
                number = counts.setdefault(key, np.zeros(4, int))
                number += [1, visible, found, right]
    lines = ["| kind | strength, time | simulated | visible | found | named right |", "|---|---|---|---|---|---|"]
    ordered = sorted(counts.items(), key=lambda item: (item[0][0], len(item[0][1]), item[0][1]))
    for (kind, spans), (simulated, visible, found, right) in ordered:
        said = ", ".join(in_words(*one) for _, one in spans)
        shares = f"{found / simulated:.2f} | {right / simulated:.2f}"
        lines.append(f"| {kind} | {said} | {simulated} | {visible} | {shares} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("delivery", nargs="?", type=Path)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--detectors", nargs="+")
    parser.add_argument("--strengths", action="store_true")
    chosen = parser.parse_args()
    delivery = chosen.delivery or demo_delivery().delivery
    index = scan(delivery)
    for engine in chosen.engines:
        judged = [judge(delivery, index, engine, name) for name in chosen.detectors or index.detectors]
        print(f"\n{engine}\n")
        print("\n".join(by_category(judged)))
        if chosen.strengths:
            print("\n" + "\n".join(by_strength(judged)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
