"""What light and radiation leave behind: persistence, snowballs and their afterglow."""

from dataclasses import dataclass

import numpy as np

from darkmask.core.detectors import FRAME_SIZE
from darkmask.simulate.registry import EFFECTS
from darkmask.simulate.scene import Effect, Scene
from darkmask.simulate.spec import SimulationSpec
from darkmask.simulate.timing import integration_duration

# Seconds between the end of the light and the first exposure of a set.
LEAD = 300.0
# A patch for so many pixels, two at least, with a radius in pixels between these, log-uniform.
PIXELS_PER_PATCH, PATCH_RADII = 8000, (2.0, 12.0)
# Radii of the saturated core, pixels; the halo of charge reaches three times as far.
CORE_RADII = (1.5, 5.0)
# Seconds after the hit at which the afterglow has the named rate; it falls as 1/t.
AFTERGLOW_TIME = 100.0


@dataclass(frozen=True)
class Patches:
    """Round patches: centres and radii in pixels of the full frame, and the rate in the middle, e-/s."""

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    rate: np.ndarray


def persistence_patches(spec: SimulationSpec, detector_name: str, strength: float) -> Patches:
    """Return the patches that were lit; their rate is the mean of the first exposure."""
    rng = spec.generator(detector_name, "effect", "persistence")
    count = max(2, spec.frame**2 // PIXELS_PER_PATCH)
    x, y = rng.uniform(spec.border, spec.frame - spec.border, (2, count))
    radius = _log_uniform(PATCH_RADII, count, rng)
    # The first patch has the named rate, and the others less.
    share = _log_uniform((0.1, 1.0), count, rng)
    share[0] = 1.0
    return Patches(x, y, radius, EFFECTS["persistence"].value * strength * share)


def _log_uniform(limits: tuple[float, float], count: int, rng: np.random.Generator) -> np.ndarray:
    low, high = np.log(limits)
    return np.exp(rng.uniform(low, high, count))


class Persistence(Effect):
    """Add charge that falls as 1/t since the light ended, with a scatter of 30 % in the traps of the pixels."""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        patches = persistence_patches(scene.spec, scene.properties.name, strength)
        y, x = np.mgrid[scene.cut]
        rate = np.zeros(scene.shape)
        for px, py, radius, level in zip(patches.x, patches.y, patches.radius, patches.rate, strict=True):
            # Flat within, and gone about a radius outside.
            distance = np.hypot(x - px, y - py)
            rate += level / (1 + (distance / radius) ** 8)
        frame = scene.spec.frame
        traps = scene.fixed("persistence traps").standard_normal((frame, frame))[scene.cut]
        rate *= np.exp(0.3 * traps - 0.045)
        rate[scene.reference | (rate < 1e-4)] = 0.0
        self.where = np.nonzero(rate)
        duration = scene.spec.integrations * integration_duration(scene.spec, scene.subarray)
        # The mean of c/t over the first exposure is the named rate.
        self.amplitude = rate[self.where] * duration / np.log1p(duration / LEAD)
        self.rng = scene.fresh("persistence")

    def charge(self, charge: np.ndarray, integration: int, start: float, end: float) -> None:
        reset = LEAD + self.scene.reset_time(integration)
        charge[self.where] += self.rng.poisson(self.amplitude * np.log((reset + end) / (reset + start)))


@dataclass(frozen=True)
class Snowball:
    """One large hit: integration, time since the reset (s), centre and radius of the core (pixels of what is read)."""

    integration: int
    time: float
    x: float
    y: float
    radius: float


def draw_snowballs(scene: Scene, exposure: int) -> list[Snowball]:
    """Return the snowballs of an exposure, whether switched on or not."""
    spec, rng = scene.spec, scene.fresh("snowballs", exposure)
    # With the area, a mini frame would have one in hours; so their number goes with the side, and each is as large as on
    # a real frame.
    strength = spec.effects.get("snowballs", 1.0)
    rate = EFFECTS["snowballs"].value / 3600.0 * strength * max(scene.shape) / FRAME_SIZE
    found = []
    for integration in range(spec.integrations):
        for _ in range(rng.poisson(rate * scene.ramp_time)):
            y, x = (rng.uniform(0, size) for size in scene.shape)
            radius = float(_log_uniform(CORE_RADII, 1, rng)[0])
            found.append(Snowball(integration, float(rng.uniform(0, scene.ramp_time)), x, y, radius))
    return found


def _distance(scene: Scene, ball: Snowball) -> np.ndarray:
    y, x = np.mgrid[: scene.shape[0], : scene.shape[1]]
    return np.hypot(x - ball.x, y - ball.y) / ball.radius


class Snowballs(Effect):
    """Add the charge of large hits: a core at the full well, and a halo that falls off by e every half radius."""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        self.balls = draw_snowballs(scene, scene.exposure)

    def charge(self, charge: np.ndarray, integration: int, start: float, end: float) -> None:
        for ball in self.balls:
            if ball.integration == integration and start <= ball.time < end:
                distance = _distance(self.scene, ball)
                halo = 0.05 * self.scene.properties.well * np.exp(-2 * (distance - 1))
                hit = np.where(distance <= 1, 1.5 * self.scene.properties.well, halo)
                charge += np.where(self.scene.reference | (hit < 1), 0, hit).astype(np.float32)


class Afterglow(Effect):
    """Let the cores of snowballs glow from the next reset on."""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        self.rng = scene.fresh("afterglow")
        self.glows = []
        for exposure in range(1, scene.exposure + 1):
            for ball in draw_snowballs(scene, exposure):
                core = np.nonzero((_distance(scene, ball) <= 1.3) & ~scene.reference)
                hit = scene.reset_time(ball.integration, exposure) + ball.time
                number = (exposure - 1) * scene.spec.integrations + ball.integration
                self.glows.append((number, hit, core))

    def charge(self, charge: np.ndarray, integration: int, start: float, end: float) -> None:
        reset = self.scene.reset_time(integration)
        amplitude = EFFECTS["afterglow"].value * self.strength * AFTERGLOW_TIME
        for number, hit, core in self.glows:
            if number < self.scene.number(integration):
                expected = amplitude * np.log((reset + end - hit) / (reset + start - hit))
                charge[core] += self.rng.poisson(expected, core[0].size)
