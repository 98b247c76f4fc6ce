"""What a reset leaves: its noise, the error of the superbias, and a level that settles."""

import numpy as np

from darkmask.simulate.registry import EFFECTS
from darkmask.simulate.scene import RESET_NOISE, Effect

# Seconds; the first read, 10.7 s after the reset, shows half of the amplitude.
SETTLING_TIME = 15.0


class ResetNoise(Effect):
    """Replace the default noise of the reset by kTC noise."""

    def pedestal(self, pedestal: np.ndarray, integration: int) -> None:
        sigma = EFFECTS["ktc"].value * self.strength / self.scene.properties.gain
        # Pedestals of defects are added later: here there is reset noise alone.
        pedestal *= np.float32(sigma / RESET_NOISE)


class SuperbiasError(Effect):
    """Add the same error of the superbias to every integration."""

    def __init__(self, scene, strength):
        super().__init__(scene, strength)
        frame = scene.spec.frame
        error = scene.fixed("superbias_error").standard_t(2, (frame, frame))[scene.cut]
        self.error = (EFFECTS["superbias_error"].value * strength * error).astype(np.float32)
        self.error[scene.reference] = 0.0

    def pedestal(self, pedestal: np.ndarray, integration: int) -> None:
        pedestal += self.error


class Settling(Effect):
    """Let each output begin low after a reset, with a scatter of a fifth from pixel to pixel."""

    def __init__(self, scene, strength):
        super().__init__(scene, strength)
        frame, rng = scene.spec.frame, scene.fixed("settling")
        amplitude = EFFECTS["settling"].value * strength
        of_outputs = amplitude * rng.uniform(0.6, 1.4, 4)
        whole = np.repeat(of_outputs, frame // 4)[None, :] * (1 + 0.2 * rng.standard_normal((frame, frame)))
        self.amplitude = whole[scene.cut].astype(np.float32)
        self.amplitude[scene.reference] = 0.0

    def counts(self, counts: np.ndarray, integration: int, frame: int) -> None:
        time = (frame + 1) * self.scene.read_time
        counts -= self.amplitude * np.float32(np.exp(-time / SETTLING_TIME))
