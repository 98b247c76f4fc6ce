"""Columns that wander, and amplifiers without signal."""

import numpy as np

from darkmask.simulate.registry import EFFECTS
from darkmask.simulate.scene import Effect, Scene
from darkmask.simulate.spec import SimulationSpec

# Shares of the columns, and how much stronger the second sort is.
SHARE, STRONG_SHARE, STRONGER = 0.02, 0.005, 3.0
# Groups of a full frame in RAPID after which a column has forgotten where it was.
MEMORY = 10.0


def wandering_columns(spec: SimulationSpec, detector_name: str, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns that wander (array indices of the full frame) and the standard deviation of each, DN."""
    rng = spec.generator(detector_name, "effect", "wandering_columns")
    inner = np.arange(spec.border, spec.frame - spec.border)
    weak, strong = (max(1, round(share * inner.size)) for share in (SHARE, STRONG_SHARE))
    columns = rng.permutation(inner)[: weak + strong]
    deviation = np.full(columns.size, EFFECTS["wandering_columns"].value * strength)
    deviation[weak:] *= STRONGER
    order = np.argsort(columns)
    return columns[order], deviation[order]


class WanderingColumns(Effect):
    """Add to each wandering column, reference pixels included, a level that drifts and comes back."""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        columns, deviation = wandering_columns(scene.spec, scene.properties.name, strength)
        here = (columns >= scene.cut[1].start) & (columns < scene.cut[1].stop)
        self.columns, self.deviation = columns[here] - scene.cut[1].start, deviation[here]
        self.rng = scene.fresh("wandering_columns")
        self.level = self.deviation * self.rng.standard_normal(self.columns.size)
        self.kept = np.exp(-1.0 / MEMORY)

    def counts(self, counts: np.ndarray, integration: int, frame: int) -> None:
        counts[:, self.columns] += self.level.astype(np.float32)
        step = self.deviation * np.sqrt(1 - self.kept**2)
        self.level = self.kept * self.level + step * self.rng.standard_normal(self.columns.size)


def dead_amplifiers(spec: SimulationSpec, detector_name: str, strength: float) -> list[int]:
    """Return the numbers, from 0, of the amplifiers without signal."""
    order = spec.generator(detector_name, "effect", "dead_amplifier").permutation(4)
    return sorted(int(number) for number in order[: round(strength)])


class DeadAmplifier(Effect):
    """Take everything from the columns of an amplifier: the noise of the read-out comes later, and stays."""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        width = scene.spec.frame // 4
        columns = np.arange(scene.spec.frame)[scene.cut[1]]
        dead = dead_amplifiers(scene.spec, scene.properties.name, strength)
        self.columns = np.flatnonzero(np.isin(columns // width, dead))

    def counts(self, counts: np.ndarray, integration: int, frame: int) -> None:
        counts[:, self.columns] = 0.0
