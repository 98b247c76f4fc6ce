"""Find bad pixels in JWST NIRCam darks, write MASK reference files and compare them.

==========================  ==================================================================
:func:`bad_pixels`          the bad pixels of one detector, also by the call of jwst_reffiles
:func:`search_delivery`     those of every detector of a delivery
:func:`scan_delivery`       what a folder of darks holds, by its headers alone
:func:`compare_masks`       two masks, flag by flag
:func:`read_mask`           a MASK file, as stored and as the pipeline decodes it
:class:`Category`           the kinds of bad pixels
:class:`SearchParameters`   every parameter of a search, with its default and source
==========================  ==================================================================

Each name is loaded when it is first asked for: importing this package costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api.comparison import compare_masks
    from .api.request import scan_delivery
    from .api.search import bad_pixels, search_delivery
    from .core.categories import Category
    from .core.version import __version__
    from .masks.file import read_mask
    from .search.parameters import SearchParameters

__all__ = [
    "Category",
    "SearchParameters",
    "__version__",
    "bad_pixels",
    "compare_masks",
    "read_mask",
    "scan_delivery",
    "search_delivery",
]

# Where each name lives (PEP 562).
_HOMES = {
    "Category": "core.categories",
    "SearchParameters": "search.parameters",
    "__version__": "core.version",
    "bad_pixels": "api.search",
    "compare_masks": "api.comparison",
    "read_mask": "masks.file",
    "scan_delivery": "api.request",
    "search_delivery": "api.search",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
