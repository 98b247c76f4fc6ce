"""Give memory that was freed back to the system."""

import ctypes
import gc
from contextlib import suppress


def give_back() -> None:
    """Give what was freed back to the system, where the C library can; it keeps some of it for itself otherwise.

    After hundreds of images that lived for a moment, in threads, that is some hundred MB. What holds itself is freed
    before: an error that a package met while it was imported, and kept, holds all that its callers had, such as maps.
    """
    gc.collect(1)
    # Of the C libraries, glibc has this.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
