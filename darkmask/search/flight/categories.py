"""The ``flight`` search, which mends what jwst_reffiles 1.0.1 gets wrong.

Every category is judged on a map that is zero for a good pixel, in units of the scatter of a good pixel, so that a
threshold in sigma is a false-alarm rate. docs/categories.md tells what each category means and how it differs from the
release.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from darkmask.core.categories import USABLE, Category, in_category, pack_categories
from darkmask.core.detectors import Detector
from darkmask.core.errors import TooLittleError
from darkmask.core.threads import in_threads
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.parameters import SearchParameters
from darkmask.search.structures import Structure

from .amplifier import AmplifierSearch
from .changing import Patch, find_patches
from .evidence import Evidence
from .findings import amplifier_findings, column_findings, join_rows, row_findings
from .named_by import Passed, joined

# With fewer integrations a cosmic ray cannot be told from what a pixel does again and again. With fewer groups the
# shape of a ramp cannot be told from its noise.
MIN_INTEGRATIONS, MIN_GROUPS = 3, 5
_SEARCHED = tuple(c for c in Category if c not in (Category.TELEGRAPH, Category.NOISY, Category.INTERMITTENT))


_OF_PIXELS = ("unstable", "noisy", "loud", "faint", "varying", "switching", "sometimes_hot", "scattering")


def _bit(name: str) -> np.uint8:
    return np.uint8(1 << _OF_PIXELS.index(name))


def _any_told(told: np.ndarray, *names: str) -> np.ndarray:
    """Return where at least one of some images is true, bool."""
    anywhere: np.ndarray = (told & np.bitwise_or.reduce([_bit(name) for name in names])) != 0
    return anywhere


def _told(name: str) -> property:
    """Return the property of a result that unpacks one of its images."""
    return property(lambda result: _any_told(result.told, name))


@dataclass(frozen=True)
class FlightResult:
    """Where each category is, and the limits by which it was judged.

    Attributes
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
        Category image without telegraph and noisy, which are not told apart here, and intermittent: ``unstable`` holds
        the candidates.
    told : numpy.ndarray, shape (y, x), uint8
        One bit for each of the images that follow; eighteen images of a byte a pixel would take 75 MB.
    unstable : numpy.ndarray, shape (y, x), bool
        Pixels too noisy for their signal; their ramps decide between telegraph and noisy.
    noisy, loud : numpy.ndarray, shape (y, x), bool
        The unstable pixels whose noise is enough to call them noisy, and so much that they are not to be used; and
        those whose rates scatter between integrations, or that jump in more of them than radiation makes.
    faint : numpy.ndarray, shape (y, x), bool
        Pixels that are a little noisier than chance makes them: good, unless their ramps have two levels.
    varying, switching : numpy.ndarray, shape (y, x), bool
        Pixels whose rates differ between integrations, and those that fall and rise or begin at two levels; their ramps
        decide between telegraph and intermittent.
    sometimes_hot : numpy.ndarray, shape (y, x), bool
        Varying pixels whose high state is hot.
    scattering : numpy.ndarray, shape (y, x), bool
        Noisy pixels that are so by the scatter of their rates between integrations alone.
    rate : numpy.ndarray, shape (y, x), float32
        Rate in e-/s, after subtraction of the capacitive coupling of the neighbours.
    noise : numpy.ndarray, shape (x,), float64
        Noise of a group difference of good pixels of each column's amplifier, DN, with what a column that wanders adds.
    thresholds : dict of str to float
        Thresholds by name, in the units that the names end in; ``settling_e_per_s`` is what settling after a reset adds
        to the pipeline's rates in the amplifier where it adds most, and what was taken off before they were judged.
    structures : tuple of Structure
        Columns, rows and amplifiers that do something as one.
    patches : tuple of Patch
        Pixels that decay together; :func:`.decays.patch_findings` measures them.
    passed : dict of str to Passed
        What the tests compared at the pixels to which they give a name; empty where evidence is kept.
    evidence : tuple of (slice, dict of str to Compared)
        Of the columns of each amplifier, where it was asked for: of all pixels, or of those that are looked at.
    strict : FlightResult, optional
        The same by stricter limits, where they were asked for.
    """

    categories: np.ndarray
    told: np.ndarray
    rate: np.ndarray
    noise: np.ndarray
    thresholds: dict[str, float]
    structures: tuple[Structure, ...] = ()
    patches: tuple[Patch, ...] = ()
    passed: dict[str, Passed] = field(default_factory=dict)
    evidence: tuple[tuple[slice, Evidence], ...] = ()
    strict: "FlightResult | None" = None

    @property
    def maps(self) -> dict[Category, np.ndarray]:
        """Where each of the categories is, bool (y, x)."""
        return {category: in_category(self.categories, category) for category in _SEARCHED}

    unstable = _told("unstable")
    noisy = _told("noisy")
    loud = _told("loud")
    faint = _told("faint")
    varying = _told("varying")
    switching = _told("switching")
    sometimes_hot = _told("sometimes_hot")
    scattering = _told("scattering")

    @property
    def in_question(self) -> np.ndarray:
        """The pixels whose ramps must be asked whether they have two levels, bool (y, x): noisy ones too."""
        return _any_told(self.told, "unstable", "noisy", "varying", "switching", "faint")

    def least_gain(self, parameters: SearchParameters) -> np.ndarray:
        """Return by how much two levels must explain each pixel better, float32 (y, x).

        What nothing else speaks against must be told by its ramps alone, and what nothing does but the scatter of its
        rates too: light that fades makes that, and hits in the same integrations.
        """
        certain = max(parameters.faint_bic, parameters.telegraph_bic)
        only_scatters = self.scattering & ~_any_told(self.told, "unstable", "varying", "switching")
        return np.where(self.surely_bad & ~only_scatters, parameters.telegraph_bic, certain).astype(np.float32)

    @property
    def surely_bad(self) -> np.ndarray:
        """The pixels in question that are bad whether they have two levels or not, bool (y, x)."""
        return _any_told(self.told, "noisy", "varying", "switching")

    def part(self, where: Any) -> "FlightResult":
        """Return the same of some rows, or of some pixels, with their images."""
        images = {name: getattr(self, name)[where] for name in ("categories", "told", "rate")}
        return replace(self, **images, strict=self.strict and self.strict.part(where))

    def named(self, telegraph: np.ndarray) -> np.ndarray:
        """Return the category image.

        Parameters
        ----------
        telegraph : numpy.ndarray, shape (y, x), bool
            Those in question that have two levels.

        Returns
        -------
        numpy.ndarray, shape (y, x), uint16
            A noisy pixel that is usable has ``USABLE`` beside it.
        """
        changing = self.varying | (self.switching & ~self.unstable)
        intermittent = changing & ~telegraph
        noisy = self.noisy & ~telegraph & ~changing
        categories: np.ndarray = self.categories.copy()
        hot = self.sometimes_hot & intermittent
        categories[hot] |= np.uint16(Category.HOT.bit)
        categories[hot] &= ~np.uint16(Category.WARM.bit)
        for category, where in (
            (Category.TELEGRAPH, telegraph), (Category.NOISY, noisy), (Category.INTERMITTENT, intermittent),
        ):  # fmt: skip
            categories[where] |= np.uint16(category.bit)
        categories[noisy & ~self.loud] |= np.uint16(USABLE)
        return categories


def search_flight(
    maps: CombinedMaps,
    science: np.ndarray,
    amplifiers: Sequence[slice],
    detector: Detector,
    tgroup: float,
    parameters: SearchParameters,
    keep_evidence: bool = False,
    look_at: np.ndarray | None = None,
    strict: SearchParameters | None = None,
    pixels_only: bool = False,
) -> FlightResult:
    """Find every category in the combined maps of a set.

    Parameters
    ----------
    maps : CombinedMaps
    science : numpy.ndarray, shape (y, x), bool
        False on reference pixels.
    amplifiers : sequence of slice
        Columns of each amplifier; together they cover all columns. Noise and offsets differ between amplifiers, so each
        is judged by its own good pixels.
    detector : Detector
    tgroup : float
        Group time, s.
    parameters : SearchParameters
    keep_evidence : bool
        Keep what each test compared, which takes some 90 bytes a pixel.
    look_at : numpy.ndarray, shape (y, x), bool, optional
        Pixels of which this is kept, and of no others.
    strict : SearchParameters, optional
        Other limits of significance, by which the maps are judged besides, in half the time of a second search.
    pixels_only : bool
        Judge pixels and leave out what a reader is told besides: ``thresholds``, ``structures`` and ``passed`` are
        empty.

    Raises
    ------
    SearchError
        When there are too few integrations or groups to judge by.
    """
    require_enough(maps.integrations, maps.groups, detector)
    rate = np.empty_like(maps.rate)
    images = [(np.zeros(rate.shape, np.uint16), np.zeros(rate.shape, np.uint8)) for _ in range(2 if strict else 1)]
    noise = np.empty(rate.shape[1])
    # By the first column of each amplifier, since amplifiers end in any order.
    lines: dict[int, list[Structure]] = {}
    rows: dict[int, list[Structure]] = {}
    noises: dict[int, float] = {}
    passed: dict[int, dict[str, Passed]] = {}

    keep_evidence = keep_evidence or look_at is not None
    evidence: tuple[tuple[slice, Evidence], ...] = tuple((columns, {}) for columns in amplifiers if keep_evidence)

    if maps.changes is None:
        raise ValueError("The flight search needs the maps of change.")
    patches = find_patches(maps.changes, science, tuple(amplifiers), parameters)
    patch = np.zeros(rate.shape, bool)
    for one in patches:
        patch.ravel()[one.region] = True

    def work(columns: slice) -> tuple[float, float, float, int]:
        kept = next((tests for of, tests in evidence if of == columns), None)
        with np.errstate(invalid="ignore", divide="ignore"):
            part = AmplifierSearch(
                maps, science, columns, detector, tgroup, parameters, kept, patch, pixels_only, look_at
            )
            set_images(images[0], part, part.search(again=strict is not None), columns)
            limits, alone = (0.0, 0.0) if pixels_only else part.limits(), part.alone
            passed[columns.start] = part.passed
            if strict:
                part.passed = {}
                set_images(images[1], part, part.search(strict), columns)
        noise[columns] = np.sqrt(part.noise_of_good**2 + part.columns.noise)
        lines[columns.start] = [*column_findings(part.columns, columns, len(rate), part.noise_of_good)]
        rows[columns.start] = [*row_findings(part.rows, columns, part.noise_of_good)] if part.rows else []
        noises[columns.start] = part.noise_of_good
        np.multiply(part.rate, np.float32(detector.gain), out=rate[:, columns])
        return (*limits, part.settling, alone)

    measured = in_threads(work, amplifiers)
    structures = (
        *(finding for first in sorted(lines) for finding in lines[first]),
        *join_rows([finding for first in sorted(rows) for finding in rows[first]]),
        *amplifier_findings(amplifiers, [noises[columns.start] for columns in amplifiers], len(rate)),
    )
    thresholds = _thresholds(parameters, np.array([one[:3] for one in measured]) * detector.gain)
    thresholds["pixels_off_in_one_integration"] = float(sum(one[3] for one in measured))
    if pixels_only:
        structures, thresholds = (), {}
    results = [
        FlightResult(
            categories=categories,
            told=told,
            rate=rate,
            noise=noise,
            thresholds=thresholds,
            structures=structures,
            patches=patches,
            passed=joined(passed.values()),
            evidence=evidence,
        )
        for categories, told in images
    ]
    return replace(results[0], strict=results[1]) if strict else results[0]


def require_enough(integrations: int, groups: int, detector: Detector) -> None:
    """Make sure that there are enough integrations, and groups, to judge by; else raise a SearchError."""
    if integrations < MIN_INTEGRATIONS or groups < MIN_GROUPS:
        raise TooLittleError(
            f"The flight search needs {MIN_INTEGRATIONS} integrations of {MIN_GROUPS} groups and the set of "
            f"{detector.name} has {integrations} of {groups}: add exposures."
        )


def set_images(
    images: tuple[np.ndarray, np.ndarray], part: AmplifierSearch, found: dict[Category, np.ndarray], columns: slice
) -> None:
    """Set the categories and what else is told of the pixels of some columns, from what the search of these gives."""
    categories, told = (image[:, columns] for image in images)
    categories[:] = pack_categories(found)
    for name in _OF_PIXELS:
        told[getattr(part, name)] |= _bit(name)


def _thresholds(parameters: SearchParameters, limits: np.ndarray) -> dict[str, float]:
    # These are the limits of the noisiest amplifier; NaN only when none could be judged.
    detection, recovery = np.fmax.reduce(limits[:, :2])
    return {
        "hot_rate_e_per_s": parameters.hot_rate,
        "warm_rate_e_per_s": parameters.warm_rate,
        "detection_limit_e_per_s": float(detection),
        "recovery_limit_e_per_s": float(recovery),
        "settling_e_per_s": float(limits[np.argmax(np.abs(limits[:, 2])), 2]),
    }
