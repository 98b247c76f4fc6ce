"""Give memory that was freed back to the system."""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Give what was freed back to the system, where the C library can; it keeps some of it for itself otherwise.

    After hundreds of images that lived for a moment, in threads, that is some hundred MB.
    """
    # Of the C libraries, glibc has this.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
