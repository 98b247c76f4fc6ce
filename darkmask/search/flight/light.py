"""The light of a patch as it is kept: by it whoever judges other integrations, or rows, judges the pixels of the patch.

Whoever reads what a search found needs this and no kernels; :mod:`darkmask.search.flight.decays` measures it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Light(NamedTuple):
    """The light of a patch, by which its pixels are judged, also in other integrations or rows than all.

    Attributes
    ----------
    region : numpy.ndarray, shape (n,), int64
        Places of the pixels in the flattened frame, increasing.
    profile : numpy.ndarray, shape (integration,), float64, e-/s
    level : float, e-/s
    noise : float
        See :class:`darkmask.search.flight.decays.Measured` for these.
    explains : numpy.ndarray, shape (n,), bool
        The pixels of which this light and a rate that is not even warm explain all integrations; none is known before
        they were judged.
    """

    region: np.ndarray
    profile: np.ndarray
    level: float
    noise: float
    explains: np.ndarray

    def of_integrations(self, chosen: Sequence[int]) -> "Light":
        """Return what some of the integrations have of it, by their places among all."""
        return self._replace(profile=self.profile[list(chosen)])

    def of_rows(self, rows: slice, width: int) -> "Light":
        """Return what some rows of a frame have of it; its places are counted from the first of them."""
        inside = _in_rows(self.region, rows, width)
        return self._replace(region=self.region[inside] - rows.start * width, explains=self.explains[inside])


def in_patches(shape: tuple[int, int], lights: Sequence[Light]) -> np.ndarray:
    """Return where a frame's pixels lie in a patch, bool (y, x)."""
    inside: np.ndarray = np.zeros(shape, bool)
    for light in lights:
        inside.ravel()[light.region] = True
    return inside


def arrays_of(lights: Sequence[Light]) -> dict[str, np.ndarray]:
    """Return lights as arrays by name, for a file; see :func:`lights_of`."""
    none: np.ndarray = np.empty(0)
    return {
        "light_regions": np.concatenate([one.region for one in lights] or [none.astype(np.int64)]),
        "light_explains": np.concatenate([one.explains for one in lights] or [none.astype(bool)]),
        "light_begins": np.cumsum([0, *(one.region.size for one in lights)]),
        "light_profiles": np.stack([one.profile for one in lights]) if lights else none.reshape(0, 0),
        "light_numbers": np.array([[one.level, one.noise] for one in lights], np.float64).reshape(-1, 2),
    }


def lights_of(arrays: Mapping[str, np.ndarray]) -> tuple[Light, ...]:
    """Return the lights that :func:`arrays_of` made arrays of."""
    regions, begins, explains = (arrays[f"light_{name}"] for name in ("regions", "begins", "explains"))
    numbers = zip(arrays["light_profiles"], arrays["light_numbers"], strict=True)
    return tuple(
        Light(regions[here], profile, float(level), float(noise), explains[here])
        for here, (profile, (level, noise)) in zip(map(slice, begins[:-1], begins[1:]), numbers, strict=True)
    )


def places_in_rows(places: np.ndarray, rows: slice, width: int) -> np.ndarray:
    """Return those places of a flattened frame that lie in some rows, counted from the first of these."""
    return places[_in_rows(places, rows, width)] - rows.start * width


def _in_rows(places: np.ndarray, rows: slice, width: int) -> np.ndarray:
    inside: np.ndarray = (places >= rows.start * width) & (places < rows.stop * width)
    return inside
