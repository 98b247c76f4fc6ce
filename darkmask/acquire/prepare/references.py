"""Find the reference file that each step gets for an exposure: given by hand, or chosen by CRDS."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from darkmask.core.atomic import temporary_folder
from darkmask.core.errors import ArchiveError, ParameterError
from darkmask.core.remote import is_copy, ranged_files
from darkmask.core.window import Window
from darkmask.delivery.records import FileRecord

KINDS = ("saturation", "superbias", "linearity", "gain", "readnoise")
# The jump step and the ramp fit need these.
_NEEDED = ("gain", "readnoise")
NOT_APPLICABLE = "N/A"


@dataclass(frozen=True)
class GivenReference:
    """A reference file that was given by hand, as its headers describe it.

    Attributes
    ----------
    path : Path
    kind : str
    detector, subarray : str
    window : Window
    """

    path: Path
    kind: str
    detector: str
    subarray: str
    window: Window

    def fits(self, record: FileRecord) -> bool:
        """Return whether the file is for the exposure's detector and covers its window."""
        return self.detector == record.detector and self.window.covers(record.window)


@dataclass(frozen=True)
class GivenReferences:
    """All reference files that the command gave, and the steps that it left out.

    Attributes
    ----------
    files : tuple of GivenReference
        A file of these that fits an exposure is used, and CRDS is not asked for its kind.
    skipped : frozenset of str
        Kinds whose step is left out; ``refpix`` may be one, though it has no reference file.
    """

    files: tuple[GivenReference, ...] = ()
    skipped: frozenset[str] = frozenset()

    def choose(self, record: FileRecord) -> tuple[dict[str, Path | None], tuple[str, ...]]:
        """Return the references of one exposure, and the kinds of which none was given.

        Returns
        -------
        chosen : dict of str to Path or None
            None when the step is left out.
        missing : tuple of str

        Raises
        ------
        ParameterError
            When two files fit equally well.
        """
        chosen: dict[str, Path | None] = {kind: None for kind in KINDS if kind in self.skipped}
        missing = []
        for kind in KINDS:
            if kind in chosen:
                continue
            fitting = [given for given in self.files if given.kind == kind and given.fits(record)]
            # A reference made for the subarray is better than a cut of a full-frame one.
            fitting = [given for given in fitting if given.subarray == record.subarray] or fitting
            if len(fitting) > 1:
                raise ParameterError(
                    f"{fitting[0].path} and {fitting[1].path} are both {kind} references that fit {record.path}: give "
                    "one of them."
                )
            if fitting:
                chosen[kind] = fitting[0].path
            else:
                missing.append(kind)
        return chosen, tuple(missing)


def read_given(folder: Path | None, named: Sequence[str]) -> GivenReferences:
    """Read the headers of the reference files that a command names.

    Parameters
    ----------
    folder : Path, optional
        Folder in which every FITS file with a known REFTYPE counts.
    named : sequence of str
        ``KIND=FILE``, or ``KIND=N/A`` to leave the step out.

    Raises
    ------
    ParameterError
        When a file cannot be read or is of another kind, or a kind is unknown or cannot be left out.
    """
    files: list[GivenReference] = []
    skipped: set[str] = set()
    for item in named:
        kind, separator, value = item.partition("=")
        if not separator or kind not in (*KINDS, "refpix"):
            raise ParameterError(
                f"--reference {item} is not understood: write KIND=FILE, or KIND=N/A to leave a step out, where KIND "
                f"is one of {', '.join(KINDS)}, or refpix=N/A."
            )
        if value == NOT_APPLICABLE:
            if kind in _NEEDED:
                raise ParameterError(
                    f"--reference {item} leaves out the {kind} reference, which the jump step and the ramp fit need: "
                    "give a file."
                )
            skipped.add(kind)
        elif kind == "refpix":
            raise ParameterError(
                f"--reference {item} names a file, and the reference-pixel step has none: write refpix=N/A to leave it "
                "out."
            )
        else:
            files.append(_read(Path(value), kind))
    if folder is not None:
        # A file given by name comes before those of a folder.
        named_kinds = {(given.kind, given.detector) for given in files}
        found = [_read(path) for path in _fits_in(folder)]
        files += [given for given in found if given and (given.kind, given.detector) not in named_kinds]
    return GivenReferences(tuple(files), frozenset(skipped))


def _fits_in(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.fits")) if folder.is_dir() else []
    if not found:
        raise ParameterError(f"The folder {folder} of reference files holds no FITS file: correct --references.")
    return found


@overload
def _read(path: Path, expected: str) -> GivenReference: ...
@overload
def _read(path: Path, expected: None = None) -> GivenReference | None: ...
def _read(path: Path, expected: str | None = None) -> GivenReference | None:
    """Return a reference file by its headers; None for one that no step needs, when none was expected."""
    from astropy.io import fits

    try:
        with fits.open(path) as hdus:
            primary = hdus[0].header
            kind = str(primary.get("REFTYPE", "")).strip().lower()
            shape: tuple[int, ...] = next((hdu.shape for hdu in hdus[1:] if hdu.name in ("SCI", "COEFFS")), ())
            values = [primary.get(key) for key in ("SUBSTRT1", "SUBSTRT2", "SUBSIZE1", "SUBSIZE2")]
    except Exception as error:  # astropy raises many types for damaged files; each means the same to the user
        raise ParameterError(
            f"The reference file {path} cannot be read as FITS ({type(error).__name__}): correct the path, or transfer "
            "it again."
        ) from error
    if expected is None and kind not in KINDS:
        return None
    if expected is not None and kind != expected:
        raise ParameterError(
            f"{path} has REFTYPE {kind.upper() or 'missing'} where {expected.upper()} was expected: give the file of "
            "this kind."
        )
    if len(shape) < 2:
        raise ParameterError(f"{path} holds no image of a {kind} reference: give the file of this kind.")
    rows, columns = shape[-2:]
    # Older full-frame references do not tell where they begin.
    xstart, ystart = (value if isinstance(value, int) else 1 for value in values[:2])
    return GivenReference(
        path.absolute(),
        kind,
        str(primary.get("DETECTOR", "")).strip().upper(),
        str(primary.get("SUBARRAY", "")).strip().upper(),
        Window(xstart, ystart, columns, rows),
    )


def crds_parameters(path: Path) -> dict[str, Any]:
    """Return what CRDS may choose reference files of an exposure by.

    Parameters
    ----------
    path : Path
        The ``_uncal`` file. Of one that lies elsewhere the primary header alone is read, by ranges: what CRDS matches
        stands there, and the pixels are needed only when the exposure is processed.
    """
    from stdatamodels.jwst import datamodels

    if not is_copy(path):
        with datamodels.open(path) as model:
            return dict(model.get_crds_parameters())
    from astropy.io import fits

    ((_, file),) = ranged_files([path])
    with fits.open(file, lazy_load_hdus=True) as hdus, temporary_folder("crds") as folder:
        # The data models open files alone.
        fits.PrimaryHDU(header=hdus[0].header).writeto(folder / path.name)
        with datamodels.open(folder / path.name) as model:
            return dict(model.get_crds_parameters())


def ask_crds(path: Path, kinds: Sequence[str]) -> tuple[dict[str, Path], str]:
    """Return the reference files that CRDS selects for an exposure, fetching those that are not in its cache.

    Parameters
    ----------
    path : Path
        The ``_uncal`` file.
    kinds : sequence of str

    Returns
    -------
    references : dict of str to Path
    context : str
        Name of the CRDS context.

    Raises
    ------
    ArchiveError
        When there is neither a server nor a cache that knows the files.
    """
    import crds

    # The error below says in one sentence what is wrong.
    logging.getLogger("CRDS").setLevel(logging.CRITICAL + 1)
    parameters = crds_parameters(path)
    try:
        found = crds.getreferences(parameters, reftypes=list(kinds), observatory="jwst")
        context = str(crds.get_context_name("jwst"))
    except (Exception, SystemExit) as error:  # the client raises its own types and OSError, and ends the process
        said = (error.__context__ if isinstance(error, SystemExit) else None) or error
        reason = " ".join(str(said).split())[:160].rstrip(".")
        raise ArchiveError(
            f"CRDS gave no {', '.join(kinds)} reference for {path.name} ({reason}): set CRDS_PATH and CRDS_SERVER_URL, "
            "or give the files with --references DIR or --reference KIND=FILE."
        ) from error
    unknown = [kind for kind in kinds if found[kind].upper().startswith(("NOT FOUND", "N/A"))]
    if unknown:
        raise ArchiveError(
            f"CRDS ({context}) has no {', '.join(unknown)} reference for {path.name}: give it with --reference "
            f"{unknown[0]}=FILE, or leave its step out with {unknown[0]}=N/A."
        )
    return {kind: Path(value) for kind, value in found.items()}, context
