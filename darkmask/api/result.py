"""The bad pixels of a detector: counts, images, a table, a picture, and the mask to be delivered."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkmask.build.cached import build_cached
from darkmask.build.explainer import Explainer
from darkmask.build.explanation import Explanation
from darkmask.build.products import BuiltMask, BuiltSet
from darkmask.build.request import BuildRequest
from darkmask.build.told import flags_of
from darkmask.core.atomic import reason_of, replacing
from darkmask.core.categories import Category, in_category
from darkmask.core.display import html_table, one_line
from darkmask.core.errors import ParameterError, StorageError
from darkmask.core.flags import MASK_MNEMONICS, count_flags, required_dq
from darkmask.core.naming import ByName
from darkmask.masks.carrying import path_beside
from darkmask.masks.file import name_mask, read_mask
from darkmask.validation.answers import Question, answer_to

if TYPE_CHECKING:
    from astropy.table import QTable
    from matplotlib.axes import Axes


class Products:
    """What the search of one detector left in the cache, searched again should it be gone.

    Parameters
    ----------
    request : BuildRequest

    Raises
    ------
    DarkmaskError
        When there is nothing to search, or a file cannot be used.
    """

    def __init__(self, request: BuildRequest):
        self.request = request
        self._built = build_cached(request)

    def built(self) -> BuiltMask:
        """Return the products; other searches may have taken their room meanwhile."""
        if not self._built.mask_path.is_file():
            self._built = build_cached(self.request)
        return self._built


@dataclass(frozen=True, repr=False, eq=False)
class SearchedSet:
    """The bad pixels of one set; images are those of its own frame, shape (y, x), and cannot be written to.

    Attributes
    ----------
    products : Products
    subarray : str
    """

    products: Products
    subarray: str

    @property
    def detector(self) -> str:
        """Value of DETECTOR."""
        return self.products.request.detector

    @cached_property
    def _maps(self) -> BuiltSet:
        return self.products.built().set(self.subarray)

    @cached_property
    def counts(self) -> ByName[int]:
        """Pixels of each category, by its name in whatever capitals: ``counts["NOISY"]``, ``counts["low_pedestal"]``.

        These are categories and no flags: a saturated pixel counts as saturated and not as hot. :attr:`flags` counts
        what the mask says.
        """
        return ByName("category", {c.value: int(in_category(self.categories, c).sum()) for c in Category})

    @cached_property
    def flags(self) -> ByName[int]:
        """Pixels with each DQ mnemonic, by its name; of those that belong in a mask, also where there is none."""
        return ByName("flag of a mask", {**dict.fromkeys(MASK_MNEMONICS, 0), **count_flags(self.dq)})

    @property
    def categories(self) -> np.ndarray:
        """The category image, uint16: one bit for each :class:`darkmask.Category`."""
        return _locked(self._maps.categories)

    @cached_property
    def dq(self) -> np.ndarray:
        """The DQ bits that the categories give, uint32."""
        return _locked(required_dq(self.categories, self.products.built().mandatory_bits))

    @property
    def rate(self) -> np.ndarray:
        """Mean rate, e-/s, float32; the flight search takes off what neighbours couple in."""
        return _locked(self._maps.rate)

    @property
    def noise(self) -> np.ndarray:
        """Standard deviation of a difference of two groups without a jump, DN, float32."""
        return _locked(self._maps.noise)

    @property
    def thresholds(self) -> dict[str, float]:
        """Rates that the flight search went by, e-/s; empty for other searches."""
        return dict(self._maps.summary["thresholds"])

    @property
    def measured(self) -> dict[str, Any]:
        """What the set says of its detector besides: dark current, noise, cosmic rays, integrations.

        The first call reads in the darks, two seconds for a full frame, and keeps what it finds in the cache.
        """
        of_files = answer_to(Question.FILES, self.products.request, self.products.built())
        return self._maps.numbers(of_files[self.subarray])

    def table(self) -> "QTable":
        """Return the bad pixels as a table with units, one row each, ordered by row and then by column.

        Returns
        -------
        astropy.table.QTable
            ``x`` and ``y`` count from 0 in the full frame. Each column has a description.
        """
        from astropy.table import QTable

        return QTable.read(self.products.built().folder / f"{self.subarray}_catalogue.ecsv", format="ascii.ecsv")

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw where the bad pixels are, coloured by category, on the rates.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Of a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from darkmask.reports.pictures.mask_map import draw_mask_map

        if ax is None:
            from matplotlib import pyplot

            _, ax = pyplot.subplots(figsize=(7.5, 5.5), layout="constrained")
        handles = draw_mask_map(ax, self.categories, self.rate, f"{self.detector} {self.subarray}")
        ax.legend(handles=handles[::-1], loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9)
        return ax

    def explain(self, x: int, y: int) -> Explanation:
        """Return each test that the search put to a pixel, with its value, limit and outcome; its ramps and neighbours.

        The first call measures the set again and keeps its maps and what the search compared, 150 bytes a pixel: some
        seconds and 600 MB for a full frame. Further ones answer at once.

        Parameters
        ----------
        x, y : int
            Column and row in the set's own frame, counted from 0.

        Returns
        -------
        Explanation

        Raises
        ------
        ParameterError
            When the frame has no such pixel, or jwst_reffiles was asked to search.
        DeliveryError
            When the darks have changed since.
        """
        return self._explainer.explain(x, y, {"mask": flags_of(self.dq)})

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.products.request.set_request(self.subarray), self.categories)

    def __repr__(self) -> str:
        rows, columns = self.categories.shape
        counts = (f"{name} {number}" for name, number in self.counts.items())
        return one_line(type(self).__name__, f"{self.detector} {self.subarray}", f"{columns}x{rows} pixels", *counts)

    def _repr_html_(self) -> str:
        caption = f"{self.detector} {self.subarray}: {np.count_nonzero(self.categories)} bad pixels"
        total = self.categories.size
        rows = [(name, number, f"{100 * number / total:.3f} %") for name, number in self.counts.items()]
        return html_table(caption, ("category", "pixels", "of the frame"), rows)


class SubarrayPixels(SearchedSet):
    """The bad pixels of a subarray."""

    @property
    def difference(self) -> dict[str, float]:
        """Pixels by what the subarray and the full frame say of them, and how surprising that is.

        ``both``, ``additional`` (bad here, and the full frame would show it), ``missing`` (the other way round),
        ``faint``, ``edge``, ``repeated``; ``expected`` additional ones by chance; ``additional_sigma`` and
        ``missing_sigma``. docs/criteria.md says how they are judged (SUB).
        """
        return dict(self._maps.summary["difference"])


class BadPixels(SearchedSet):
    """The bad pixels of one detector, and the mask to be delivered.

    What it holds is the search of the full frames; those of subarrays stand in :attr:`subarrays`. Images are read from
    the cache of searches when they are first asked for.
    """

    @cached_property
    def dq(self) -> np.ndarray:
        """The mask's DQ, uint32, as the pipeline decodes it: with reference pixels and what came from elsewhere."""
        return _locked(read_mask(self.products.built().mask_path).decoded)

    @cached_property
    def subarrays(self) -> Mapping[str, SubarrayPixels]:
        """The detector's further sets, by SUBARRAY in whatever capitals."""
        names = [name for name in self.products.built().subarrays if name != "FULL"]
        return ByName("subarray", {name: SubarrayPixels(self.products, name) for name in sorted(names)})

    def write_mask(self, path: str | os.PathLike[str]) -> Path:
        """Write the MASK reference file, whole or not at all, and beside it what was carried from the mask in force.

        Parameters
        ----------
        path : str or path
            The file; the other is called ``*_carried.fits``. Under the name that ``python -m darkmask search`` gives,
            its bytes are the same; under another one, its FILENAME says so.

        Returns
        -------
        Path

        Raises
        ------
        ParameterError
            When the name is no FITS file's.
        StorageError
            When it cannot be written.
        """
        if not isinstance(path, str | os.PathLike) or Path(path).suffix.lower() != ".fits":
            raise ParameterError(f"A mask cannot be written as {path!r}: give the name of a .fits file.")
        path, built = Path(path), self.products.built()
        made = built.mask_path
        try:
            with replacing(path_beside(path)) as temporary:
                shutil.copyfile(built.carried_path, temporary)
            with replacing(path) as temporary:
                shutil.copyfile(made, temporary)
                if path.name != made.name:
                    name_mask(temporary, path.name)
        except OSError as error:
            raise StorageError(f"{path} cannot be written ({reason_of(error)}): give another folder.") from error
        return path


def _locked(image: np.ndarray) -> np.ndarray:
    """Lock the image, of which two callers hold the same memory, so that neither changes the other's."""
    image.flags.writeable = False
    return image
