"""Faults that are planted together, so that a run shows several.

A line of ``together.txt`` names the faults of one run; each of the others has a run of its own. No two faults of a run
fail the same check, and by itself none fails what another does, so that each is still seen to fail its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .planting import HERE, Fault, Key, Workspace

LIST = Path(__file__).with_name("together.txt")


@dataclass(frozen=True)
class Run:
    """Faults that one run is to show.

    Attributes
    ----------
    faults : tuple of Fault
        All are given the same.
    beside : bool
        Whether another detector is judged too, which must not notice.
    """

    faults: tuple[Fault, ...]
    beside: bool = True

    @property
    def name(self) -> str:
        return "+".join(fault.name for fault in self.faults)

    @property
    def needs_another(self) -> bool:
        return any(fault.needs_another for fault in self.faults)

    @property
    def failing(self) -> frozenset[Key]:
        """The checks that must fail; every other check passes, or was not asked."""
        return frozenset().union(*(fault.failing if self.beside else fault.here for fault in self.faults))

    @property
    def criteria(self) -> set[str]:
        return {identifier for identifier, _, _ in self.failing}

    def plant(self, space: Workspace) -> list[str]:
        """Plant all, and return the command line of the run."""
        for fault in self.faults:
            fault.plant(space)
        inputs = {
            "delivery": lambda: [f"--delivery={space.delivery}", f"--base={space.base}"],
            "masks": lambda: [f"--masks={space.masks}", f"--base={space.base}"],
            "ground": lambda: [f"--masks={space.masks}", f"--ground={space.ground}"],
            "previous": lambda: [f"--masks={space.masks}", f"--previous={space.earlier / 'results.json'}"],
        }[self.faults[0].given]()
        judged = [] if self.beside else [f"--detectors={HERE}"]
        return [*inputs, f"--criteria={space.criteria}", *space.options, *judged]


def groups() -> list[list[str]]:
    """Return the names of the faults that are planted together."""
    lines = (line.partition("#")[0].split() for line in LIST.read_text().splitlines())
    return [names for names in lines if names]


def runs_of(faults: Iterable[Fault]) -> list[Run]:
    """Return the runs that show all faults, by the first fault of each."""
    by_name = {fault.name: fault for fault in faults}
    together = {name: names for names in groups() for name in names}
    runs = {}
    for name in by_name:
        names = together.get(name, [name])
        runs.setdefault(names[0], Run(tuple(by_name[one] for one in names)))
    return list(runs.values())


def covering(runs: Iterable[Run]) -> set[str]:
    """Choose few runs that together fail every criterion that any of them fails.

    Parameters
    ----------
    runs : iterable of Run

    Returns
    -------
    set of str
        Names: of each step the run that fails most criteria that no chosen one fails yet.
    """
    runs = list(runs)
    left = set().union(*(run.criteria for run in runs))
    chosen = set()
    while left:
        best = max(runs, key=lambda run: len(run.criteria & left))
        chosen.add(best.name)
        left -= best.criteria
    return chosen
