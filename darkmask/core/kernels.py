"""Compile functions without the interpreter's lock, and keep them on disk for the next process."""

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from numba import config, njit

from .cache_folder import cache_root
from .compiled import SealedCache
from .cores import usable_cores
from .errors import StorageError
from .provenance import PACKAGE, digest_of
from .threads import in_threads

Room = TypeVar("Room")
Function = TypeVar("Function", bound=Callable[..., Any])

# The kernels of this process.
_declared: list[Any] = []


def kernel(function: Function) -> Function:
    """Compile a function of arrays and numbers when it is first called.

    numba keeps compiled code by the date of the file that holds the function, and does not see a change of another file
    whose functions or constants were compiled into it. So our compiled code lies in a folder named by the digest of all
    files that hold kernels or constants of kernels, in the user's cache or below ``NUMBA_CACHE_DIR``.
    """
    dispatcher = njit(nogil=True, error_model="numpy")(function)
    with suppress(StorageError):  # there is nowhere to keep it
        folder = Path(config.CACHE_DIR or cache_root()) / "kernels" / _compiled_digest()[:16]
        # This is what enable_caching() would do with numba's own cache, which trusts every byte that it finds.
        dispatcher._cache = SealedCache(function, folder)
    _declared.append(dispatcher)
    compiled: Function = dispatcher
    return compiled


def load_compiled() -> None:
    """Load what is kept of the kernels of all modules that are imported, which the first call of each does otherwise.

    What was never compiled is left to whoever calls it: nobody knows yet for which arrays.
    """
    for dispatcher in _declared:
        if isinstance(dispatcher._cache, SealedCache):
            for signature in dispatcher._cache.signatures(dispatcher.targetctx.codegen()):
                dispatcher.compile(signature)


@cache
def _compiled_digest() -> str:
    """Return the digest of what can be compiled into a kernel: modules that hold one, or constants or tuples of one.

    Whatever else a kernel uses of another module is a kernel too. What the constants are made from counts as well.
    Compiled code knows the fields of a named tuple by their places, and numba knows the tuple by its name alone.
    """
    modules = {path for path in PACKAGE.rglob("*.py") if b"\n@kernel" in path.read_bytes()}
    unread = list(modules)
    while unread:
        path = unread.pop()
        found = set(_constants_from(path)) - modules
        modules |= found
        unread += found
    return digest_of(modules)


def _constants_from(path: Path) -> Iterator[Path]:
    """Yield the modules of ours from which the compiled code of a module takes constants or tuples.

    Their names begin with a capital.
    """
    parts = ast.parse(path.read_bytes()).body
    # A function without a decorator is never compiled, nor is a class.
    compiled = [part for part in parts if getattr(part, "decorator_list", True) and not isinstance(part, ast.ClassDef)]
    used = {node.id for part in compiled for node in ast.walk(part) if isinstance(node, ast.Name)}
    for node in parts:
        if not isinstance(node, ast.ImportFrom):
            continue
        constants = {name.asname or name.name for name in node.names if name.name.lstrip("_")[:1].isupper()}
        package = path.parents[node.level - 1] if node.level else PACKAGE.parent
        source = package.joinpath(*(node.module or "").split(".")).with_suffix(".py")
        if constants & used and source.is_relative_to(PACKAGE) and source.is_file():
            yield source


def work_in_blocks(
    work: Callable[[Room, int, int], None],
    stop: int,
    size: int,
    make_room: Callable[[], Room],
    threads: int | None = None,
) -> None:
    """Do some work on blocks of rows, in threads that each have buffers of their own.

    Parameters
    ----------
    work : callable
        Called with the buffers of a thread, the first row of a block and its number of rows. What it raises ends the
        work.
    stop : int
        Number of rows.
    size : int
        Rows of a block; the last one may have fewer.
    make_room : callable
        Makes the buffers of a thread.
    threads : int, optional
        Number of threads; by default one for each core that this process may use.
    """
    starts = range(0, stop, size)
    threads = max(1, min(threads or usable_cores(), len(starts)))
    rooms: SimpleQueue[Room] = SimpleQueue()
    for _ in range(threads):
        rooms.put(make_room())

    def on_block(start: int) -> None:
        room = rooms.get()
        try:
            work(room, start, min(size, stop - start))
        finally:
            rooms.put(room)

    in_threads(on_block, starts, threads)
