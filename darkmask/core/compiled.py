"""Keep compiled kernels on disk, and use them only when they are the bytes that were written.

numba loads whatever lies in its cache. A file that was cut ends the run, and a file with a changed byte is machine code
that nobody compiled. So the SHA-256 of each file is kept beside it.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator

from .atomic import sha256_file, write_text


class SealedCache(FunctionCache):
    """numba's cache of one function, with sealed files.

    Code that cannot be kept, for example on a full disk, is used all the same; damaged code is compiled again.

    Parameters
    ----------
    function : callable
        Of a module.
    folder : Path
        Stands for all sources that are compiled into the function: numba would name the code by the folder of its
        source, and compile what another checkout or an installed package has compiled already.
    """

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._impl_class = partial(_PlacedCode, folder)
        super().__init__(function)
        self._cache_file = _SealedFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def save_overload(self, sig: object, data: object) -> None:
        """Keep compiled code if there is room."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)

    def signatures(self, codegen: Any) -> list[Any]:
        """Return the types of arguments for which code is kept; of other machines in the same folder it is none.

        Parameters
        ----------
        codegen : numba.core.codegen.Codegen
            What compiles for this machine.
        """
        index = self._cache_file._load_index()
        return [key[0] for key in index if key == self._index_key(key[0], codegen)]


class _PlacedCode(CompileResultCacheImpl):
    def __init__(self, folder: Path, function: Callable[..., Any]) -> None:
        self._locator_classes = [_Placed(folder / function.__module__.rpartition(".")[0], function)]
        super().__init__(function)


class _Placed(_CacheLocator):
    """Tells numba where the code of a function lies."""

    def __init__(self, folder: Path, function: Callable[..., Any]) -> None:
        self._folder = folder
        self._py_file, self._line = function.__code__.co_filename, function.__code__.co_firstlineno

    def from_function(self, *_: object) -> "_Placed":
        return self

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._folder.parent.name

    def get_disambiguator(self) -> str:
        return str(self._line)


class _SealedFiles(IndexDataCacheFile):
    def _load_index(self) -> dict[Any, Any]:
        index: dict[Any, Any] = super()._load_index() if _is_sealed(self._index_path) else {}
        return index

    def _load_data(self, name: str) -> Any:
        if not _is_sealed(self._data_path(name)):
            raise FileNotFoundError(name)  # load() takes this for a file that somebody removed
        return super()._load_data(name)

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[BinaryIO]:
        with super()._open_for_write(filepath) as file:
            yield file
            file.flush()
            digest = sha256_file(file.name)
        write_text(_seal(filepath), digest)


def _seal(path: str) -> Path:
    return Path(f"{path}.sha256")


def _is_sealed(path: str) -> bool:
    try:
        return _seal(path).read_text(encoding="ascii") == sha256_file(path)
    except (OSError, ValueError):
        return False
