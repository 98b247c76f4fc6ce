"""Read one file of a delivery by its headers alone."""

import re
import stat
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from darkmask.core import fits_layout
from darkmask.core.detectors import DETECTORS, LONG_WAVE
from darkmask.core.errors import DeliveryError
from darkmask.core.remote import stated

from .cards import Cards, CardsError, read_cards
from .made import made_by
from .records import ArrayPlace, FileRecord, Kind
from .stripes import header_value, read_in_stripes
from .telemetry import temperature_of
from .times import beginning, integration_times, lasting, numbered_twice

# Suffixes that MAST gives. They tell what a file was meant to be when its headers cannot be read; readable headers win.
_SUFFIX = re.compile(r"_(jump|fitopt|rate|rateints|uncal)\.fits$", re.IGNORECASE)
_COMPRESSED = re.compile(r"\.fits\.(gz|fz|bz2|z|xz|zip|zst|lzma)$", re.IGNORECASE)
_SEGMENT_IN_NAME = re.compile(r"-seg\d+", re.IGNORECASE)
_DETECTOR_IN_NAME = re.compile(r"nrc(?:[ab][1-5]|[ab]long)", re.IGNORECASE)
_SEARCHED = ("SCI", "GROUPDQ", "PIXELDQ", "PEDESTAL", "DQ")


class HeaderError(DeliveryError):
    """A file cannot be searched for what its header says.

    Attributes
    ----------
    detector, observation : str
        What the header says of these; empty when it does not.
    """

    def __init__(self, sentence: str, header):
        super().__init__(sentence)
        self.detector, self.observation = (
            str(header_value(header, keyword) or "").strip().upper() for keyword in ("DETECTOR", "OBSERVTN")
        )


class UnsupportedReadoutError(HeaderError):
    """A file is right, and of a readout that no search here can read."""


def suffix_of(path: Path) -> Kind | None:
    """Return the product that a file's name claims it is; None for any other file."""
    match = _SUFFIX.search(path.name)
    return Kind(match.group(1).lower()) if match else None


def detector_in_name(path: Path) -> str | None:
    """Return the NIRCam detector that a file's name claims; None when it names none."""
    match = _DETECTOR_IN_NAME.search(path.name)
    name = match.group(0).upper() if match else None
    name = LONG_WAVE.get(name, name) if name else None
    return name if name in DETECTORS else None


def is_compressed_product(path: Path) -> bool:
    """Return whether a file's name claims that it is a compressed product."""
    match = _COMPRESSED.search(path.name)
    return match is not None and suffix_of(Path(path.name[: match.start()] + ".fits")) is not None


def name_root(path: Path | str) -> str:
    """Return the part of a file's name that products of one exposure, whatever segments it has, share."""
    return _SEGMENT_IN_NAME.sub("", _SUFFIX.sub("", Path(path).name))


def read_record(path: Path, folder: Path, opened: BinaryIO | None = None) -> FileRecord | None:
    """Read the headers of a FITS file, and check that the file is as long as they say.

    Parameters
    ----------
    path : Path
    folder : Path
        The delivery's folder.
    opened : binary file, optional
        What to read the headers of a file from that lies elsewhere.

    Returns
    -------
    FileRecord or None
        None for a FITS file that is not one of a delivery's products.

    Raises
    ------
    DeliveryError
        When the file is not a FITS file, is shorter than its headers say, or lacks a keyword.
    """
    relative = path.relative_to(folder).as_posix()
    size, modified = stated(path) if opened else _status(path, relative)
    if size == 0:
        raise DeliveryError(f"{relative} is empty (0 bytes) where a FITS file was expected: transfer it again.")
    primary, arrays, int_times = _read_headers(opened or path, relative, size)
    stripes = read_in_stripes(primary)
    if stripes and (suffix_of(path) is not None or _kind(_shapes(arrays), path) is not None):
        raise UnsupportedReadoutError(
            f"{relative} was read in stripes ({stripes}), which is not supported: its rows are not those of a frame, "
            "so it is left out of the search; deliver it apart.",
            primary,
        )
    kind = _product_kind(arrays, path, relative)
    if kind is None:
        return None
    try:
        cards = read_cards(primary, required=kind is not Kind.UNCAL)
    except CardsError as error:
        raise HeaderError(f"{relative} {error}", primary) from error
    if kind is Kind.JUMP and cards.jump != "COMPLETE" and suffix_of(path) is None:
        # What a step before the jump step left beside the products looks like a ramp, and is none to search.
        return None
    record = _record(cards, kind, arrays, path, relative, size, modified)
    integrations = record.shape[0] if len(record.shape) > 2 else 1
    first = cards.intstart or 1
    if twice := numbered_twice(int_times, integrations, first):
        raise HeaderError(
            f"{relative} has integration {twice} in several rows of INT_TIMES, and nothing tells which of them is "
            "right: make the file again.",
            primary,
        )
    return replace(
        record,
        times=integration_times(primary, int_times, integrations, first),
        lasting=lasting(int_times, integrations, first),
        began=beginning(primary),
        # One file of an exposure is enough: parsing every card takes a millisecond a file.
        temperature=temperature_of(primary, record.detector) if kind is Kind.JUMP else None,
        made_by=made_by(primary),
    )


def _status(path: Path, relative: str) -> tuple[int, int]:
    """Return size and date, in ns, of a plain file."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        # Opening a pipe would wait for somebody to write into it.
        raise DeliveryError(f"{relative} is no regular file: put the file itself there.")
    return status.st_size, status.st_mtime_ns


def _read_headers(path: Path | BinaryIO, relative: str, size: int) -> tuple[Any, dict[str, ArrayPlace], Any]:
    """Return the primary header of a whole FITS file, where its extensions lie, and INT_TIMES or None."""
    from astropy.io import fits

    try:
        # The file is opened here: astropy would leave it open on failure, and unpack a compressed file of any name.
        with path.open("rb") if isinstance(path, Path) else path as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what astropy warns of is found below, and said in our words
            if file.read(len(fits_layout.SIGNATURE)) != fits_layout.SIGNATURE:
                raise DeliveryError(
                    f"{relative} is not a FITS file (it does not begin with SIMPLE): transfer it again."
                )
            file.seek(0)
            with fits.open(file, memmap=False, lazy_load_hdus=False, disable_image_compression=True) as hdus:
                primary = hdus[0].header
                # A name in small letters is the same name to whoever asks astropy or the pipeline for it.
                arrays = {hdu.name.upper(): _place(hdu.header, hdu.fileinfo()["datLoc"]) for hdu in hdus[1:]}
                damage = fits_layout.damage(hdus, file, size)
                names = [hdu.name.upper() for hdu in hdus[1:]]
                int_times = hdus["INT_TIMES"].data if "INT_TIMES" in hdus and not damage else None
    except DeliveryError:
        raise
    except Exception as error:  # astropy raises many types for damaged headers; each means the same to the user
        raise DeliveryError(
            f"{relative} has damaged FITS headers ({_first_line(error)}): transfer it again."
        ) from error
    if damage:
        raise DeliveryError(f"{relative} {damage}: it is truncated, or was changed on its way; transfer it again.")
    twice = [name for name in _SEARCHED if names.count(name) > 1]
    if twice:
        # Which one is read would depend on who reads: by name the first, in order the last.
        raise DeliveryError(
            f"{relative} has {names.count(twice[0])} extensions {twice[0]} where one was expected: make the file again."
        )
    return primary, arrays, int_times


def _product_kind(arrays: dict[str, ArrayPlace], path: Path, relative: str) -> Kind | None:
    """Return which product a file is; None for one that neither is nor claims to be one."""
    kind = _kind(_shapes(arrays), path)
    if kind is None and suffix_of(path) is not None:
        raise DeliveryError(
            f"{relative} has the extensions {', '.join(arrays) or 'none'}, which are not those of a "
            f"_{suffix_of(path)} file: it may be truncated or misnamed; transfer it again."
        )
    return kind


def _shapes(arrays: dict[str, ArrayPlace]) -> dict[str, tuple[int, ...]]:
    return {name: place.shape for name, place in arrays.items()}


def _record(
    cards: Cards, kind: Kind, arrays: dict[str, ArrayPlace], path: Path, relative: str, size: int, modified: int
) -> FileRecord:
    science = "PEDESTAL" if kind is Kind.FITOPT else "SCI"
    return FileRecord(
        path=relative,
        kind=kind,
        key=_exposure_key(cards, path),
        detector=cards.detector,
        subarray=cards.subarray,
        shape=arrays[science].shape,
        nints=cards.nints,
        ngroups=cards.ngroups,
        noutputs=cards.noutputs,
        readpatt=cards.readpatt,
        tgroup=cards.tgroup,
        exp_type=cards.exp_type,
        observation=cards.observation,
        program=cards.program,
        date_obs=cards.date_obs,
        steps=cards.steps,
        xstart=cards.xstart,
        ystart=cards.ystart,
        xsize=cards.xsize,
        ysize=cards.ysize,
        fastaxis=cards.fastaxis,
        slowaxis=cards.slowaxis,
        segments=cards.segments or 1,
        simulated=cards.simulated,
        size=size,
        modified=modified,
        arrays={name: place for name, place in arrays.items() if name in _SEARCHED},
        segment=cards.segment or 1,
        identity=cards.identity or (),
        intstart=cards.intstart,
        intend=cards.intend,
        tframe=cards.tframe,
    )


def _kind(shapes: dict, path: Path) -> Kind | None:
    """Return the kind of a file by its extensions; ``_rate`` and ``_rateints`` differ in dimensions alone."""
    science = shapes.get("SCI", ())
    if "GROUPDQ" in shapes and len(science) == 4:
        return Kind.JUMP
    if "PEDESTAL" in shapes:
        return Kind.FITOPT
    if "DQ" in shapes and len(science) == 3:
        return Kind.RATEINTS
    if "DQ" in shapes and len(science) == 2:
        return Kind.RATE
    if len(science) == 4 and suffix_of(path) is Kind.UNCAL:
        return Kind.UNCAL
    return None


def _exposure_key(cards: Cards, path: Path) -> str:
    if cards.identity:
        return "-".join([*cards.identity, cards.detector])
    # Files made outside the archive may lack the visit keywords; then the common root of their names joins partners.
    return name_root(path)


def _place(header, offset: int) -> ArrayPlace:
    """Return where and how an image extension is stored; a table has no shape."""
    axes = range(header["NAXIS"], 0, -1) if header.get("XTENSION") == "IMAGE" else ()
    return ArrayPlace(
        offset,
        tuple(header[f"NAXIS{axis}"] for axis in axes),
        header["BITPIX"],
        header.get("BZERO", 0),
        header.get("BSCALE", 1),
    )


def _first_line(error: Exception) -> str:
    return " ".join((str(error).splitlines() or [type(error).__name__])[0].split())[:160].rstrip(".")
