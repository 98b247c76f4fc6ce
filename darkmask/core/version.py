"""The version of this package, which every layer may tell."""

from importlib.metadata import PackageNotFoundError, version

# What a checkout says that nobody installed; pyproject.toml has the same for a checkout without tags.
FALLBACK = "0.2.0"


def _installed() -> str:
    try:
        return version("darkmask")
    except PackageNotFoundError:
        return FALLBACK


__version__ = _installed()
