"""Difficult pixels: where they lie, how strong they are, and in which integrations they are bad.

They are placed after the defects of :mod:`darkmask.simulate.defects`, away from them and from one another.
"""

from dataclasses import dataclass

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import Detector, Geometry
from darkmask.core.window import Window

from .defects import SEPARATION, Defects
from .scene import SATURATION_LEVEL, Scene
from .spec import FULL_FRAME_TIME, SimulationSpec
from .timing import epoch_of

HOT_RATES = (1.0, 32.0)  # e-/s, of pixels that are not always hot
BENT_RATES, FAINT_RATES = (5.0, 60.0), (0.275, 1.0)  # e-/s
# Share of its rate that a bent pixel has lost at the end of the ramp.
BEND = 0.11
HEIGHTS = (50.0, 500.0)  # DN, of slow telegraph and of bursts
# Groups: mean time in a level; from one burst to the next; of one burst.
DWELL_GROUPS, QUIET_GROUPS, BURST_GROUPS = (20.0, 60.0), (20.0, 40.0), (1, 3)
# Groups after which an early saturating pixel reaches the saturation level.
SATURATION_GROUPS = (1.15, 2.85)

# What a search should call each kind; `healed` belongs into the catalogue and has no category today.
CALLED = {
    "intermittent": "intermittent",
    "late_hot": Category.HOT.value,
    "healed": "healed",
    "slow_telegraph": Category.TELEGRAPH.value,
    "bursts": Category.TELEGRAPH.value,
    "early_saturation": Category.HOT.value,
    "bent_hot": Category.HOT.value,
    "faint_hot": Category.HOT.value,
}
UNITS = {kind: "DN" if kind in ("slow_telegraph", "bursts") else "electron / s" for kind in CALLED}
ALWAYS_HOT = ("early_saturation", "bent_hot", "faint_hot")
SOMETIMES_HOT = ("intermittent", "late_hot", "healed")
SWITCHING = ("slow_telegraph", "bursts")


@dataclass(frozen=True)
class Difficult:
    """The difficult pixels of one detector; arrays of one length.

    Attributes
    ----------
    x, y : numpy.ndarray, int
        Array indices in the full frame, from 0.
    kind : numpy.ndarray of str
        Names of effects.
    strength : numpy.ndarray, float
        Hot ones: rate while hot, e-/s. Slow telegraph and bursts: height, DN.
    timescale : numpy.ndarray, float
        Slow telegraph: mean time in a level; bursts: mean time between two; in groups. 0 for others.
    bad : numpy.ndarray, bool, shape (pixel, integration of a set)
        In which integrations each is bad; all for those that always are.
    """

    x: np.ndarray
    y: np.ndarray
    kind: np.ndarray
    strength: np.ndarray
    timescale: np.ndarray
    bad: np.ndarray

    def of(self, *kinds: str) -> "Difficult":
        return self._where(np.isin(self.kind, kinds))

    def inside(self, window: Window) -> "Difficult":
        """Return those within a window of the frame, with x and y counted from its corner."""
        rows, columns = window.slices
        cut = self._where(
            (self.y >= rows.start) & (self.y < rows.stop) & (self.x >= columns.start) & (self.x < columns.stop)
        )
        return Difficult(cut.x - columns.start, cut.y - rows.start, cut.kind, cut.strength, cut.timescale, cut.bad)

    def _where(self, chosen: np.ndarray) -> "Difficult":
        return Difficult(**{name: values[chosen] for name, values in vars(self).items()})


def draw_difficult(spec: SimulationSpec, properties: Detector, defects: Defects) -> Difficult:
    """Place the difficult pixels of a detector, ordered by row, then column.

    Parameters
    ----------
    spec : SimulationSpec
    properties : Detector
    defects : Defects
        All other defects of the detector.
    """
    rng = spec.generator(properties.name, "difficult")
    science = (spec.frame - 2 * spec.border) ** 2
    taken = Geometry(spec.frame, spec.border + 1).reference_pixels()
    for x, y in zip(defects.x, defects.y, strict=True):
        _take(taken, x, y)
    # One order for all: it is walked through, and what has become too near to another pixel is left out.
    order = iter(rng.permutation(np.flatnonzero(~taken)))
    rows = []
    for kind, fraction in spec.kinds.items():
        of_kind = spec.generator(properties.name, "difficult", kind)
        for _ in range(round(fraction * science)):
            place = next((int(p) for p in order if not taken.flat[p]), None)
            if place is None:
                break
            y, x = divmod(place, spec.frame)
            _take(taken, x, y)
            strength, timescale = _strength(kind, spec, properties, of_kind)
            rows.append((y, x, kind, strength, timescale, _bad_integrations(kind, spec, of_kind)))
    rows.sort(key=lambda row: row[:2])
    number = spec.exposures * spec.integrations
    y, x, kinds, strengths, timescales, bad = zip(*rows, strict=True) if rows else ((),) * 6
    return Difficult(
        np.array(x, int),
        np.array(y, int),
        np.array(kinds, "U16"),
        np.array(strengths, float),
        np.array(timescales, float),
        np.array(bad, bool).reshape(-1, number),
    )


def switching_levels(scene: Scene, pixels: Difficult) -> np.ndarray:
    """Return what slow telegraph and burst pixels add to each read of an exposure.

    Parameters
    ----------
    scene : Scene
    pixels : Difficult
        Those of :func:`draw_difficult` that are switching, anywhere in the frame: each has a generator of its own.

    Returns
    -------
    numpy.ndarray, shape (pixel, integration, group, frame of the group), float32, DN
    """
    spec = scene.spec
    # One time step is a frame; the reset frame passes too.
    steps = spec.integrations * (spec.frames + 1)
    numbers = scene.frame_numbers + 1 + (np.arange(spec.integrations) * (spec.frames + 1))[:, None, None]
    levels = np.zeros((pixels.x.size, *numbers.shape), np.float32)
    for index, (x, y, kind) in enumerate(zip(pixels.x, pixels.y, pixels.kind, strict=True)):
        rng = scene.fresh(f"switching {x} {y}")
        scale = pixels.timescale[index] * spec.frames_apart
        if kind == "slow_telegraph":
            ends = np.cumsum(rng.exponential(scale, 8 + int(6 * steps / scale)))
            upper = (np.searchsorted(ends, np.arange(steps)) + rng.integers(2)) % 2 == 1
        else:
            upper = np.zeros(steps, bool)
            begins = np.cumsum(rng.exponential(scale, 8 + int(6 * steps / scale))) - scale * rng.random()
            lengths = rng.uniform(BURST_GROUPS[0], BURST_GROUPS[1], begins.size) * spec.frames_apart
            for begin, length in zip(begins[begins < steps], lengths, strict=False):
                upper[max(round(begin), 0) : max(round(begin + length), 0)] = True
        levels[index] = pixels.strength[index] * upper[numbers]
    return levels


def falls_and_rises(spec: SimulationSpec, properties: Detector, pixels: Difficult) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each switching pixel falls and rises between two groups of a ramp of the full frame.

    Returns
    -------
    falls, rises : numpy.ndarray, int, shape (pixel,)
        Changes by at least half of the height, in all exposures together.
    """
    falls, rises = np.zeros((2, pixels.x.size), int)
    for exposure in range(1, spec.exposures + 1):
        groups = switching_levels(Scene(spec, properties, None, exposure), pixels).mean(axis=3)
        change = np.diff(groups, axis=2) / pixels.strength[:, None, None]
        falls += (change <= -0.5).sum(axis=(1, 2))
        rises += (change >= 0.5).sum(axis=(1, 2))
    return falls, rises


def _take(taken: np.ndarray, x: int, y: int) -> None:
    reach = SEPARATION - 1
    taken[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = True


def _strength(kind: str, spec: SimulationSpec, properties: Detector, rng: np.random.Generator) -> tuple[float, float]:
    """Return strength and time scale of a pixel."""

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    if kind == "slow_telegraph":
        return log_uniform(*HEIGHTS), log_uniform(*DWELL_GROUPS)
    if kind == "bursts":
        return log_uniform(*HEIGHTS), log_uniform(*QUIET_GROUPS)
    if kind == "early_saturation":
        full = SATURATION_LEVEL * properties.well / (1 - 4 * properties.ipc)
        return full / (rng.uniform(*SATURATION_GROUPS) * spec.frames_apart * FULL_FRAME_TIME), 0.0
    return log_uniform(*{"bent_hot": BENT_RATES, "faint_hot": FAINT_RATES}.get(kind, HOT_RATES)), 0.0


def _bad_integrations(kind: str, spec: SimulationSpec, rng: np.random.Generator) -> np.ndarray:
    """Return in which integrations of a set a pixel is bad, bool."""
    number = spec.exposures * spec.integrations
    bad = np.ones(number, bool)
    if kind == "intermittent":
        bad[:] = False
        bad[rng.permutation(number)[: rng.integers(1, max(1, 3 * number // 8) + 1)]] = True
    elif kind == "late_hot":
        bad[: number - int(rng.integers(min(2, number), max(2, number // 3) + 1))] = False
    elif kind == "healed":
        epochs = np.repeat([epoch_of(spec, e) for e in range(1, spec.exposures + 1)], spec.integrations)
        # Without epochs: good in the second half.
        bad = epochs < len(spec.epochs) if spec.epochs else np.arange(number) < (number + 1) // 2
    return bad
