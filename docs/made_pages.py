"""The pages of the site that nobody writes: the reference of the library, and files that lie outside of `docs/`.

They go into `docs/made/`, which git ignores, when Sphinx starts.
"""

import ast
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A file of the repository to its name among the made pages.
_OUTSIDE = {
    "README.md": "guide",
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changelog",
    "SECURITY.md": "security",
    "benchmarks/README.md": "benchmarks",
}

_FOLDER_PAGE = """\
{title}
{underline}

.. automodule:: {title}
   :{members}:

.. toctree::
   :hidden:

   {stubs}

{summary}
"""

_MODULE_PAGE = """\
{title}
{underline}

.. automodule:: {title}
   :{members}:
"""

_INDEX_PAGE = """\
The library
===========

One page for each folder of ``darkmask/``, the highest layer first: an import points down (:doc:`../../architecture`).

.. toctree::
   :maxdepth: 2

   {pages}
"""


def write_pages(folder: Path) -> None:
    """Write every page below a folder; one that already says the same is left alone, so that Sphinx skips it.

    Parameters
    ----------
    folder : Path
    """
    pages = {f"{name}.md": _moved(Path(source)) for source, name in _OUTSIDE.items()}
    rooms = _rooms()
    for package, modules in rooms.items():
        pages[f"library/{package}.rst"] = _FOLDER_PAGE.format(
            title=package,
            underline="=" * len(package),
            # What is imported from `darkmask` itself is described there; other folders only gather what they hold.
            members="members" if package == "darkmask" else "no-members",
            stubs="\n   ".join(f"modules/{name}" for name in modules),
            summary="\n".join(f"- :py:mod:`{name}`: {_first_sentence(path)}" for name, path in modules.items()),
        )
        for name, path in modules.items():
            pages[f"library/modules/{name}.rst"] = _MODULE_PAGE.format(
                title=name,
                underline="=" * len(name),
                members="no-members" if path.name == "__init__.py" else "members",
            )
    pages["library/index.rst"] = _INDEX_PAGE.format(pages="\n   ".join(rooms))
    for gone in {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} - set(pages):
        (folder / gone).unlink()
    for name, text in pages.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def _rooms() -> dict[str, dict[str, Path]]:
    """Return the package and its folders, as the contract of the layers orders them, each with the modules below it."""
    library = ROOT / "darkmask"
    with (ROOT / "pyproject.toml").open("rb") as file:
        layers = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = {"darkmask": _modules(path for path in library.glob("*.py") if not path.stem.startswith("_"))}
    for name in layers:
        if (library / name).is_dir():
            rooms[f"darkmask.{name}"] = _modules(set((library / name).rglob("*.py")) - {library / name / "__init__.py"})
    return rooms


def _modules(paths: Iterable[Path]) -> dict[str, Path]:
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): named[name] for name in sorted(named)}


def _first_sentence(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _moved(source: Path) -> str:
    """Return the text of a page, with its links as they are from `docs/made/`."""

    def link(match: re.Match) -> str:
        target, hash_, heading = match[1].partition("#")
        if not target or "://" in target:
            return match[0]
        found = (ROOT / source.parent / target).resolve().relative_to(ROOT).as_posix()
        if found in _OUTSIDE:
            found = f"{_OUTSIDE[found]}.md"
        elif found.startswith("docs/"):
            found = f"../{found.removeprefix('docs/')}"
        else:
            found = f"../../{found}"
        return f"]({found}{hash_}{heading})"

    return re.sub(r"\]\(([^)\s]+)\)", link, (ROOT / source).read_text(encoding="utf-8"))
