"""The request to a search: the exposures of one set, and how to search them."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import AMPLIFIERS, Geometry
from darkmask.core.window import Window
from darkmask.delivery import Exposure

from .parameters import SearchParameters


class NotMeasured(NamedTuple):
    """What is no measurement.

    Attributes
    ----------
    why : dict of int to str
        By position: why an integration is left out.
    doubted : tuple of str
        What is said of integrations that are searched all the same.
    never : tuple of (int, int)
        Row and number of the amplifier of what most integrations have not measured.
    """

    why: dict[int, str]
    doubted: tuple[str, ...] = ()
    never: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class SetRequest:
    """The exposures of one set, and how to search them.

    Attributes
    ----------
    exposures : tuple of Exposure
    folder : Path
        The delivery's folder.
    engine : str
        One of `darkmask.search.choices.ENGINES`.
    search : str
        One of `darkmask.search.choices.SEARCHES`; without effect on jwst_reffiles.
    parameters : SearchParameters
    geometry : Geometry
    integrations : tuple of int, optional
        Numbers of the integrations that are searched, counted over all exposures; all by default. jwst_reffiles takes
        whole files, and always searches all.
    left_out : tuple of str
        Why integrations are not among these: one sentence for each that is no measurement.
    never_measured : tuple of (int, int)
        Row and number of the amplifier of what is no measurement in most integrations, which are searched all the same.
    doubted : tuple of str
        One sentence for each integration that is searched although some of its rows are no measurement.
    """

    exposures: tuple[Exposure, ...]
    folder: Path
    engine: str
    search: str
    parameters: SearchParameters
    geometry: Geometry
    integrations: tuple[int, ...] | None = None
    left_out: tuple[str, ...] = ()
    never_measured: tuple[tuple[int, int], ...] = ()
    doubted: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the integrations that are searched, counted over all exposures."""
        if self.integrations is not None:
            return self.integrations
        return tuple(range(sum(exposure.integrations for exposure in self.exposures)))

    @property
    def detector(self) -> str:
        return self.exposures[0].set_key.detector

    @property
    def subarray(self) -> str:
        return self.exposures[0].set_key.subarray

    @property
    def shape(self) -> tuple[int, int]:
        """The shape (rows, columns) of the set's frames."""
        rows, columns = self.exposures[0].jump.shape[2:]
        return rows, columns

    @property
    def window(self) -> Window:
        """The part of the full frame that the set's frames hold, whatever size their headers say."""
        jump, (rows, columns) = self.exposures[0].jump, self.shape
        return Window(jump.xstart, jump.ystart, columns, rows)

    def reference_pixels(self) -> np.ndarray:
        """Return where the set's reference pixels lie, bool (y, x)."""
        return self.geometry.reference_pixels(self.window)

    def amplifiers(self) -> tuple[slice, ...]:
        """Return the columns of each amplifier; a subarray read through one output has one."""
        width = self.shape[1]
        if self.exposures[0].jump.noutputs != AMPLIFIERS or width % AMPLIFIERS:
            return (slice(0, width),)
        share = width // AMPLIFIERS
        return tuple(slice(i * share, (i + 1) * share) for i in range(AMPLIFIERS))
