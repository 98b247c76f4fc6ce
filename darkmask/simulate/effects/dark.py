"""The dark current of the whole detector: its level, its glow and its gradient."""

import numpy as np

from darkmask.simulate.registry import EFFECTS
from darkmask.simulate.scene import Effect

# Pixel-to-pixel scatter of the dark rate, natural logarithm; the default simulation has 10 %.
SCATTER = 0.3


class DarkCurrent(Effect):
    """Move the dark current of the detector by its published error, 1.5 times it at most; let pixels scatter more."""

    def rates(self, rate: np.ndarray) -> None:
        properties, rng = self.scene.properties, self.scene.fixed("dark_current")
        shift = np.clip(rng.standard_normal(), -1.5, 1.5) * self.strength * properties.dark_tolerance
        factor = max(0.2, 1 + shift / properties.dark)
        frame = self.scene.spec.frame
        scatter = rng.standard_normal((frame, frame), dtype=np.float32)[self.scene.cut]
        # exp(-s^2/2) keeps the mean.
        spread = np.float32(SCATTER * self.strength)
        rate *= np.float32(factor) * np.exp(spread * scatter - spread**2 / 2)


class Glow(Effect):
    """Add the glow of the read-out, which falls off from the first rows."""

    def rates(self, rate: np.ndarray) -> None:
        frame, rows = self.scene.spec.frame, np.arange(*self.scene.cut[0].indices(self.scene.spec.frame))
        level = EFFECTS["glow"].value * self.strength * np.exp(-rows / (frame / 16))
        rate += level[:, None].astype(np.float32) * ~self.scene.reference


class Gradient(Effect):
    """Let the dark current rise from one corner of the detector to the opposite one."""

    def rates(self, rate: np.ndarray) -> None:
        frame = self.scene.spec.frame
        y, x = np.mgrid[self.scene.cut]
        share = EFFECTS["gradient"].value * self.strength * ((x + y) / (2 * (frame - 1)) - 0.5)
        rate *= np.maximum(1 + share, 0.05).astype(np.float32)
