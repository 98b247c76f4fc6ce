"""Small deliveries: the one that most tests of the harness judge, others of one detector, and copies to damage."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from darkmask.core.atomic import sha256_file
from darkmask.simulate import DemoPaths, SimulationSpec, simulate_delivery
from tests.support.few_pixels import criteria

DETECTORS = ("NRCA1", "NRCBLONG")

CRITERIA = criteria("small", detectors=DETECTORS, subarrays=[("NRCBLONG", "SUB64P")])


@dataclass(frozen=True)
class Small:
    """A delivery of two detectors in frames of 128x128, with a subarray, and what lies beside it."""

    delivery: Path
    criteria: Path

    @property
    def ground(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".ground")

    @property
    def base(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".base")

    @property
    def truth(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".truth")

    def criteria_with(self, path: Path, said: str, name: str = "strict") -> Path:
        """Write criteria that say something on top of this delivery's own."""
        path.write_text(f'schema = 1\nname = "{name}"\nextends = "{self.criteria}"\n{said}')
        return path

    def copy(self, folder: Path, name: str = "copy") -> Path:
        """Return a copy to plant faults in, made of links: a file has to be replaced and not changed."""
        return linked(self.delivery.iterdir(), folder / name)


def linked(files: Iterable[Path], target: Path) -> Path:
    """Make a folder of links to files: one that is to be changed there has to be replaced."""
    target.mkdir()
    for path in files:
        os.link(_twin(path), target / path.name)
    return target


def _twin(path: Path) -> Path:
    """Return a copy of a file, made once, that links are made of.

    A link changes the status of its file, by which a run knows that the file is the one it hashed: links of what
    another test is judging at that moment would have it read again.
    """
    twin = path.parent.with_name(f"{path.parent.name}.twins") / path.name
    status = path.stat()
    if not twin.exists() or (twin.stat().st_size, twin.stat().st_mtime_ns) != (status.st_size, status.st_mtime_ns):
        twin.parent.mkdir(exist_ok=True)
        own = twin.with_name(f"{path.name}.{os.getpid()}")
        shutil.copy2(path, own)
        own.replace(twin)
    return twin


def simulated(folder: Path, **spec) -> Path:
    """Simulate NRCA1 alone, without subarrays, in a new folder, and return that of the files."""
    paths = DemoPaths.of(folder / "darks")
    simulate_delivery(
        paths.delivery, SimulationSpec(detectors=("NRCA1",), subarrays=(), groups=8, **spec), progress=False
    )
    return paths.delivery


def digests(folder: Path) -> dict[Path, str]:
    """Return the SHA-256 of each file below a folder."""
    return {p.relative_to(folder): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}
