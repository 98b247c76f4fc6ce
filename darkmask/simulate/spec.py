"""The specification of a delivery to simulate."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

import numpy as np

from darkmask.core import siaf
from darkmask.core.categories import Category
from darkmask.core.detectors import (
    AMPLIFIERS,
    DETECTORS,
    FRAME_SIZE,
    READOUT_PATTERNS,
    REFERENCE_BORDER,
    Geometry,
    detector,
    frame_times,
)
from darkmask.core.errors import ParameterError
from darkmask.core.window import Window

from .registry import EFFECTS, checked_effects

# Seconds, from JDox NIRCam Detector Readout. Mini frames have it too, so that rates, dwell times and thresholds per
# group are those of a real full frame.
FULL_FRAME_TIME = 10.73677

# Fractions of the science pixels. Hot and warm pixels together are 0.4 %: as many as flight masks hold beyond ground
# ones, plus the ground's own (0.02 to 0.2 %). The others are 0.04 to 0.1 %, so that a mini frame has 25 to 60 of each.
DEFAULT_FRACTIONS: Mapping[str, float] = MappingProxyType(
    {
        Category.SATURATED: 0.0006,
        Category.HOT: 0.0031,
        Category.WARM: 0.0009,
        Category.RC: 0.0010,
        Category.INVERSE_RC: 0.0004,
        Category.TELEGRAPH: 0.0010,
        Category.NOISY: 0.0008,
        Category.LOW_PEDESTAL: 0.0006,
    }
)
# Defects keep three pixels apart; beyond this the frame has no room for them.
_MAX_TOTAL_FRACTION = 0.04


@dataclass(frozen=True)
class Subarray:
    """A subarray that one output reads.

    Attributes
    ----------
    detector, name : str
        DETECTOR and SUBARRAY.
    window : Window
        Place in the full frame.
    """

    detector: str
    name: str
    window: Window

    @property
    def frame_time(self) -> float:
        """The seconds to read the subarray once (JDox NIRCam Detector Readout)."""
        return frame_times(self.window.xsize, self.window.ysize, outputs=1)[1]


def default_subarrays(frame: int, border: int) -> tuple[Subarray, ...]:
    """Return one short- and one long-wavelength SUB64P, the smallest subarray that NRC-09 reads.

    On a real frame they lie where today's SIAF has them (at launch NRCB1's lay on the reference pixels of a corner). On
    a mini frame, which does not reach there, they lie in the middle. A frame that is too small has none.
    """
    if frame == FRAME_SIZE:
        return tuple(Subarray(name, "SUB64P", siaf.positions(name, "SUB64P")[0]) for name in ("NRCB1", "NRCBLONG"))
    size = 64
    start = frame // 2 - size // 2 + 1
    if start <= border or start + size - 1 > frame - border:
        return ()
    return tuple(Subarray(name, "SUB64P", Window(start, start, size, size)) for name in ("NRCB1", "NRCBLONG"))


@dataclass(frozen=True)
class SimulationSpec:
    """A delivery to simulate. Equal specifications give equal bytes.

    Attributes
    ----------
    seed : int
    frame, border : int
        Pixels along a side of the full frame, a multiple of 4 (amplifiers), and width of its border of reference
        pixels.
    detectors : tuple of str
    subarrays : tuple of Subarray or None
        Cut-outs of the same pixels; those of detectors that are not simulated are left out. None, the default, means
        :func:`default_subarrays`.
    exposures, integrations, groups : int
        Numbers per detector and subarray; the ramp fit needs two groups, and the jump step three to do anything.
    fractions : mapping of Category or str to float
        Fraction of science pixels in each category; categories that are missing have none.
    cosmic_ray_rate : float
        Hits per pixel and second (STScI-001928: 5.8e-6 to 1.6e-5 over the solar cycle).
    weakest : float
        Strengths begin at this share of the usual least strengths, down to 0.01. Below 1, many defects are too weak for
        any search, which shows where recall ends.
    fit_segments : bool
        Whether ``_fitopt`` keeps the results of each segment and jump of a ramp besides the pedestal. No search reads
        them, and they are four fifths of the bytes: 3.1 GB for the mini frames of ten detectors.
    readpatt : str
        READPATT: how many frames are averaged into a group, and how many pass between two groups.
    epochs : tuple of float
        Days between one epoch and the next; the exposures are shared out among the epochs in their order.
    effects : mapping of str to float
        Strength of each effect of ``darkmask.simulate.registry.EFFECTS`` that is switched on; 1 is realistic.
    raw : bool
        Whether to write ``_uncal`` files, as the archive serves darks, instead of triplets, and the reference files
        that make triplets of them.
    """

    seed: int = 1
    frame: int = 256
    border: int = REFERENCE_BORDER
    detectors: tuple[str, ...] = tuple(DETECTORS)
    subarrays: tuple[Subarray, ...] | None = None
    exposures: int = 6
    integrations: int = 2
    groups: int = 20
    fractions: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_FRACTIONS), hash=False)
    cosmic_ray_rate: float = 1.2e-5
    weakest: float = 1.0
    fit_segments: bool = False
    raw: bool = False
    readpatt: str = "RAPID"
    epochs: tuple[float, ...] = ()
    effects: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self):
        for name in self.detectors:
            detector(name)
        if not self.detectors or len(set(self.detectors)) != len(self.detectors):
            raise ParameterError(f"detectors = {self.detectors!r}: name each detector to simulate once.")
        if self.seed < 0:
            raise ParameterError(f"seed = {self.seed}: it must not be negative.")
        if self.border < 0 or self.frame % AMPLIFIERS or not 4 * max(self.border, 4) <= self.frame <= FRAME_SIZE:
            raise ParameterError(
                f"frame = {self.frame} with border = {self.border}: the frame must be a multiple of {AMPLIFIERS}, at "
                f"least four borders and 16 pixels wide, and at most {FRAME_SIZE}."
            )
        for name, low, high in (("exposures", 1, 99_999), ("integrations", 1, 1000), ("groups", 2, 1000)):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(f"{name} = {getattr(self, name)}: it must lie between {low} and {high}.")
        if not 0.01 <= self.weakest <= 1:
            raise ParameterError(f"weakest = {self.weakest}: it is a share, from 0.01 to 1.")
        if not 0 <= self.cosmic_ray_rate <= 0.1:
            raise ParameterError(
                f"cosmic_ray_rate = {self.cosmic_ray_rate}: it counts hits per pixel and second, from 0 to 0.1."
            )
        if self.readpatt not in READOUT_PATTERNS:
            raise ParameterError(f"readpatt = {self.readpatt!r}: use one of {', '.join(READOUT_PATTERNS)}.")
        if len(self.epochs) >= self.exposures or any(not 0 < gap < 10_000 for gap in self.epochs):
            raise ParameterError(
                f"epochs = {self.epochs!r} with {self.exposures} exposures: these are gaps in days, above 0 and below "
                "10,000, and each epoch needs an exposure."
            )
        object.__setattr__(self, "epochs", tuple(map(float, self.epochs)))
        object.__setattr__(self, "effects", checked_effects(self.effects))
        object.__setattr__(self, "fractions", _checked_fractions(self.fractions, self.kinds))
        asked = default_subarrays(self.frame, self.border) if self.subarrays is None else tuple(self.subarrays)
        kept = tuple(subarray for subarray in asked if subarray.detector in self.detectors)
        object.__setattr__(self, "subarrays", kept)
        for subarray in self.cut_outs:
            self._check_subarray(subarray)

    def _check_subarray(self, subarray: Subarray) -> None:
        window, inner = subarray.window, self.frame - 2 * self.border
        science = Window(self.border + 1, self.border + 1, inner, inner)
        if min(window.shape) < 8 or not science.covers(window):
            raise ParameterError(
                f"{subarray.detector} {subarray.name} at ({window.xstart}, {window.ystart}) of "
                f"{window.xsize} x {window.ysize} pixels: it must be at least 8 pixels wide and lie inside the "
                f"{self.frame}-pixel frame, off its {self.border} reference pixels."
            )

    @property
    def frames_per_group(self) -> int:
        return READOUT_PATTERNS[self.readpatt].nframes

    @property
    def frames_apart(self) -> int:
        """The frames from the beginning of a group to that of the next."""
        return self.frames_per_group + READOUT_PATTERNS[self.readpatt].groupgap

    @property
    def frames(self) -> int:
        """The frames of an integration; the last group has no gap after it."""
        return (self.groups - 1) * self.frames_apart + self.frames_per_group

    @property
    def kinds(self) -> dict[str, float]:
        """The kinds of difficult pixels that are switched on, with their fraction of the science pixels."""
        return {name: strength * EFFECTS[name].value for name, strength in self.effects.items() if EFFECTS[name].pixels}

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.frame, self.border)

    @property
    def cut_outs(self) -> tuple[Subarray, ...]:
        """The subarrays that are simulated: what None stood for, and without those of other detectors."""
        return self.subarrays or ()

    def window(self, subarray: Subarray | None) -> Window:
        """Return the part of the frame that a subarray reads, or the full frame when it is None."""
        return subarray.window if subarray else Window.of_frame(self.frame)

    def sets(self) -> tuple[tuple[str, Subarray | None, int], ...]:
        """Return what is exposed: detector, subarray (None for the full frame) and observation number.

        All detectors are read at once in one observation; each subarray name has an observation of its own.
        """
        observations: dict[tuple, int] = {}
        listed: list[tuple[str, Subarray | None, int]] = [(name, None, 1) for name in self.detectors]
        for subarray in self.cut_outs:
            # Two subarrays of one detector and name cannot lie in one exposure.
            turn = sum(s is not None and (n, s.name) == (subarray.detector, subarray.name) for n, s, _ in listed)
            number = observations.setdefault((subarray.name, turn), 2 + len(observations))
            listed.append((subarray.detector, subarray, number))
        return tuple(listed)

    def generator(self, *names: str | int) -> np.random.Generator:
        """Return random numbers that depend on the seed and these names alone, not on the order of the work."""
        spelled = "/".join(str(name) for name in names).encode()
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, *spelled])))

    def describe(self) -> dict:
        """Return plain values in a fixed order, for a digest or a header."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["subarrays"] = [vars(subarray) for subarray in self.cut_outs]
        values["fractions"] = {str(key): self.fractions[key] for key in sorted(self.fractions)}
        values["effects"] = dict(self.effects)
        return values


def _checked_fractions(fractions: Mapping[str, float], kinds: Mapping[str, float]) -> dict[Category, float]:
    checked: dict[Category, float] = {}
    for name, value in fractions.items():
        if name not in DEFAULT_FRACTIONS:
            known = ", ".join(DEFAULT_FRACTIONS)
            raise ParameterError(f"fractions has {str(name)!r}, which cannot be simulated: use {known}.")
        if not 0 <= value <= _MAX_TOTAL_FRACTION:
            raise ParameterError(f"fractions has {name} = {value}: it must lie between 0 and {_MAX_TOTAL_FRACTION}.")
        checked[Category(name)] = float(value)
    total = sum(checked.values()) + sum(kinds.values())
    if total > _MAX_TOTAL_FRACTION:
        raise ParameterError(
            f"fractions and kinds of pixels among the effects sum to {total:g}: defects that keep apart have no room "
            f"beyond {_MAX_TOTAL_FRACTION} of the science pixels."
        )
    return checked
