"""Find the masks of a folder, one per detector: masks to check, the ground test's, or those in force."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from darkmask.core.detectors import DETECTORS, LONG_WAVE
from darkmask.core.errors import MaskError
from darkmask.delivery.headers import detector_in_name

from .file import MaskFile, read_header, read_mask

# REFTYPE of what may lie beside masks: our images of categories and of what was carried, and the superbias in force.
_BESIDE_MASKS = ("CATEGORY", "CARRIED", "SUPERBIAS")


class Unusable(NamedTuple):
    """A FITS file of a folder that is no mask of a known detector.

    Attributes
    ----------
    path : Path
    why : str
        One sentence.
    detector : str or None
        The detector that it was for; None when neither header nor name tells.
    foreign : bool
        Whether it is of another instrument, and of no use here.
    """

    path: Path
    why: str
    detector: str | None
    foreign: bool = False


@dataclass(frozen=True)
class MaskFolder:
    """Which mask of a folder belongs to which detector.

    Attributes
    ----------
    folder : Path
    by_detector : dict of str to tuple of Path
    unusable : tuple of Unusable
        Files that are no mask of a known detector.
    problem : str
        Why the whole folder cannot be used; empty when it can.
    """

    folder: Path
    by_detector: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    unusable: tuple[Unusable, ...] = ()
    problem: str = ""

    def path_of(self, detector: str) -> Path:
        """Return the one mask of a detector.

        Raises
        ------
        MaskError
            When there is none, more than one, a file that may be another one, or the folder cannot be used.
        """
        if self.problem:
            raise MaskError(self.problem)
        found = self.by_detector.get(detector, ())
        for file in self.unusable:
            if file.detector == detector or (not found and file.detector is None):
                raise MaskError(file.why)
            # What names no detector may be of any, and nobody can say which of two masks was meant.
            if file.detector is None and not file.foreign:
                names = " and ".join(path.name for path in found)
                raise MaskError(f"{self.folder} holds {names} and what may be another mask of {detector}: {file.why}")
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(path.name for path in found)
            raise MaskError(f"{self.folder} holds more than one mask of {detector} ({names}): leave one.")
        raise MaskError(f"{self.folder} holds no mask of {detector}: add it.")

    def read(self, detector: str) -> MaskFile:
        """Read the mask of a detector; raise :class:`MaskError` as :meth:`path_of` does."""
        return read_mask(self.path_of(detector))


def scan_masks(folder: Path) -> MaskFolder:
    """Find the MASK files of a folder by their headers (and by their names when a header does not say)."""
    folder = Path(os.path.abspath(folder))
    if not folder.is_dir():
        return MaskFolder(folder, problem=f"The folder {folder} does not exist: give the folder that holds the masks.")
    found: dict[str, list[Path]] = {}
    unusable: list[Unusable] = []
    for path in _fits_files(folder):
        named = detector_in_name(path)
        if path.name.lower().endswith(".fz"):
            why = f"{path} is compressed by fpack, which CRDS does not serve: unpack it (funpack)."
            unusable.append(Unusable(path, why, named))
            continue
        try:
            header = read_header(path)
        except MaskError as error:
            unusable.append(Unusable(path, str(error), named))
            continue
        if header.get("REFTYPE") in _BESIDE_MASKS:
            continue  # a check judges whether a mask's REFTYPE is right
        detector = str(header.get("DETECTOR", "")).strip().upper() or named or ""
        if detector in DETECTORS:
            found.setdefault(detector, []).append(path)
        else:
            unusable.append(_of_no_detector(path, detector, str(header.get("INSTRUME", "")).strip().upper()))
    if not found and not unusable:
        return MaskFolder(
            folder, problem=f"The folder {folder} holds no FITS file: give the folder that holds the masks."
        )
    return MaskFolder(folder, {name: tuple(paths) for name, paths in found.items()}, tuple(unusable))


def _of_no_detector(path: Path, detector: str, instrument: str) -> Unusable:
    if detector in LONG_WAVE:
        right = LONG_WAVE[detector]
        why = (
            f"{path} has DETECTOR {detector!r}, but the long-wave detector is called {right} in headers: correct "
            "DETECTOR."
        )
        return Unusable(path, why, right)
    why = f"{path} is of no NIRCam detector (DETECTOR {detector or 'missing'!r}): correct or remove it."
    return Unusable(path, why, detector_in_name(path), instrument not in ("", "NIRCAM"))


def _fits_files(folder: Path) -> list[Path]:
    """Return the FITS files of a folder, by any case of their endings, in linked folders too."""
    found, entered = [], set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:  # a link that leads back would never end
            folders.clear()
            continue
        entered.add(real)
        folders.sort()
        found += [
            Path(place, name)
            for name in [*names, *folders]
            if name.lower().endswith((".fits", ".fits.gz", ".fits.fz")) and not name.startswith(".")
        ]
    return sorted(found)
