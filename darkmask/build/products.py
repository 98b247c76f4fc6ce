"""Read the products of one detector back from disk."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from darkmask.core.display import one_line
from darkmask.core.flags import dq_bits, four_neighbours, has_flag, required_dq
from darkmask.masks.carrying import path_beside
from darkmask.masks.file import read_mask
from darkmask.search.flight.light import Light, lights_of

if TYPE_CHECKING:
    from .examples import Examples


@dataclass(frozen=True)
class BuiltSet:
    """The search of one set, as read back from disk.

    ``drift`` is that of :class:`.drift.Drift`, and ``lights`` are those of the search's patches.
    """

    subarray: str
    categories: np.ndarray
    rate: np.ndarray
    noise: np.ndarray
    drift: np.ndarray
    summary: dict
    lights: tuple[Light, ...] = ()

    def numbers(self, of_files: dict) -> dict:
        """Return all that a set says of its detector: what its search left, and what `of_files.measure_files` says."""
        alike = [tuple(found) for found in (self.summary["least_alike"], of_files["least_alike"]) if found]
        return {**self.summary, **of_files, "least_alike": min(alike, default=None)}

    def __repr__(self) -> str:
        return one_line("BuiltSet", self.subarray, f"{self.rate.shape[1]}x{self.rate.shape[0]} pixels")


@dataclass(frozen=True)
class BuiltMask:
    """A mask of one detector, as :mod:`darkmask.build.detector` left it on disk.

    Attributes
    ----------
    folder : Path
        Holds the mask, and beside it ``_carried.fits`` and ``reference_pixels.npz``. Each set has
        ``<SUBARRAY>_categories.fits``, ``_maps.npz``, ``_examples.npz``, ``_catalogue.ecsv``, ``_catalogue.reg``,
        ``_structures.ecsv``, ``_rates.ecsv`` and ``_drift.ecsv``; each subarray has ``_difference.npz`` and
        ``_difference.ecsv``.
    summary : dict
        Engine, version, inputs with their BLAKE3 digests, flags, and the measurements of each set.
    """

    folder: Path
    summary: dict = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "BuiltMask":
        """Return the mask that lies in a folder."""
        return cls(folder, json.loads((folder / "summary.json").read_text(encoding="utf-8")))

    def __repr__(self) -> str:
        return one_line("BuiltMask", self.summary.get("detector", ""), self.folder)

    @property
    def mask_path(self) -> Path:
        return self.folder / self.summary["mask"]

    @property
    def carried_path(self) -> Path:
        """The image of what was carried into the mask."""
        return path_beside(self.mask_path)

    def carried(self) -> np.ndarray:
        """Return the bits that were carried into the mask or set by hand, uint32 (y, x)."""
        return read_mask(self.carried_path).decoded

    def judged_reference_pixels(self) -> np.ndarray | None:
        """Return the reference pixels that were judged, bool (y, x); None where nobody searched them."""
        if self.summary["reference_pixels"] is None:
            return None
        with np.load(self.folder / "reference_pixels.npz", allow_pickle=False) as kept:
            return kept["judged"]

    @property
    def subarrays(self) -> tuple[str, ...]:
        return tuple(self.summary["sets"])

    def set(self, subarray: str) -> BuiltSet:
        with np.load(self.folder / f"{subarray}_maps.npz", allow_pickle=False) as maps:
            images = {name: maps[name] for name in ("categories", "rate", "noise", "drift")}
            return BuiltSet(subarray, **images, summary=self.summary["sets"][subarray], lights=lights_of(maps))

    def examples(self, subarray: str) -> "Examples":
        """Return the ramps of some of a set's bad pixels."""
        from .examples import Examples

        with np.load(self.folder / f"{subarray}_examples.npz", allow_pickle=False) as kept:
            return Examples(**kept)

    def difference(self, subarray: str) -> np.ndarray:
        """Return the `subarrays.Part` of each pixel of a subarray compared with the full frame, uint8 (y, x)."""
        with np.load(self.folder / f"{subarray}_difference.npz", allow_pickle=False) as kept:
            return kept["parts"]

    def unusable(self, subarray: str) -> np.ndarray:
        """Return where a set has a category, or a neighbour, for which a pixel gets DO_NOT_USE, bool (y, x)."""
        required = required_dq(self.set(subarray).categories, self.mandatory_bits)
        return has_flag(required, "DO_NOT_USE") | self.beside_hot(subarray)

    def beside_hot(self, subarray: str) -> np.ndarray:
        """Return the pixels that get ``NEIGHBOUR_FLAGS`` for a hot neighbour, where that was asked for, bool (y, x)."""
        hot = sum(bit for bit, value in self.mandatory_bits.items() if value & dq_bits("HOT"))
        there: np.ndarray = (self.set(subarray).categories & hot) != 0
        return four_neighbours(there) if self.summary["hot_neighbours"] else np.zeros_like(there)

    @property
    def mandatory_bits(self) -> dict[int, int]:
        """The DQ bits that every pixel of a category must carry, by category bit."""
        return {int(bit): value for bit, value in self.summary["flags"].items()}
