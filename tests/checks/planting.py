"""How a fault is planted in what a run is given, and what must come of it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy.io import fits

from darkmask.core.atomic import sha256_file
from tests.support.deliveries import Small
from tests.support.earlier_results import of_other_masks

# Faults are planted in HERE; BESIDE is judged too and must not notice.
HERE, BESIDE = "NRCA1", "NRCBLONG"
BORDER = 4
Key = tuple[str, str, str]


class Workspace:
    """What a run is given, copied as far as a fault changes it.

    Parameters
    ----------
    small : Small
    good_masks : Path
        Masks that pass every check.
    folder : Path
        The folder of the copies.
    judged : Path, optional
        The report folder of a run on the good masks.
    """

    def __init__(self, small: Small, good_masks: Path, folder: Path, judged: Path | None = None):
        self._small, self._good, self._folder, self._judged = small, good_masks, folder, judged
        self.options: list[str] = []
        self.environment: dict[str, str] = {}

    @cached_property
    def delivery(self) -> Path:
        """Links to the delivery's files; a file has to be replaced (see :func:`unlinked`) and not changed."""
        return self._small.copy(self._folder, "darks")

    @property
    def truth(self) -> Path:
        """What was simulated."""
        return self._small.truth

    def _copied(self, source: Path) -> Path:
        return Path(shutil.copytree(source, self._folder / source.name))

    @cached_property
    def masks(self) -> Path:
        return self._copied(self._good)

    @cached_property
    def mask(self) -> Path:
        """The mask of the detector that faults are planted in."""
        return one(self.masks, f"*{HERE.lower()}.fits")

    @cached_property
    def base(self) -> Path:
        return self._copied(self._small.base)

    @cached_property
    def ground(self) -> Path:
        """A ground test that found what the masks hold."""
        ground = Path(shutil.copytree(self._good, self._folder / "ground"))
        for path in ground.glob("*.fits"):
            fits.setval(path, "HISTORY", value="of the ground test")
        return ground

    @cached_property
    def earlier(self) -> Path:
        """The report of an earlier run, which judged masks of the same pixels."""
        return of_other_masks(Path(shutil.copytree(self._judged, self._folder / "earlier-report")))

    def rewrite_earlier(self, chosen: Callable[[dict], bool], **changes) -> None:
        """Make the earlier run have come to something else in some checks."""
        results = json.loads((self.earlier / "results.json").read_text())
        results["verdict"] = "fail"
        for check in filter(chosen, results["checks"]):
            check |= changes
        (self.earlier / "results.json").write_text(json.dumps(results))
        manifest = json.loads((self.earlier / "manifest.json").read_text())
        manifest["report"]["results.json"] = sha256_file(self.earlier / "results.json")
        (self.earlier / "manifest.json").write_text(json.dumps(manifest))

    @cached_property
    def criteria(self) -> Path:
        """A copy of the criteria, whose last table is ``[plan]``."""
        return Path(shutil.copy(self._small.criteria, self._folder / "criteria.toml"))


@dataclass(frozen=True)
class Fault:
    """A fault, and exactly what it must make fail.

    Attributes
    ----------
    plant : callable
        Changes a Workspace.
    given : str
        What the run is given: ``delivery``, ``masks``, ``ground`` or ``previous``.
    failing : frozenset of (id, detector, subarray)
        The checks that must fail; every other check passes, or was not asked.
    said : str
        A part of the message of one of them.
    everywhere : bool
        Whether it is in what is done with any detector, so that this one alone shows it.
    """

    plant: Callable[[Workspace], None]
    given: str
    failing: frozenset[Key]
    said: str
    everywhere: bool = False

    @property
    def name(self) -> str:
        return self.plant.__name__

    @property
    def here(self) -> frozenset[Key]:
        """What fails of the detector that it is planted in."""
        return frozenset(key for key in self.failing if key[1] == HERE)

    @property
    def needs_another(self) -> bool:
        """Whether a run of this detector alone would not show it."""
        # Results of more detectors are no earlier ones of this one.
        return self.given == "previous" or not self.here or not (self.everywhere or self.here == self.failing)


class Faults(list[Fault]):
    """A list of faults that grows by decorating what plants them."""

    def __init__(self, given: str, everywhere: bool = False):
        super().__init__()
        self._given, self._everywhere = given, everywhere

    def __call__(self, *failing: str | Key, said: str):
        """Return what adds a fault to the list; ``failing`` are ids for the detector's full frame, or whole keys."""
        keys = frozenset((key, HERE, "FULL") if isinstance(key, str) else key for key in failing)

        def decorate(plant: Callable[[Workspace], None]) -> Callable[[Workspace], None]:
            self.append(Fault(plant, self._given, keys, said, self._everywhere))
            return plant

        return decorate


def one(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def unlinked(path: Path) -> Path:
    """Give a file bytes of its own, so that changing it does not change the delivery that it is linked to."""
    own = path.with_suffix(".own")
    shutil.copy(path, own)
    own.replace(path)
    return path


def edit(path: Path, **keywords) -> None:
    """Set keywords of a primary header; two underscores stand for a hyphen."""
    with fits.open(unlinked(path), mode="update") as hdus:
        for keyword, value in keywords.items():
            # The comment is empty, since a long value leaves no room for one.
            hdus[0].header[keyword.replace("__", "-")] = (value, "")


@dataclass
class OpenRamps:
    """The arrays of one exposure, to be changed in place.

    Attributes
    ----------
    sci, groupdq : numpy.ndarray, shape (nint, ngroup, y, x)
    pixeldq : numpy.ndarray, shape (y, x)
    pedestal, rate, rate_dq : numpy.ndarray, shape (nint, y, x)
    seconds : numpy.ndarray, shape (ngroup, 1)
        The time from the reset to each group, in seconds.
    """

    sci: np.ndarray
    groupdq: np.ndarray
    pixeldq: np.ndarray
    pedestal: np.ndarray
    rate: np.ndarray
    rate_dq: np.ndarray
    seconds: np.ndarray

    def add_signal(self, where: np.ndarray, dn_per_s: float, integrations: slice = slice(None)) -> None:
        """Make pixels gather charge, in the ramps and in the rates."""
        self.sci[integrations, :, where] += np.float32(dn_per_s) * self.seconds[None].astype(np.float32)
        self.rate[integrations, where] += np.float32(dn_per_s)

    def add_levels(self, where: np.ndarray | tuple, levels: np.ndarray) -> None:
        """Add levels to the reads of pixels, and to their rates those of lines through the levels.

        Parameters
        ----------
        where : numpy.ndarray or tuple
            Bool (y, x), or the two indices of an image.
        levels : numpy.ndarray, shape (nint or 1, ngroup, ...)
            DN; what follows the groups is shaped as what ``where`` chooses, or as numpy can spread over it.
        """
        chosen = where if isinstance(where, tuple) else (where,)
        self.sci[:, :, *chosen] += levels.astype(np.float32)
        self.rate[:, *chosen] += self.slopes(levels).astype(np.float32)

    def slopes(self, levels: np.ndarray) -> np.ndarray:
        """Return the rates of lines through levels (integration, group, ...), in DN/s."""
        group = np.arange(levels.shape[1]) - (levels.shape[1] - 1) / 2
        return np.einsum("ig...,g->i...", levels, group) / (group @ group) / self.seconds[0, 0]


def every_exposure(folder: Path, detector: str = HERE, observation: str = "001") -> Iterator[OpenRamps]:
    """Yield each exposure of a set, opened to be changed; it is written when the next one is asked for."""
    for jump in sorted(folder.glob(f"jw?????{observation}*_{detector.lower()}_jump.fits")):
        paths = [unlinked(Path(str(jump).replace("_jump", f"_{kind}"))) for kind in ("jump", "fitopt", "rateints")]
        with ExitStack() as stack:
            ramps, fitopt, rates = (stack.enter_context(fits.open(path, mode="update")) for path in paths)
            ngroup = ramps["SCI"].shape[1]
            yield OpenRamps(
                ramps["SCI"].data,
                ramps["GROUPDQ"].data,
                ramps["PIXELDQ"].data,
                fitopt["PEDESTAL"].data,
                rates["SCI"].data,
                rates["DQ"].data,
                ramps[0].header["TGROUP"] * np.arange(1, ngroup + 1)[:, None],
            )


def one_in(number: int, shape: tuple[int, int], step: int = 37) -> np.ndarray:
    """Return one science pixel in ``number`` of each row and column, in no line and no clump, bool (y, x)."""
    y, x = np.indices(shape)
    chosen = (x + step * y) % number == 0
    chosen[:BORDER] = chosen[-BORDER:] = chosen[:, :BORDER] = chosen[:, -BORDER:] = False
    return chosen


def first_of(where: np.ndarray, count: int) -> np.ndarray:
    """Return so many of the chosen pixels, spread over all of them."""
    y, x = np.nonzero(where)
    kept = np.zeros_like(where)
    some = np.linspace(0, y.size - 1, count).astype(int)
    kept[y[some], x[some]] = True
    return kept


def environment_with(path: Path) -> dict[str, str]:
    """Return an environment in which modules of a folder can be imported."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH", "")]))}
