"""Make the masks that go with a simulated delivery: one from ground tests, and the one in force.

Reference pixels carry REFERENCE_PIXEL alone. DO_NOT_USE is not set on them: the reference-pixel step leaves pixels with
it out of its means, so it stands for a *bad* reference pixel. NON_SCIENCE marks parts of the science area.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import Detector
from darkmask.core.flags import FLIGHT_FLAGS, dq_bits, has_flag
from darkmask.masks.file import MaskMeta, write_mask

from .defects import SEPARATION, Defects
from .difficult import ALWAYS_HOT, CALLED, SWITCHING, Difficult, draw_difficult
from .spec import SimulationSpec

# This share of the flight defects was bad on the ground already. Compared with the ground lists, real lists of new hot
# pixels are of this order, except for the short-wavelength ones, which doubled.
KNOWN_ON_GROUND = 0.90
# This share of the pixels in the ground mask is good again in flight.
HEALED = 0.065
# Fractions of science pixels with defects that darks cannot see.
DEAD, LOW_QE, OPEN = 0.0006, 0.0006, 0.0002
# Side of the NON_SCIENCE patch as a fraction of the frame: 8 pixels of a mini frame, 64 of a full one.
PATCH = 1 / 32
USEAFTER = "2021-12-25T00:00:00"


@dataclass(frozen=True)
class Masks:
    """DQ arrays of one detector, shape (y, x), uint32."""

    ground: np.ndarray
    base: np.ndarray


def draw_masks(
    spec: SimulationSpec, properties: Detector, defects: Defects, difficult: Difficult | None = None
) -> Masks:
    """Make the two masks of a detector.

    Parameters
    ----------
    spec : SimulationSpec
    properties : Detector
    defects : Defects
        All defects of the detector.
    difficult : Difficult, optional
        Its difficult pixels. Those that are bad in all integrations were known on the ground like other defects; what
        comes and goes is new.
    """
    rng = spec.generator(properties.name, "masks")
    reference = spec.geometry.reference_pixels()
    science = (spec.frame - 2 * spec.border) ** 2
    base = np.where(reference, dq_bits("REFERENCE_PIXEL"), np.uint32(0))
    free = ~reference
    reach = SEPARATION - 1
    difficult = draw_difficult(spec, properties, defects) if difficult is None else difficult
    for x, y in [*zip(defects.x, defects.y, strict=True), *zip(difficult.x, difficult.y, strict=True)]:
        free[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = False

    side = max(2, round(PATCH * spec.frame))
    _add_patch(base, free, side, rng)
    x, y = _draw(free, round(DEAD * science), rng)
    base[y, x] |= dq_bits("DEAD", "DO_NOT_USE")
    dead = base.copy()
    x, y = _draw(free, round(LOW_QE * science), rng)
    base[y, x] |= dq_bits("LOW_QE")
    x, y = _draw(free, round(OPEN * science), rng)
    base[y, x] |= dq_bits("OPEN", "DO_NOT_USE")
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        # Other defects are three pixels away, so only a reference pixel may be in the way.
        beside = base[y + dy, x + dx] == 0
        base[(y + dy)[beside], (x + dx)[beside]] |= dq_bits("ADJ_OPEN", "DO_NOT_USE")

    # The ground test searched for hot pixels from 0.275 e-/s: it has no warm ones.
    ground = dead & ~dq_bits("NON_SCIENCE")
    known = np.flatnonzero((defects.category != Category.WARM) & (rng.random(defects.x.size) < KNOWN_ON_GROUND))
    for index in known:
        category = Category(str(defects.category[index]))
        ground[defects.y[index], defects.x[index]] |= np.uint32(FLIGHT_FLAGS.value(category))
    always = np.isin(difficult.kind, (*ALWAYS_HOT, *SWITCHING))
    ground_rng = spec.generator(properties.name, "masks", "difficult")
    for index in np.flatnonzero(always & (ground_rng.random(always.size) < KNOWN_ON_GROUND)):
        category = Category(CALLED[str(difficult.kind[index])])
        ground[difficult.y[index], difficult.x[index]] |= np.uint32(FLIGHT_FLAGS.value(category))
    # Isolated pixels that are good today stand for those that healed, in the proportions of the known ones.
    free &= base == 0
    x, y = _draw(free, round(known.size * HEALED / (1.0 - HEALED)), rng)
    for column, row, index in zip(x, y, rng.permutation(known), strict=False):
        category = Category(str(defects.category[index]))
        ground[row, column] |= np.uint32(FLIGHT_FLAGS.value(category))
    return Masks(ground, base)


def gathers_no_charge(base: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask in force that have no cosmic rays either: dead and open ones, bool (y, x)."""
    return has_flag(base, "DEAD", "OPEN")


def write_masks(ground: Path, base: Path, name: str, masks: Masks) -> None:
    """Write a detector's masks into the folders ``ground`` and ``base``."""
    for folder, kind, dq, pedigree in (
        (ground, "ground", masks.ground, "GROUND"),
        (base, "base", masks.base, "GROUND"),
    ):
        meta = MaskMeta(
            detector=name,
            author="darkmask simulation",
            description=f"Simulated {kind} bad pixel mask, not for delivery",
            pedigree=pedigree,
            useafter=USEAFTER,
            history=("Simulated by darkmask: not for delivery.",),
        )
        write_mask(folder / f"{name.lower()}_{kind}_mask.fits", dq, meta)


def _draw(free: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw isolated free pixels one by one, and mark them and their neighbours as taken."""
    candidates = rng.permutation(np.flatnonzero(free))
    xs: list[int] = []
    ys: list[int] = []
    for candidate in candidates:
        if len(xs) == count:
            break
        y, x = divmod(int(candidate), free.shape[1])
        if free[y, x]:
            # Two rings are taken, so that the neighbours of an open pixel, which are flagged too, touch nothing else.
            free[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = False
            xs.append(x)
            ys.append(y)
    return np.array(xs, dtype=int), np.array(ys, dtype=int)


def _add_patch(base: np.ndarray, free: np.ndarray, side: int, rng: np.random.Generator) -> None:
    """Mark one square of NON_SCIENCE that holds no defect; the smallest frames may have no room for it."""
    rows, columns = free.shape
    for _ in range(2000):
        y, x = int(rng.integers(rows - side)), int(rng.integers(columns - side))
        if free[y : y + side, x : x + side].all():
            base[y : y + side, x : x + side] |= dq_bits("NON_SCIENCE")
            free[y : y + side, x : x + side] = False
            return
