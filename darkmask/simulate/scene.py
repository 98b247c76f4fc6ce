"""What an effect knows of the exposure that it acts on, and the moments at which it may act."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.window import Window

from .spec import SimulationSpec, Subarray
from .timing import exposure_start, frame_time, integration_duration

# DN. Reset noise of a pixel's pedestal: 5 sigma of it is 117 DN, the release's pedestal cut on real data.
RESET_NOISE = 23.4
# A pixel counts as saturated a little below its well: capacitive coupling takes 2 % of what a full pixel shows.
SATURATION_LEVEL = 0.93


@dataclass(frozen=True)
class Scene:
    """One exposure of one detector, or of a subarray of it.

    Attributes
    ----------
    spec : SimulationSpec
    properties : Detector
    subarray : Subarray or None
        None for the full frame.
    exposure : int
        Exposure number, from 1.
    """

    spec: SimulationSpec
    properties: Detector
    subarray: Subarray | None
    exposure: int

    @property
    def window(self) -> Window:
        return self.spec.window(self.subarray)

    @property
    def cut(self) -> tuple[slice, slice]:
        """Rows and columns of the full frame that are read."""
        return self.window.slices

    @property
    def shape(self) -> tuple[int, int]:
        return self.window.shape

    @cached_property
    def reference(self) -> np.ndarray:
        """Reference pixels, bool (y, x)."""
        return self.spec.geometry.reference_pixels()[self.cut]

    @property
    def outputs(self) -> tuple[slice, ...]:
        """The columns that each output reads."""
        return (slice(0, self.shape[1]),) if self.subarray else tuple(self.spec.geometry.amplifier_columns())

    @property
    def read_time(self) -> float:
        """Seconds of one read."""
        return frame_time(self.subarray)

    @property
    def group_time(self) -> float:
        return self.spec.frames_apart * self.read_time

    @property
    def ramp_time(self) -> float:
        """Seconds from the reset to the last read of an integration."""
        return self.spec.frames * self.read_time

    @property
    def frame_numbers(self) -> np.ndarray:
        """The frames of an integration that are read, counted from 0, shape (group, frame of the group)."""
        groups = np.arange(self.spec.groups)[:, None] * self.spec.frames_apart
        return groups + np.arange(self.spec.frames_per_group)

    def reset_time(self, integration: int, exposure: int | None = None) -> float:
        """Return the seconds from the beginning of the first exposure of this set to a reset.

        Parameters
        ----------
        integration : int
            Number within its exposure, from 0.
        exposure : int, optional
            Exposure number, from 1; by default that of the scene.
        """
        # All exposures of a set are moved by the same time, whatever the number of their observation.
        began = exposure_start(self.spec, self.subarray, 1, exposure or self.exposure)
        first = exposure_start(self.spec, self.subarray, 1, 1)
        in_exposure = integration * integration_duration(self.spec, self.subarray) + self.read_time
        return (began - first).total_seconds() + in_exposure

    def number(self, integration: int) -> int:
        """Return the number of an integration among all of its set, from 0."""
        return (self.exposure - 1) * self.spec.integrations + integration

    def fixed(self, name: str) -> np.random.Generator:
        """Return random numbers of what stays the same in all exposures of a detector."""
        return self.spec.generator(self.properties.name, "effect", name)

    def fresh(self, name: str, exposure: int | None = None) -> np.random.Generator:
        """Return random numbers of what is new in each exposure."""
        label = self.subarray.name if self.subarray else "FULL"
        window = self.window
        where = (self.properties.name, label, window.xstart, window.ystart)
        return self.spec.generator(*where, "effect", name, exposure or self.exposure)


class Effect:
    """What an effect may do to an exposure, at the moments in their order; by default nothing.

    All arrays cover what the exposure reads, and are changed in place.

    Parameters
    ----------
    scene : Scene
    strength : float
        1 is realistic.
    """

    def __init__(self, scene: Scene, strength: float):
        self.scene, self.strength = scene, strength

    def rates(self, rate: np.ndarray) -> None:
        """Change the dark rates of the exposure, e-/s, which stay above zero."""

    def noise(self, noise: np.ndarray) -> None:
        """Change the read noise, DN."""

    def coupling(self, fraction: np.ndarray) -> None:
        """Change the share of its charge that each pixel gives to each neighbour."""

    def pedestal(self, pedestal: np.ndarray, integration: int) -> None:
        """Change what a reset leaves, DN; reference pixels have none."""

    def charge(self, charge: np.ndarray, integration: int, start: float, end: float) -> None:
        """Add the electrons that come between two times, s since the reset."""

    def counts(self, counts: np.ndarray, integration: int, frame: int) -> None:
        """Change what a read shows before the noise of its output, DN; frames are counted from 0 since the reset."""
