"""Combine the maps of all integrations of a set, block of rows by block of rows.

A block holds every integration of its rows at once, so that medians and clipped statistics are exact. A budget sets the
memory, and not the number of exposures, integrations or groups. Everything computed here is symmetric in the
integrations, to the last bit: sums run over sorted values.
"""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.display import counted, one_line
from darkmask.delivery import Exposure

from .blocks import Blocks
from .change_kernels import change_rows
from .changes import RARE as RARE_CHANGES
from .changes import ChangeMaps, ChangeRows, make_change_maps, type_of
from .parts import SetRows, put_together
from .rare import AtPixels, Gathered
from .scratch import Maps
from .stacks import Chosen, CombinedRows, combine_rows

# So many rows tell whether the pixels of a column go together: of each integration, to a sixteenth of a sigma.
ROWS_THAT_AGREE = 256


@dataclass(frozen=True)
class CombinedMaps:
    """What all integrations of a set say of each pixel; every attribute but the first four has shape (y, x).

    Attributes
    ----------
    integrations, groups : int
    read_variance : float, DN**2
        Variance of a group by the detector's read noise, from which falls and clipped integrations were told.
    agreement : shape (x,), float32
        How far the pixels of a column have higher and lower rates in the same integrations, or ramps that bend up and
        down, whichever is more: the mean product of the signs of two pixels' deviations from their medians. It is 0
        when each goes its own way, and 1 when they go as one. In long ramps of averaged groups shot noise and jumps,
        which part each ramp elsewhere, hide in the rates what a bend shows.
    rate : float32, DN/s
        Mean over integrations, weighted by ``weight``, of the pipeline's rates; when it gives none, of the mean
        difference over the group time. Integrations more than ``CLIP_SIGMA`` from the median are left out; when these
        are more than a quarter of all, ``rate`` is the median.
    weight : float32
        Sum over those integrations of n (n**2 - 1) over the runs of n groups without a jump: read noise gives ``rate``
        a variance of 12 (noise of a group / group time)**2 / ``weight``.
    rate_scatter : float32, DN/s
        1.4826 times the median absolute deviation of those rates.
    finite : int16
        Integrations in which the pipeline's rate is finite.
    pedestal : float32, DN
        Median over integrations.
    saturated_first : int16
        Integrations with SATURATED in group 0. The saturation step grows the flag by a pixel, so that neighbours have
        it too.
    saturated_last : int16
        Integrations with SATURATED in the last group at a level that is a saturated pixel's own.
    first, change, shape : float32
        Medians over integrations; see :mod:`darkmask.search.maps.integration`.
    shape_scatter : float32, DN/group
        1.4826 times the median absolute deviation of ``shape`` over integrations.
    noise : float32, DN
        Standard deviation of one group difference, pooled over the differences without jumps of all integrations.
    differences : int32
        Number of those differences.
    scatter : float32, DN
        Median over integrations of the scatter of all differences, jumps included.
    jumps : int32
        Groups flagged as jumps, in all integrations together.
    falls : int16
        Group differences that fall by more than chance allows, which no cosmic ray can cause.
    changes : ChangeMaps, optional
        What changes from one integration to another; see :mod:`darkmask.search.maps.changes`.
    """

    integrations: int
    groups: int
    read_variance: float
    agreement: np.ndarray
    rate: np.ndarray
    weight: np.ndarray
    rate_scatter: np.ndarray
    finite: np.ndarray
    pedestal: np.ndarray
    saturated_first: np.ndarray
    saturated_last: np.ndarray
    first: np.ndarray
    change: np.ndarray
    shape: np.ndarray
    shape_scatter: np.ndarray
    noise: np.ndarray
    differences: np.ndarray
    scatter: np.ndarray
    jumps: np.ndarray
    falls: np.ndarray
    changes: ChangeMaps | None = None

    def __repr__(self) -> str:
        what = f"{counted(self.integrations, 'integration')} of {counted(self.groups, 'group')}"
        return one_line("CombinedMaps", what, f"{self.rate.shape[1]}x{self.rate.shape[0]} pixels")

    def of_columns(self, columns: slice) -> "CombinedMaps":
        """Return views of some columns."""
        views = {name: getattr(self, name)[:, columns] for name in CombinedRows._fields}
        changes = self.changes and self.changes.part(np.s_[:, columns])
        return CombinedMaps(
            self.integrations, self.groups, self.read_variance, self.agreement[columns], **views, changes=changes
        )

    def at_pixels(self, where: np.ndarray, whole: Collection[str] = ()) -> "CombinedMaps":
        """Return what stands for these maps where some pixels alone are asked for, see :class:`.rare.AtPixels`.

        Parameters
        ----------
        where : numpy.ndarray, shape (y, x), bool
        whole : collection of str
            Names of the maps that stay as they are.
        """
        y, x = np.nonzero(where)

        def image(of: Any, name: str) -> Any:
            return getattr(of, name) if name in whole else AtPixels(getattr(of, name), y, x)

        changes = self.changes
        if changes is not None:
            changes = changes._replace(rows=ChangeRows(*(image(changes.rows, name) for name in ChangeRows._fields)))
        return replace(self, **{name: image(self, name) for name in CombinedRows._fields}, changes=changes)


TYPES = dict.fromkeys(("finite", "saturated_first", "saturated_last", "falls"), np.int16) | dict.fromkeys(
    ("differences", "jumps"), np.int32
)
# What nearly all pixels have; ``finite`` is that of all integrations.
RARE = {"saturated_first": 0, "saturated_last": 0, "falls": 0}


def combine_set(
    exposures: Sequence[Exposure],
    folder: Path,
    detector: Detector,
    own_saturation_level: float,
    block_bytes: int | None = None,
    threads: int | None = None,
    integrations: Sequence[int] | None = None,
    keep: bool = False,
) -> CombinedMaps:
    """Measure all pixels of a set; parameters and errors are those of :func:`combine_rows_of_set`."""
    whole = combine_rows_of_set(
        exposures,
        folder,
        detector,
        own_saturation_level,
        block_bytes,
        threads,
        integrations,
        keep,
    )
    return join_rows([whole])


def join_rows(parts: Sequence[SetRows]) -> CombinedMaps:
    """Return the maps of a set of which all rows were measured, the same bits however they were divided.

    Raises
    ------
    SearchError
        When a row is missing or there twice, or the parts are of different sets.
    """
    whole = put_together(parts)
    return CombinedMaps(
        integrations=whole.integrations,
        groups=whole.groups,
        read_variance=whole.read_variance,
        agreement=whole.agreement(),
        **whole.rows._asdict(),
        changes=whole.changes,
    )


def combine_rows_of_set(
    exposures: Sequence[Exposure],
    folder: Path,
    detector: Detector,
    own_saturation_level: float,
    block_bytes: int | None = None,
    threads: int | None = None,
    integrations: Sequence[int] | None = None,
    keep: bool = False,
    rows: tuple[int, int] | None = None,
) -> SetRows:
    """Measure the pixels of some rows of a set, in all integrations at once.

    Parameters
    ----------
    exposures, folder, detector, own_saturation_level
        See :class:`.blocks.Blocks`.
    block_bytes : int, optional
        See :class:`.blocks.Blocks`.
    threads : int, optional
        Number of threads; by default one for each core that this process may use.
    integrations : sequence of int, optional
        See :class:`.blocks.Blocks`.
    keep : bool
        See :meth:`.blocks.Blocks.work`.
    rows : (int, int), optional
        The first row and the one behind the last; all by default.

    Raises
    ------
    SearchError
        When there is no exposure.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    blocks = Blocks(exposures, folder, detector, own_saturation_level, integrations, block_bytes)
    (height, width), number, groups = blocks.shape, blocks.integrations, blocks.groups
    begin, end = rows or (0, height)
    shape = (end - begin, width)
    usual = {**RARE, "finite": number}
    whole = {
        name: Gathered(shape, TYPES.get(name, np.float32), usual.get(name), most=number * groups)
        for name in CombinedRows._fields
    }
    changed = make_change_maps(shape, blocks.times, number, nothing=True)
    changes = {name: Gathered(shape, type_of(name), RARE_CHANGES.get(name)) for name in ChangeRows._fields}
    chosen = Chosen.of(range(number))
    signs, adding = np.zeros((2, number, width), np.int64), threading.Lock()
    every = max(1, height // ROWS_THAT_AGREE)

    def work(stacks: Maps, _room: None, start: int, count: int) -> None:
        part = CombinedRows(*(image.rows(start - begin, count) for image in whole.values()))
        changed_here = ChangeRows(*(image.rows(start - begin, count) for image in changes.values()))
        signs_here = np.zeros((2, number, width), np.int32)
        combine_rows(stacks, chosen, groups, blocks.readout, part, signs_here, start, every)
        with adding:
            signs[:] += signs_here
        change_rows(stacks, chosen, groups, blocks.readout, changed.order, part, changed_here)
        for images, rows_here in ((whole, part), (changes, changed_here)):
            for image, made in zip(images.values(), rows_here, strict=True):
                image.put(start - begin, made)

    blocks.work(work, lambda: None, rows=(begin, end), keep=keep, threads=threads)
    return SetRows(
        start=begin,
        height=height,
        integrations=number,
        groups=groups,
        read_variance=blocks.readout.read_variance,
        sampled=len(range(0, height, every)),
        signs=signs,
        rows=CombinedRows(*(image.image() for image in whole.values())),
        changes=changed._replace(rows=ChangeRows(*(image.image() for image in changes.values()))),
    )
