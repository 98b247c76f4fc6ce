"""Read the same rows of many planes of a cube, with one call and without the interpreter's lock."""

import numpy as np
from numba import types
from numba.extending import intrinsic

from darkmask.core.kernels import kernel

# pread(2) of the C library: ssize_t pread(int, void *, size_t, off_t).
_pread = types.ExternalFunction("pread", types.intp(types.intc, types.uintp, types.uintp, types.int64))


@kernel
def read_piece(descriptor, offset, out):
    """Fill an array, in C order, with the bytes from ``offset`` in a file on; return False when that fails."""
    length = out.size * out.itemsize
    done = 0
    while done < length:
        got = _pread(np.int32(descriptor), out.ctypes.data + np.uint64(done), np.uint64(length - done), offset + done)
        if got <= 0:
            return False
        done += got
    return True


@kernel
def read_rows(descriptor, offset, pixels, start, count, out):
    """Read some rows of consecutive planes as they lie in a file.

    This uses plain reads and not a map. A page that is used once costs more to map than to copy, and a file that
    somebody shortens meanwhile gives an error, where a map would end the process.

    Parameters
    ----------
    descriptor : int
        Descriptor of an open file.
    offset : int
        Bytes before the first plane.
    pixels : int
        Pixels in a plane.
    start, count : int
        First row, and number of rows.
    out : array, shape (planes, at least count, x), C order
        The first ``count`` rows of each plane are set.

    Returns
    -------
    bool
        False when the file ended too early or could not be read.
    """
    width = out.shape[2]
    for k in range(out.shape[0]):
        where = offset + (k * pixels + start * width) * out.itemsize
        if not read_piece(descriptor, where, out[k, :count]):
            return False
    return True


@intrinsic
def _as_float32(typing_context, bits):  # noqa: ARG001
    """Return the float32 that has these bits, without a detour through memory."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        from llvmlite import ir

        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), generate


@kernel
def native_float32(v):
    """Return a big-endian float32 that was read as a little-endian integer."""
    return _as_float32(
        np.uint32(
            (v >> np.uint32(24))
            | ((v >> np.uint32(8)) & np.uint32(0xFF00))
            | ((v & np.uint32(0xFF00)) << np.uint32(8))
            | (v << np.uint32(24))
        )
    )
