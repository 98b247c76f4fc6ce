"""Write MASK reference files through ``MaskModel``, and read them both raw and as the pipeline decodes them."""

import gzip
import io
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from darkmask.core import fits_layout
from darkmask.core.atomic import replacing
from darkmask.core.categories import Category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.display import html_table, one_line
from darkmask.core.errors import MaskError, in_one_line
from darkmask.core.flags import count_flags, pixel_flags

from .arrays import dq_array, read_dq_def

# The text of DQ_DEF for each bit that has a standard meaning.
DESCRIPTIONS = {
    "DO_NOT_USE": "Bad pixel. Do not use.",
    "HOT": "Hot pixel",
    "WARM": "Warm pixel",
    "RC": "RC pixel",
    "TELEGRAPH": "Telegraph pixel",
    "UNRELIABLE_SLOPE": "Slope variance large (noisy pixel)",
    "OTHER_BAD_PIXEL": "Low pedestal, or another kind of bad pixel",
    "REFERENCE_PIXEL": "Pixel is a reference pixel",
    "DEAD": "Dead pixel",
    "LOW_QE": "Low quantum efficiency",
    "OPEN": "Open pixel (counts move to adjacent pixels)",
    "ADJ_OPEN": "Adjacent to open pixel",
    "NON_SCIENCE": "Pixel not on science portion of detector",
}
# Four times a full frame of 64-bit integers: no mask holds more, whatever a compressed one unpacks to.
_LARGEST = 4 * 2048 * 2048 * 8
DQ_DEF_DTYPE = np.dtype([("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")])


@dataclass(frozen=True)
class MaskMeta:
    """The content of the header of a MASK file.

    Attributes
    ----------
    detector : str
    author, description : str
    pedigree : str
        ``GROUND``, ``DUMMY``, or ``INFLIGHT YYYY-MM-DD YYYY-MM-DD``.
    useafter : str
        ``YYYY-MM-DDTHH:MM:SS``.
    history : tuple of str
    subarray : str
        GENERIC by default, as in the delivered CV3 masks: CRDS then serves it for every subarray.
    date : str
        DATE of the file. The input fixes it and not the clock, so that the same input gives the same bytes.
    """

    detector: str
    author: str
    description: str
    pedigree: str
    useafter: str
    history: tuple[str, ...] = ()
    subarray: str = "GENERIC"
    date: str = "1970-01-01T00:00:00.000"


@dataclass(frozen=True)
class MaskFile:
    """A MASK file as it lies on disk and as the pipeline sees it.

    Attributes
    ----------
    path : Path
    header : dict
        Keywords of the primary header.
    raw : numpy.ndarray, shape (y, x), unsigned or signed integer
        The DQ array as stored.
    decoded : numpy.ndarray, shape (y, x), uint32
        The result of ``MaskModel`` through DQ_DEF; the raw values when the file has no DQ_DEF.
    dq_def : tuple of (int, str)
        VALUE and NAME of each row of DQ_DEF; empty when the file has none.
    has_dq_extension : bool
        False for a bare image, which is used in place of the extension.
    dq_def_bits : tuple of int
        BIT of each row of DQ_DEF; empty when the table has no such column of whole numbers.
    """

    path: Path
    header: dict
    raw: np.ndarray
    decoded: np.ndarray
    dq_def: tuple[tuple[int, str], ...]
    has_dq_extension: bool = True
    dq_def_bits: tuple[int, ...] = ()

    def __repr__(self) -> str:
        size = f"{self.raw.shape[1]}x{self.raw.shape[0]} pixels"
        return one_line("MaskFile", self.header.get("DETECTOR", ""), size, self.path)

    def _repr_html_(self) -> str:
        caption = f"Mask {self.path.name} of {self.header.get('DETECTOR', 'no detector')}"
        return html_table(caption, ("flag", "pixels"), count_flags(self.decoded).items())


def full_dq_def() -> np.ndarray:
    """Return a DQ_DEF with every bit of the pipeline at its standard value.

    Returns
    -------
    numpy.ndarray, shape (32,), with BIT, VALUE, NAME and DESCRIPTION
    """
    rows = [
        (value.bit_length() - 1, value, name, DESCRIPTIONS.get(name, name.replace("_", " ").capitalize()))
        for name, value in pixel_flags().items()
    ]
    return np.array(rows, dtype=DQ_DEF_DTYPE)


def load_model() -> None:
    """Load what :func:`write_mask` needs, so that it can be done beside other work.

    The first model of a process takes a second or two: asdf reads the manifests of all its plug-ins, as YAML.
    """
    from stdatamodels.jwst.datamodels import MaskModel

    MaskModel(dq=np.zeros((1, 1), np.uint32)).close()


def write_mask(path: Path, dq: np.ndarray, meta: MaskMeta) -> None:
    """Write a MASK reference file, whole or not at all.

    Parameters
    ----------
    path : Path
        The final name.
    dq : numpy.ndarray, shape (y, x), uint32
        Standard bit values.
    meta : MaskMeta

    Raises
    ------
    MaskError
        When ``dq`` is not a two-dimensional uint32 array, or the header does not satisfy the strict schema.
    """
    if dq.ndim != 2 or dq.dtype != np.uint32:
        raise MaskError(f"A mask needs a 2-D uint32 array, not {dq.ndim}-D {dq.dtype}, to be written as {path}.")
    from astropy.io import fits
    from stdatamodels.jwst.datamodels import MaskModel

    properties = look_up_detector(meta.detector)
    rows, columns = dq.shape
    with MaskModel(dq=dq.copy(), strict_validation=True) as model:
        model.dq_def = full_dq_def()
        model.meta.reftype = "MASK"
        model.meta.author = meta.author
        model.meta.description = meta.description
        model.meta.pedigree = meta.pedigree
        model.meta.useafter = meta.useafter
        model.meta.instrument.name = "NIRCAM"
        model.meta.instrument.detector = meta.detector
        model.meta.subarray.name = meta.subarray
        model.meta.subarray.xstart, model.meta.subarray.ystart = 1, 1
        model.meta.subarray.xsize, model.meta.subarray.ysize = columns, rows
        model.meta.subarray.fastaxis = properties.fastaxis
        model.meta.subarray.slowaxis = properties.slowaxis
        for line in meta.history:
            model.add_history_entry(line)
        with replacing(path) as temporary:
            try:
                model.save(str(temporary))
            except ValueError as error:
                first_line = str(error).splitlines()[0]
                raise MaskError(f"The mask {path} does not satisfy the MaskModel schema: {first_line}.") from error
            with fits.open(temporary, mode="update") as hdus:
                hdus[0].header["DATE"] = meta.date
                hdus[0].header["FILENAME"] = path.name


def name_mask(path: Path, name: str) -> None:
    """Say in the header of a MASK file what the file is called; everything else stays, byte for byte.

    Parameters
    ----------
    path : Path
        Where the file lies for now.
    name : str
        FILENAME.
    """
    from astropy.io import fits

    with fits.open(path, mode="update") as hdus:
        hdus[0].header["FILENAME"] = name


def read_header(path: Path) -> dict:
    """Return the primary header of a MASK file, by keyword.

    Raises
    ------
    MaskError
        When the file is not a readable FITS file.
    """
    from astropy.io import fits

    content = _content(Path(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content)) as hdus:
                return _keywords(hdus[0].header)
    except Exception as error:  # astropy raises a dozen types for damaged files
        raise MaskError(f"{path} cannot be read as FITS ({in_one_line(error)}): replace the file.") from error


def _keywords(header) -> dict:
    return {key: header[key] for key in header if key and key != "COMMENT"}


def read_mask(path: Path) -> MaskFile:
    """Read a MASK file, raw and decoded.

    Parameters
    ----------
    path : Path
        FITS, gzipped or not, of any integer type and byte order, with or without DQ_DEF.

    Raises
    ------
    MaskError
        When the file is not a readable FITS file or holds no two-dimensional integer image.
    """
    from astropy.io import fits

    content = _content(Path(path))
    try:
        with warnings.catch_warnings():
            # Real masks have headers that astropy mends with a warning; the values that matter here are checked one by
            # one.
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content), lazy_load_hdus=False) as hdus:
                damage = fits_layout.damage(hdus, io.BytesIO(content), len(content))
                if damage:
                    raise MaskError(f"{path} {damage}: it is truncated, or was changed on its way; replace the file.")
                has_dq_extension = "DQ" in [hdu.name.upper() for hdu in hdus]
                raw = dq_array(hdus, path)
                header = _keywords(hdus[0].header)
                dq_def, bits = read_dq_def(hdus, path)
    except MaskError:
        raise
    except Exception as error:  # astropy raises a dozen types for damaged files
        raise MaskError(f"{path} cannot be read as FITS ({in_one_line(error)}): replace the file.") from error
    raw = raw.astype(raw.dtype.newbyteorder("="))
    decoded = decode(raw, dq_def)
    return MaskFile(Path(path), header, raw, decoded, dq_def, has_dq_extension=has_dq_extension, dq_def_bits=bits)


def _content(path: Path) -> bytes:
    """Return a file's bytes, unpacked if it is gzipped."""
    if not path.exists():
        raise MaskError(f"{path} does not exist: give a MASK file.")
    if not path.is_file():
        # Opening a pipe would wait for somebody to write into it.
        raise MaskError(f"{path} is no regular file: put the mask itself there.")
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            content = (gzip.GzipFile(fileobj=file) if packed else file).read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise MaskError(f"{path} cannot be read ({in_one_line(error)}): replace the file.") from error
    if len(content) > _LARGEST:
        raise MaskError(f"{path} holds more than {_LARGEST >> 20} MB, which no mask does: replace the file.")
    if not content.startswith(fits_layout.SIGNATURE):
        raise MaskError(f"{path} is not a FITS file (it does not begin with SIMPLE): replace the file.")
    return content


def decode(raw: np.ndarray, dq_def) -> np.ndarray:
    """Decode a stored DQ array as the pipeline does: each row of DQ_DEF that has a known name moves its bit.

    This uses the function with which ``MaskModel`` itself decodes.

    Parameters
    ----------
    raw : numpy.ndarray, shape (y, x), integer
    dq_def : sequence of (int, str)
        VALUE and NAME; when empty, the array is used as it is.

    Returns
    -------
    numpy.ndarray, shape (y, x), uint32
    """
    from stdatamodels.dynamicdq import dynamic_mask

    raw = raw.astype(np.uint32)
    if not dq_def:
        return raw
    # MaskModel casts VALUE to 32 bits, as this does.
    rows = [(value & 0xFFFFFFFF, name) for value, name in dq_def]
    table = np.array(rows, dtype=[("VALUE", "u4"), ("NAME", "U40")])
    return dynamic_mask(SimpleNamespace(dq=raw, dq_def=table), pixel_flags())


def write_categories(path: Path, categories: np.ndarray, detector: str, subarray: str) -> None:
    """Write a category image: uint16, one bit per category, named in the header (``CAT0`` = bit 0, ...).

    Parameters
    ----------
    path : Path
    categories : numpy.ndarray, shape (y, x), uint16
    detector, subarray : str
    """
    from astropy.io import fits

    hdu = fits.ImageHDU(categories.astype(np.uint16), name="CATEGORY")
    for index, category in enumerate(Category):
        hdu.header[f"CAT{index}"] = (category.value, f"meaning of the value {category.bit}")
    primary = fits.PrimaryHDU()
    primary.header["REFTYPE"] = ("CATEGORY", "not a CRDS type: kept beside the mask")
    primary.header["DETECTOR"] = detector
    primary.header["SUBARRAY"] = subarray
    with replacing(path) as temporary:
        fits.HDUList([primary, hdu]).writeto(temporary, overwrite=True)
