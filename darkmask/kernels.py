"""How functions are compiled: without the interpreter's lock, and kept on disk for the next process."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from numba import config, njit
from platformdirs import user_cache_dir


def kernel(function: Callable) -> Callable:
    """Compile a function of arrays and numbers when it is first called.

    numba keeps compiled code by the date of the file that the function stands in, and does not see that another one,
    whose functions or constants were compiled into it, has changed. So ours are kept in a folder that is named for all
    files with kernels. Also where ``NUMBA_CACHE_DIR`` says where to keep them, that is so, below it.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
    """
    given = config.CACHE_DIR
    try:
        # The folder is chosen when a function is declared, so that other packages' functions stay where they were.
        config.CACHE_DIR = str(Path(given or user_cache_dir("darkmask")) / "kernels" / _digest())
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = given


@cache
def _digest() -> str:
    package = Path(__file__).parent
    sources = [path.read_bytes() for path in sorted(package.rglob("*.py"))]
    return hashlib.sha256(b"".join(text for text in sources if b"@kernel" in text)).hexdigest()[:16]
