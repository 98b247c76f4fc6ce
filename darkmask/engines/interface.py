"""One way to ask any engine for the bad pixels of a set."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .. import __version__
from ..delivery import Exposure
from ..detectors import AMPLIFIERS, Geometry
from ..detectors import detector as look_up_detector
from ..errors import ParameterError
from ..flags import Category, FlagTable, pack_categories
from ..maps import CombinedMaps, combine_set
from ..search.amplifier import saturation_level
from ..search.flight import search_flight
from ..search.parameters import SearchParameters


@dataclass(frozen=True)
class SetRequest:
    """The exposures of one set, and how to search them.

    Attributes
    ----------
    exposures : tuple of Exposure
    folder : Path
        The delivery's folder.
    engine : str
        ``native`` or ``jwst_reffiles``.
    preset : str
        ``flight`` or ``official``; jwst_reffiles has only its own way.
    parameters : SearchParameters
    geometry : Geometry
    integrations : tuple of int, optional
        Which of all integrations the flight search looks at; all by default.
    """

    exposures: tuple[Exposure, ...]
    folder: Path
    engine: str
    preset: str
    parameters: SearchParameters
    geometry: Geometry
    integrations: tuple[int, ...] | None = None

    @property
    def detector(self) -> str:
        return self.exposures[0].set_key.detector

    @property
    def subarray(self) -> str:
        return self.exposures[0].set_key.subarray

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the set's frames."""
        return self.exposures[0].jump.shape[2:]

    def reference_pixels(self) -> np.ndarray:
        """Where the set's reference pixels lie, bool (y, x)."""
        jump = self.exposures[0].jump
        return self.geometry.reference_pixels(jump.xstart, jump.ystart, self.shape)

    def amplifiers(self) -> tuple[slice, ...]:
        """The columns of each amplifier; a subarray read through one output has one."""
        width = self.shape[1]
        if self.exposures[0].jump.noutputs != AMPLIFIERS or width % AMPLIFIERS:
            return (slice(0, width),)
        share = width // AMPLIFIERS
        return tuple(slice(i * share, (i + 1) * share) for i in range(AMPLIFIERS))


@dataclass(frozen=True)
class SearchOutcome:
    """What an engine found.

    Attributes
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    flags : FlagTable
        How the categories become DQ bits.
    maps : CombinedMaps
        The evidence, whichever engine judged it.
    rate : numpy.ndarray, shape (y, x), float32
        e-/s.
    thresholds : dict of str to float
    version : str
        Of the engine.
    """

    categories: np.ndarray
    flags: FlagTable
    maps: CombinedMaps
    rate: np.ndarray
    thresholds: dict[str, float] = field(default_factory=dict)
    version: str = __version__


def search_set(request: SetRequest) -> SearchOutcome:
    """Find the bad pixels of a set.

    Parameters
    ----------
    request : SetRequest

    Returns
    -------
    SearchOutcome

    Raises
    ------
    ParameterError
        When there is no such engine or preset.
    SearchError
        When the engine cannot search this much data, or failed.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    name = request.engine if request.engine != "native" else request.preset
    try:
        engine = ENGINES[name]
    except KeyError:
        raise ParameterError(f"There is no engine or search {name!r}: use one of {', '.join(ENGINES)}.") from None
    properties = look_up_detector(request.detector)
    maps = combine_set(
        request.exposures, request.folder, properties, saturation_level(properties), integrations=request.integrations
    )
    return engine(request, maps)


def _flight(request: SetRequest, maps: CombinedMaps) -> SearchOutcome:
    from .native import name_unstable

    properties = look_up_detector(request.detector)
    science = ~request.reference_pixels()
    tgroup = request.exposures[0].set_key.tgroup
    found = search_flight(maps, science, request.amplifiers(), properties, tgroup, request.parameters)
    telegraph = name_unstable(request, maps, found)
    categories = pack_categories(
        {**found.maps, Category.TELEGRAPH: telegraph, Category.NOISY: found.unstable & ~telegraph}
    )
    return SearchOutcome(categories, request.parameters.flight_flags(), maps, found.rate, found.thresholds)


def _official(request: SetRequest, maps: CombinedMaps) -> SearchOutcome:
    from .official import official_categories

    categories = official_categories(request)
    return SearchOutcome(categories, request.parameters.official_flags(), maps, _electrons(request, maps))


def _jwst_reffiles(request: SetRequest, maps: CombinedMaps) -> SearchOutcome:
    from .reffiles import Triplet, search_reffiles

    triplets = [
        Triplet(*(request.folder / record.path for record in (e.jump, e.fitopt, e.rate))) for e in request.exposures
    ]
    found = search_reffiles(triplets, request.parameters, detector=request.detector, subarray=request.subarray)
    return SearchOutcome(
        found.categories,
        request.parameters.official_flags(),
        maps,
        _electrons(request, maps),
        version=found.version,
    )


def _electrons(request: SetRequest, maps: CombinedMaps) -> np.ndarray:
    return (maps.rate * np.float32(look_up_detector(request.detector).gain)).astype(np.float32)


ENGINES: dict[str, Callable[[SetRequest, CombinedMaps], SearchOutcome]] = {
    "flight": _flight,
    "official": _official,
    "jwst_reffiles": _jwst_reffiles,
}
