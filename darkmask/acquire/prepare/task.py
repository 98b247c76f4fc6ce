"""One raw exposure to process: what it takes, and what is done, in whatever process does it."""

import errno
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from darkmask.core.atomic import sha256_file, working_folder
from darkmask.core.detectors import Geometry
from darkmask.core.digests import SHA256, known_digest, remembered_digest
from darkmask.core.remote import held, is_copy
from darkmask.delivery.index import record_from_json
from darkmask.delivery.records import FileRecord
from darkmask.pipeline.steps import set_aside_garbage, silence_logs

from .exposures import root_of
from .record import PREFIX, Recipe, is_finished, record_path, write_record
from .steps import PrepareSettings, make_products

# Bytes for each pixel and group at the peak of the ramp fit, and bytes for the imports, measured on 2048 x 2048
# exposures with jwst 3.0.0.
BYTES_PER_SAMPLE, BYTES_FIXED = 32, 0.6e9
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class Task:
    """One exposure to process.

    Attributes
    ----------
    path : Path
        The ``_uncal`` file.
    record : FileRecord
    references : dict of str to Path or None
    recipe : Recipe
        Everything that the products depend on except the exposure itself.
    out : Path
    """

    path: Path
    record: FileRecord
    references: dict[str, Path | None]
    recipe: Recipe
    out: Path

    @property
    def samples(self) -> int:
        """Pixels times groups times integrations."""
        integrations, groups, rows, columns = self.record.shape
        return integrations * groups * rows * columns

    @property
    def memory(self) -> float:
        """Bytes that the steps take at their peak."""
        return BYTES_FIXED + BYTES_PER_SAMPLE * self.samples

    def to_json(self) -> dict[str, Any]:
        """Return plain values; :meth:`from_json` is the inverse."""
        references = {kind: str(path) if path else None for kind, path in self.references.items()}
        plain = {"path": str(self.path), "record": asdict(self.record), "references": references, "out": str(self.out)}
        return {**plain, "recipe": self.recipe.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Task":
        settings = data["recipe"]["settings"]
        settings = PrepareSettings(**{**settings, "geometry": Geometry(**settings["geometry"])})
        return cls(
            Path(data["path"]),
            record_from_json(data["record"]),
            {kind: Path(path) if path else None for kind, path in data["references"].items()},
            Recipe(**{**data["recipe"], "settings": settings}),
            Path(data["out"]),
        )


class Performed(NamedTuple):
    """What became of an exposure: the line to print, or the sentence of a failure."""

    line: str = ""
    error: str = ""


def perform(task: Task) -> str:
    """Process one exposure in a worker, unless it is already done, and return a line that says what was done."""
    root = root_of(task.path)
    recorded = record_path(task.out, root)
    # The raw file of an exposure that is finished need not come again, and one that came stays for the steps.
    needed = held(task.path) if is_copy(task.path) and known_digest(task.path, SHA256) is None else None
    digest = remembered_digest(task.path, SHA256) if is_copy(task.path) else sha256_file(task.path)
    recipe = task.recipe.for_input(task.path.name, digest)
    if is_finished(recorded, recipe, task.out):
        return f"{root}: finished before"
    needed = needed or held(task.path)
    silence_logs()
    set_aside_garbage()
    with working_folder(task.out, root, PREFIX) as temporary:
        made = make_products(
            task.path,
            task.record,
            task.references,
            task.recipe.settings,
            temporary,
            context=task.recipe.context,
        )
        outputs = {path.name: sha256_file(path) for path in made}
        if is_finished(recorded, recipe, task.out):  # by another worker, when this one was taken for dead
            return f"{root}: finished before"
        if needed is not None:
            needed.require_flushed()
        # Old and new products must never lie side by side under one record, nor form one triplet.
        recorded.unlink(missing_ok=True)
        for product in ("jump", "fitopt", "rate", "rateints"):
            (task.out / f"{root}_{product}.fits").unlink(missing_ok=True)
        for path in made:
            os.replace(path, task.out / path.name)
    del needed
    write_record(recorded, recipe, outputs)
    return f"{root}: made {', '.join(sorted(name.removeprefix(root) for name in outputs))}"


def performed(task: Task) -> Performed:
    """Process one exposure, see :func:`perform`; a failure is a sentence."""
    try:
        return Performed(perform(task))
    except Exception as error:  # every error that a step raises for bad data means the same to the user
        return failed(task, error)


def failed(task: Task, error: Exception) -> Performed:
    """Return the sentence of an error that a step raised."""
    if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
        why = f"the products of {task.record.path} cannot be written ({error.strerror})"
        return Performed(error=f"{why}: make room, and run again.")
    reason = " ".join(str(error).split())[:200].rstrip(".")
    why = f"the pipeline's steps failed on {task.record.path} ({type(error).__name__}: {reason})"
    return Performed(error=f"{why}: transfer the file again, or look at its reference files.")


def answer(job: dict[str, Any]) -> dict[str, str]:
    """Process one exposure for whoever asks the pipeline's process; see :mod:`darkmask.pipeline.server`."""
    return performed(Task.from_json(job["task"]))._asdict()
