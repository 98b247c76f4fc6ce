"""Images for a viewer that shows every pixel: the rates in a few levels, and the flags of each pixel as bits."""

import io
import struct
import zlib

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED

# Edges of the levels of a rate, in sigma about the median. One level holds nearly all pixels, because noise takes a bit
# of each for each doubling of the number of levels: with an edge at 0, a full frame took 0.74 MB and takes 0.30 MB now.
# Where the frame is brighter as a whole, more of its pixels lie beyond 2 sigma; the map of the mask shows its means.
# Above, where a few bright pixels need names, the edges double.
_IN_NOISE = (-4.0, -2.0, 2.0, 4.0)
_DOUBLINGS = 9
# Edges of the levels of a noise, in units of the usual one. A noise is known to a few per cent, so that nearly all good
# pixels lie in one level and the image takes few bytes.
_OF_USUAL = (0.5, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 32.0)
NO_RATE = 0
_PNG = b"\x89PNG\r\n\x1a\n"


def rate_levels(rate: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Sort rates into levels that a small image can hold.

    Parameters
    ----------
    rate : numpy.ndarray, shape (y, x), float32, e-/s
    good : numpy.ndarray, shape (y, x), bool
        Pixels whose median and 1.4826 times median absolute deviation set the scale.

    Returns
    -------
    levels : numpy.ndarray, shape (y, x), uint8
        `NO_RATE` when the rate is not finite, otherwise a level from 1 on.
    edges : list of float
        Rates at which level 1 ends and level 2 begins, and so on; e-/s.
    """
    finite = np.isfinite(rate)
    values = rate[finite & good].astype(np.float64)
    if not values.size:
        values = rate[finite].astype(np.float64) if finite.any() else np.zeros(1)
    centre = float(np.median(values))
    sigma = MAD_TO_SIGMA_ROUNDED * float(np.median(np.abs(values - centre))) or 1e-6
    steps = (*_IN_NOISE, *(4.0 * 2.0**power for power in range(1, _DOUBLINGS + 1)))
    edges = [centre + sigma * step for step in steps]
    return _levels(rate, finite, edges), edges


def noise_levels(noise: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Sort noises into levels that a small image can hold.

    Parameters
    ----------
    noise : numpy.ndarray, shape (y, x), float32, DN
    good : numpy.ndarray, shape (y, x), bool
        Pixels whose median sets the scale.

    Returns
    -------
    levels : numpy.ndarray, shape (y, x), uint8
        `NO_RATE` when the noise is not finite, otherwise a level from 1 on.
    edges : list of float
        Noises at which level 1 ends and level 2 begins, and so on; DN.
    """
    finite = np.isfinite(noise)
    values = noise[finite & good] if (finite & good).any() else noise[finite]
    usual = float(np.median(values)) if values.size else 1.0
    edges = [(usual or 1.0) * share for share in _OF_USUAL]
    return _levels(noise, finite, edges), edges


def _levels(values: np.ndarray, finite: np.ndarray, edges: list[float]) -> np.ndarray:
    # A comparison for each edge takes a tenth of the time of a search among them. What is at least an edge is at least
    # the next number from it on that the values can be.
    levels = finite.astype(np.uint8)
    at = np.array(edges).astype(values.dtype)
    at = np.where(at < edges, np.nextafter(at, values.dtype.type(np.inf)), at)
    with np.errstate(invalid="ignore"):
        for edge in at:
            levels += (values >= edge) & finite
    return levels


def levels_png(levels: np.ndarray) -> bytes:
    """Draw levels as a grey image of four bits a pixel; level n has the grey 255 - 17 n: brighter pixels are darker.

    This makes noise pale, so that every colour of the palette can be seen on it.

    Parameters
    ----------
    levels : numpy.ndarray, shape (y, x), uint8, 0 to 15

    Returns
    -------
    bytes
        PNG. Its first line, the top one, is row 0 of the array, which lies at the bottom of a detector.
    """
    rows, columns = levels.shape
    grey = np.zeros((rows, columns + columns % 2), np.uint8)
    grey[:, :columns] = 15 - levels
    # Each line begins with a byte that says how it is filtered: not at all.
    lines = np.zeros((rows, 1 + grey.shape[1] // 2), np.uint8)
    lines[:, 1:] = grey[:, 0::2] << 4 | grey[:, 1::2]
    # Runs of one level, and else the bytes alone: longer repetitions are those of noise, whose search takes a hundred
    # times as long and spares 6 % of a full frame's rates. Pillow filters each line, whatever strategy it is given
    # (13.0), which takes a third more.
    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    data = packer.compress(lines.tobytes()) + packer.flush()
    header = struct.pack(">2I5B", columns, rows, 4, 0, 0, 0, 0)
    return _PNG + b"".join(_chunk(*part) for part in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bits_png(low: np.ndarray, high: np.ndarray, more: np.ndarray) -> bytes:
    """Draw three bytes of flags for each pixel as the red, green and blue of an image.

    Parameters
    ----------
    low, high, more : numpy.ndarray, shape (y, x), uint8

    Returns
    -------
    bytes
        PNG without an alpha channel, which would change the values when a browser multiplies by it.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.stack([low, high, more], axis=-1), mode="RGB").save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()
