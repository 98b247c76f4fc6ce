"""Capacitive coupling that differs from pixel to pixel."""

import numpy as np

from darkmask.simulate.registry import EFFECTS
from darkmask.simulate.scene import Effect

# Where the epoxy between the detector and its read-out has a void, a pixel couples less: none at all, at the extreme.
VOIDS = 0.001


class VaryingCoupling(Effect):
    """Let the coupling scatter, and take it from one pixel in a thousand."""

    def coupling(self, fraction: np.ndarray) -> None:
        frame, rng = self.scene.spec.frame, self.scene.fixed("varying_coupling")
        scatter = rng.standard_normal((frame, frame), dtype=np.float32)[self.scene.cut]
        void = rng.random((frame, frame), dtype=np.float32)[self.scene.cut] < VOIDS * self.strength
        fraction *= np.exp(np.float32(EFFECTS["varying_coupling"].value * self.strength) * scatter)
        fraction[void] = 0.0
