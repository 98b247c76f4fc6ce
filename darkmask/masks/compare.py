"""Measure how two masks, or two category images, agree."""

from dataclasses import dataclass

import numpy as np

from darkmask.core.flags import dq_bits, flags_in, has_flag

# A search of darks can set these flags, and a ground test set them above the same brightness. WARM lies below the cut
# of the ground masks (0.275 e-/s), so a warm pixel does not count as new.
COMPARED_MNEMONICS = ("HOT", "RC", "TELEGRAPH", "UNRELIABLE_SLOPE", "OTHER_BAD_PIXEL")


def shared_bad_pixels(dq: np.ndarray, other: np.ndarray, science: np.ndarray) -> tuple[int, int]:
    """Return how many bad pixels a mask has, and how many of them another one has in the same places.

    Parameters
    ----------
    dq, other : numpy.ndarray, shape (y, x), uint32
    science : numpy.ndarray, shape (y, x), bool
        What is no science pixel by NON_SCIENCE may be the same in several detectors, and does not count either.

    Returns
    -------
    number, shared : int
    """
    here, there = (has_flag(each, "DO_NOT_USE", *COMPARED_MNEMONICS) for each in (dq, other))
    here = here & science & ~has_flag(dq, "NON_SCIENCE")
    return int(here.sum()), int((here & there).sum())


@dataclass(frozen=True)
class Agreement:
    """Numbers of pixels by what two masks say of them.

    Attributes
    ----------
    both, gone, new, neither : int
        Bad in both; only in the first (reference); only in the second; in neither.
    """

    both: int
    gone: int
    new: int
    neither: int

    @classmethod
    def of(cls, reference: np.ndarray, other: np.ndarray, where: np.ndarray) -> "Agreement":
        """Compare two boolean maps, shape (y, x), over the pixels ``where``."""
        return cls(
            both=int((reference & other & where).sum()),
            gone=int((reference & ~other & where).sum()),
            new=int((~reference & other & where).sum()),
            neither=int((~reference & ~other & where).sum()),
        )

    @property
    def reference(self) -> int:
        """The number of bad pixels of the reference."""
        return self.both + self.gone

    @property
    def retained_fraction(self) -> float:
        """The share of the reference's bad pixels that are still bad; NaN when it has none."""
        return self.both / (self.both + self.gone) if self.both + self.gone else float("nan")

    @property
    def gone_fraction(self) -> float:
        """The share of the reference's bad pixels that are good now; NaN when it has none."""
        return 1 - self.retained_fraction

    @property
    def new_fraction(self) -> float:
        """The number of newly bad pixels as a share of all compared ones."""
        total = self.both + self.gone + self.new + self.neither
        return self.new / total if total else float("nan")

    @property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond what chance gives, 1 for equal masks; NaN when both are uniform."""
        total = self.both + self.gone + self.new + self.neither
        if not total:
            return float("nan")
        observed = (self.both + self.neither) / total
        first, second = (self.both + self.gone) / total, (self.both + self.new) / total
        chance = first * second + (1 - first) * (1 - second)
        return (observed - chance) / (1 - chance) if chance < 1 else float("nan")

    @property
    def kappa_error(self) -> float:
        """The standard error of kappa (Cohen 1960) for independent pixels; NaN when kappa is NaN."""
        total = self.both + self.gone + self.new + self.neither
        if not np.isfinite(self.kappa):
            return float("nan")
        observed = (self.both + self.neither) / total
        # This is 1 - chance, from the kappa that it gave; equal masks have no disagreement and no error.
        beyond = (1 - observed) / (1 - self.kappa) if self.kappa < 1 else 1.0
        return float(np.sqrt(observed * (1 - observed) / total) / beyond)


@dataclass(frozen=True)
class Comparison:
    """Comparison of two masks on the flags that both were searched for.

    Attributes
    ----------
    reference, other : numpy.ndarray, shape (y, x), bool
        Bad pixels of each.
    where : numpy.ndarray, shape (y, x), bool
        The pixels compared.
    left_out : int
        Number of pixels between the two thresholds, which one search could not tell.
    total : Agreement
    by_flag : dict of str to Agreement
    """

    reference: np.ndarray
    other: np.ndarray
    where: np.ndarray
    left_out: int
    total: Agreement
    by_flag: dict[str, Agreement]

    @property
    def new(self) -> np.ndarray:
        """The newly bad pixels, bool (y, x)."""
        return self.other & ~self.reference & self.where


def compare(
    reference: np.ndarray, other: np.ndarray, science: np.ndarray, faint: np.ndarray | None = None
) -> Comparison:
    """Compare two masks on the flags that a search of darks looks for and the reference uses.

    A ground mask that never says TELEGRAPH was not searched for it: counting the telegraph pixels of flight as new
    would compare searches and not pixels. For the same reason a pixel counts as HOT only above the brighter of the two
    thresholds.

    Parameters
    ----------
    reference, other : numpy.ndarray, shape (y, x), uint32
    science : numpy.ndarray, shape (y, x), bool
        The pixels that see light.
    faint : numpy.ndarray, shape (y, x), bool, optional
        Pixels with a rate between the two thresholds, see :func:`between_thresholds`.
    """
    names = [n for n in COMPARED_MNEMONICS if has_flag(reference[science], n).any()]
    bits, hot = dq_bits(*names), dq_bits("HOT")
    either = (reference | other) & bits
    # Only HOT is known to depend on the rate; other flags are compared at any rate.
    between = (either == hot) & science & faint if faint is not None else np.zeros_like(science)
    where = science & ~between
    bad = (reference & bits) != 0, (other & bits) != 0
    by_flag = {}
    for name in names:
        by_flag[name] = Agreement.of(has_flag(reference, name), has_flag(other, name), where)
    return Comparison(*bad, where, int(between.sum()), Agreement.of(*bad, where), by_flag)


def between_thresholds(rate: np.ndarray, first: float, second: float) -> np.ndarray:
    """Return where a rate is enough for one threshold of hot pixels and not for the other.

    Parameters
    ----------
    rate : numpy.ndarray, shape (y, x), float, e-/s
        NaN (saturated) lies above both.
    first, second : float
        Thresholds, e-/s.

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
    """
    return (rate >= min(first, second)) & (rate < max(first, second))


def lost_bits(
    base: np.ndarray, mask: np.ndarray, measured: np.ndarray, carried_before: np.ndarray | None = None
) -> tuple[int, dict[str, tuple[int, int, int]]]:
    """Return how many pixels of the mask in force lost a bit that nobody measured, and those bits.

    Which flags those are is read off the mask in force and what the search says it measured; the list by which masks
    are made is not asked. DEAD may give way to HOT: such a pixel was saturated when the flats called it dead.
    DO_NOT_USE may go where a flag stands beside it that was judged anew, but not beside a flag that the mask in force
    never sets without it: a pixel that is OPEN and used is worse than one that nobody knew of.

    Parameters
    ----------
    base, mask : numpy.ndarray, shape (y, x), uint32
    measured : numpy.ndarray, shape (y, x), uint32
        The bits that were judged anew in each pixel.
    carried_before : numpy.ndarray, shape (y, x), uint32, optional
        What of the mask in force was not found by the search that made it, where that is known. DO_NOT_USE that a
        search set goes with the flag for which it was set.

    Returns
    -------
    pixels : int
    flags : dict of str to (int, int, int)
        For each mnemonic: the number of pixels that lost it, and x and y of the first of them, counted from 0.
    """
    if carried_before is not None:
        found = base & ~carried_before & ~dq_bits("DO_NOT_USE")
        healed = (found != 0) & ((found & ~measured) == 0)
        base = np.where(healed, base & carried_before, base)
    unusable, used = has_flag(base, "DO_NOT_USE"), ~has_flag(base, "DO_NOT_USE")
    named = [name for name in flags_in(base) if name != "DO_NOT_USE"]
    gone = {name: has_flag(base & ~mask & ~measured, name) for name in named}
    if "DEAD" in gone:
        gone["DEAD"] &= ~has_flag(mask, "HOT")
    judged = has_flag(base & measured, *named)
    may_go = judged.copy()
    for name in named:
        there = has_flag(base & ~measured, name)
        # REFERENCE_PIXEL only says where the pixel lies.
        if name != "REFERENCE_PIXEL" and (there & ~judged).any() and not (there & ~judged & used).any():
            may_go &= ~there
    gone["DO_NOT_USE"] = unusable & ~has_flag(mask, "DO_NOT_USE") & ~may_go
    flags = {}
    for name, where in gone.items():
        y, x = np.nonzero(where)
        if y.size:
            flags[name] = (int(y.size), int(x[0]), int(y[0]))
    return int(np.logical_or.reduce(list(gone.values())).sum()), flags
