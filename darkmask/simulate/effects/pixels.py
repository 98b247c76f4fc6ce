"""Difficult pixels: what they collect, and what they show."""

import numpy as np

from darkmask.simulate.defects import draw_defects
from darkmask.simulate.difficult import (
    ALWAYS_HOT,
    BEND,
    SOMETIMES_HOT,
    SWITCHING,
    draw_difficult,
    switching_levels,
)
from darkmask.simulate.scene import Effect, Scene


class DifficultPixels(Effect):
    """Add the charge of the hot ones, and the levels of the switching ones."""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        spec, properties = scene.spec, scene.properties
        defects = draw_defects(spec, properties.name, properties.well / properties.gain)
        here = draw_difficult(spec, properties, defects).inside(scene.window)
        self.always, self.sometimes = here.of(*ALWAYS_HOT), here.of(*SOMETIMES_HOT)
        self.bent = np.where(self.always.kind == "bent_hot", BEND, 0.0)
        self.switching = here.of(*SWITCHING)
        self.levels = switching_levels(scene, self.switching)
        self.place = {int(frame): divmod(i, spec.frames_per_group) for i, frame in enumerate(scene.frame_numbers.flat)}
        self.rng = scene.fresh("difficult")

    def rates(self, rate: np.ndarray) -> None:
        # The named rate is the whole rate of these.
        rate[self.always.y, self.always.x] = 0.0

    def charge(self, charge: np.ndarray, integration: int, start: float, end: float) -> None:
        hot = self.always
        # The rate falls in a straight line: its mean is that at the middle of the step.
        bend = 1.0 - self.bent * (start + end) / (2 * self.scene.ramp_time)
        charge[hot.y, hot.x] += self.rng.poisson(hot.strength * bend * (end - start))
        some = self.sometimes
        rate = some.strength * some.bad[:, self.scene.number(integration)]
        charge[some.y, some.x] += self.rng.poisson(rate * (end - start))

    def counts(self, counts: np.ndarray, integration: int, frame: int) -> None:
        counts[self.switching.y, self.switching.x] += self.levels[:, integration, *self.place[frame]]
