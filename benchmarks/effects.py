"""Measure what each effect of real detectors does to each search, and how each kind of difficult pixel is found.

    PYTHONPATH=. python benchmarks/effects.py [--seeds 1 2] [--effects one_over_f ktc pixels realistic ...]
        [--engines flight official jwst_reffiles] [--readpatt RAPID DEEP8] [--detectors NRCA1 NRCALONG]
        [--fraction 0.006]

One short- and one long-wave detector, 256x256, 8 exposures of one integration of 20 groups, with the usual defects and
one effect at a time. ``pixels`` stands for all kinds of difficult pixels together, five times as many as is realistic,
and ``realistic`` for everything. Telegraph and noisy pixels are told beside them; ``--fraction`` makes more of both. A
pixel is "found" when it is called anything, "named" when it is called what the truth calls it. Defects that are weaker
than a search can see count neither as found nor as missed: warm pixels, intermittent ones in one integration alone,
switching ones without a fall and a rise of six times the noise of a difference, and those that have healed. False
pixels lie beside a defect, in patches (in a simulated column, amplifier, patch or snowball, or three and more
together), or alone. A pixel called warm whose simulated dark current is as warm as that is no false one, whether a
defect was planted there or not; like planted warm pixels it counts neither as found nor as missed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy import ndimage

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry, detector
from darkmask.delivery import scan
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from darkmask.simulate import SimulationSpec, read_structures, read_truth, simulate_delivery
from darkmask.simulate.ramps import dark_rates
from darkmask.simulate.registry import EFFECTS, REALISTIC
from darkmask.simulate.scene import Scene
from darkmask.simulate.spec import DEFAULT_FRACTIONS

ENGINES = ("flight", "official", "jwst_reffiles")
FRAME = 256
KINDS = {name: 5.0 for name, effect in EFFECTS.items() if effect.pixels}
CASES = ("none", *(name for name in EFFECTS if name not in KINDS), "pixels", "realistic")
# Without its snowballs an afterglow has no cause.
_BESIDES = {"afterglow": {"snowballs": 1.0}}
# A fall and a rise of six times the noise of a difference are what a search must see.
VISIBLE_SIGMA = 6.0
# Usual defects that are told beside the difficult pixels.
_USUAL = (Category.TELEGRAPH, Category.NOISY)


def effects_of(case: str) -> dict[str, float]:
    """Return the effects of a row of the table."""
    if case == "none":
        return {}
    if case == "pixels":
        return KINDS
    return dict(REALISTIC) if case == "realistic" else {case: 1.0, **_BESIDES.get(case, {})}


def categories_found(delivery: Path, engine: str, name: str) -> np.ndarray:
    """Return the category image that an engine makes of a detector."""
    exposures = scan(delivery).main_set(name, "FULL")
    chosen = (engine, "official") if engine == "jwst_reffiles" else ("native", engine)
    return search_set(SetRequest(exposures, delivery, *chosen, SearchParameters(), Geometry(FRAME))).categories


def is_visible(row, spec: SimulationSpec, read_noise: float) -> bool:
    """Return whether a search can see a simulated pixel at all."""
    kind = row["kind"] if "kind" in row.colnames else row["category"]
    if kind in (Category.WARM, "healed"):
        return False
    if kind == "intermittent":
        return "," in row["integrations"]
    if kind in ("slow_telegraph", "bursts"):
        noise = read_noise * np.sqrt(2 / spec.frames_per_group)
        return bool(row["falls"] and row["rises"] and row["strength"] >= VISIBLE_SIGMA * noise)
    return True


def score(found: np.ndarray, delivery: Path, spec: SimulationSpec, name: str) -> dict[str, np.ndarray]:
    """Count what a search made of a detector.

    Returns
    -------
    dict
        For each kind: simulated, visible, visible and found, visible and named, found at all. For ``false``: pixels
        alone, beside a defect, in patches.
    """
    folder = delivery.with_name(delivery.name + ".truth")
    truth, structures = read_truth(folder, name), read_structures(folder, name)
    # A pixel that is undetermined is called nothing, and one that passes gets no flag.
    found = found & ~np.uint16(Category.UNDETERMINED.bit | Category.TRANSIENT.bit)
    numbers: dict[str, np.ndarray] = {}
    defect = np.zeros(found.shape, bool)
    read_noise = detector(name).read_noise
    for row in truth:
        x, y = row["x"], row["y"]
        defect[y, x] = True
        kind = row["kind"] if "kind" in row.colnames else row["category"]
        right = row["category"] in list(Category) and bool(in_category(found, Category(row["category"]))[y, x])
        visible, seen = is_visible(row, spec, read_noise), bool(found[y, x])
        numbers.setdefault(str(kind), np.zeros(5, int))
        numbers[str(kind)] += [1, visible, visible and seen, visible and right, seen]
    found = without_truly_warm(found, spec, name)
    numbers["false"] = np.array([where.sum() for where in false_pixels(found, defect, structures)])
    return numbers


def without_truly_warm(found: np.ndarray, spec: SimulationSpec, name: str) -> np.ndarray:
    """Return what was found without the pixels called warm and nothing else that are warm by their dark current."""
    dark = dark_rates(Scene(spec, detector(name), None, 1))
    warm = (found == Category.WARM.bit) & (dark >= SearchParameters().warm_rate)
    return np.where(warm, np.uint16(0), found)


def false_pixels(found: np.ndarray, defect: np.ndarray, structures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where pixels without a defect are called anything: alone, beside a defect, and in patches; bool (y, x)."""
    false = (found != 0) & ~defect
    beside = false & ndimage.binary_dilation(defect, np.ones((3, 3)))
    inside = np.zeros(found.shape, bool)
    for row in structures:
        inside[row["y_first"] : row["y_last"] + 1, row["x_first"] : row["x_last"] + 1] = True
    labels, count = ndimage.label(false, np.ones((3, 3)))
    sizes = ndimage.sum_labels(false, labels, np.arange(count + 1))
    patches = false & ~beside & (inside | (sizes[labels] >= 3))
    return false & ~beside & ~patches, beside, patches


def measured(
    case: str, readpatt: str, seeds: list[int], detectors: list[str], engines: list[str], fraction: float | None = None
) -> dict:
    """Return the numbers of each engine and detector, summed over seeds."""
    sums: dict[tuple[str, str], dict[str, np.ndarray]] = {(e, d): {} for e in engines for d in detectors}
    fractions = DEFAULT_FRACTIONS | ({} if fraction is None else dict.fromkeys(_USUAL, fraction))
    for seed in seeds:
        spec = SimulationSpec(
            seed=seed, frame=FRAME, detectors=tuple(detectors), subarrays=(), exposures=8, integrations=1,
            readpatt=readpatt, effects=effects_of(case), fractions=fractions,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            delivery = Path(folder) / "darks"
            simulate_delivery(delivery, spec, progress=False)
            for (engine, name), total in sums.items():
                for kind, values in score(categories_found(delivery, engine, name), delivery, spec, name).items():
                    total[kind] = total.get(kind, 0) + values
    return sums


def effect_line(case: str, sums: dict, engines: list[str], detector_name: str) -> str:
    """Return a row: for each engine F1 of the visible pixels, false ones alone, beside, and in patches."""
    cells = []
    for engine in engines:
        total = sums[engine, detector_name]
        _, visible, found, named, _ = sum(values for kind, values in total.items() if kind != "false")
        alone, beside, patches = total["false"]
        f1 = 2 * found / (visible + found + alone + beside + patches)
        cells.append(f"{found / visible:.3f} | {named / visible:.3f} | {f1:.3f} | {alone} | {beside} | {patches}")
    return f"| {case} | {detector_name} | " + " | ".join(cells) + " |"


def kind_lines(sums: dict, engines: list[str], detector_name: str) -> list[str]:
    """Return rows: for each kind how many, how many a search can see, and what each engine finds and names of these."""
    lines = []
    for kind in (*KINDS, *map(str, _USUAL)):
        cells = []
        for engine in engines:
            simulated, visible, found, named, seen = sums[engine, detector_name][kind]
            of_visible = f"{found / visible:.3f} | {named / visible:.3f}" if visible else "- | -"
            cells.append(f"{of_visible} | {seen / simulated:.2f}")
        lines.append(f"| {kind} | {detector_name} | {simulated} | {visible} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--effects", nargs="+", choices=CASES, default=list(CASES), metavar="NAME")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--detectors", nargs="+", default=["NRCA1", "NRCALONG"])
    parser.add_argument("--readpatt", nargs="+", default=["RAPID"])
    parser.add_argument("--fraction", type=float, help="of telegraph and of noisy pixels; as usual by default")
    chosen = parser.parse_args()
    each = "".join(f" {e}: found | named | F1 | false alone | beside | in patches |" for e in chosen.engines)
    print(f"| effect | detector |{each}\n|---|---|" + "---|" * 6 * len(chosen.engines), flush=True)
    kinds = []
    for readpatt in chosen.readpatt:
        for case in chosen.effects:
            sums = measured(case, readpatt, chosen.seeds, chosen.detectors, chosen.engines, chosen.fraction)
            label = case if readpatt == "RAPID" else f"{case} {readpatt}"
            for name in chosen.detectors:
                print(effect_line(label, sums, chosen.engines, name), flush=True)
            if case == "pixels":
                kinds += [
                    (readpatt, line) for name in chosen.detectors for line in kind_lines(sums, chosen.engines, name)
                ]
    if kinds:
        each = "".join(f" {e}: found | named | of all, found |" for e in chosen.engines)
        head = f"| kind | detector | simulated | visible |{each}\n|---|---|---|---|" + "---|" * 3 * len(chosen.engines)
        for readpatt in chosen.readpatt:
            print(f"\n{readpatt}\n\n{head}")
            print("\n".join(line for pattern, line in kinds if pattern == readpatt))


if __name__ == "__main__":
    main()
