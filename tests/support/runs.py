"""Runs of ``pytest checks/`` as a user would start them, and what they left."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.project import ROOT
from tests.support.warm import WarmRuns


@dataclass(frozen=True)
class Finished:
    """A child pytest run that has ended."""

    status: int
    output: str
    reports: Path

    @property
    def folder(self) -> Path:
        """The one report folder that it wrote."""
        (folder,) = (path for path in self.reports.iterdir() if path.is_dir())
        return folder

    @property
    def results(self) -> dict:
        return json.loads((self.folder / "results.json").read_text())

    @property
    def manifest(self) -> dict:
        return json.loads((self.folder / "manifest.json").read_text())

    @property
    def checks(self) -> dict[tuple[str, str, str], dict]:
        return {(c["id"], c["detector"], c["subarray"]): c for c in self.results["checks"]}

    def failed(self) -> set[tuple[str, str, str]]:
        """Return the checks that keep the verdict from being a pass."""
        return {key for key, check in self.checks.items() if check["blocking"]}


# Each worker of a test run has one: its children take turns.
WARM = WarmRuns()


# Two things take half of the time of a run of two small detectors, and change nothing that a test without pictures
# sees: the ink of figures, and a plugin of hypothesis that imports it all for its summary.
_QUICKLY = ("-p", "tests.support.unrendered", "-p", "no:hypothesispytest")


def run_into(
    reports: Path,
    *arguments: str | Path,
    expect: int | None = None,
    environment: dict | None = None,
    pictures: bool = False,
) -> Finished:
    """Run ``pytest checks/`` as a user would, in a process of its own.

    Parameters
    ----------
    reports : Path
    *arguments : str or Path
        Further arguments of the command line.
    expect : int, optional
        The exit code that it must end with.
    environment : dict, optional
        What differs in its environment.
    pictures : bool
        Whether the test looks at pictures: if not, figures are made without ink.
    """
    command = ["-c", str(ROOT / "pytest.ini"), "checks/", f"--reports={reports}"]
    command += [*(() if pictures else _QUICKLY), *map(str, arguments)]
    env = {k: v for k, v in os.environ.items() if k not in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")}
    # With a cache of its own, each test would search the same files again.
    with tempfile.NamedTemporaryFile(prefix="darkmask-said-") as said:
        status = WARM.run(command, {**env, **(environment or {})}, Path(said.name))
        output = said.read().decode("utf-8", "replace")
    if expect is not None:
        assert status == expect, output
    return Finished(status, output, reports)
