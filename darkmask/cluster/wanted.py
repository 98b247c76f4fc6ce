"""What checks may ask for of each detector, and how many workers of this machine have something to do for it."""

from collections.abc import Sequence
from typing import NamedTuple

from darkmask.build.request import BuildRequest
from darkmask.build.side_by_side import WORTH_A_PROCESS
from darkmask.core.cores import usable_cores
from darkmask.core.memory import at_once
from darkmask.validation.answers import Question

from .masks import bytes_in_a_worker
from .opening import LocalWorkers


class Wanted(NamedTuple):
    """The mask of a detector, whether maps of its integrations are kept for more, and what will be asked of it."""

    request: BuildRequest
    keep: bool = False
    questions: tuple[Question, ...] = ()


def local_workers(wanted: Sequence[Wanted], budget: float | None) -> LocalWorkers:
    """Return the workers to start on this machine, as many as cores and memory allow.

    A detector of which much is asked has work for several: the rows of its mask, and then each question.

    Parameters
    ----------
    wanted : sequence of Wanted
        At least one.
    budget : float or None
        Bytes that all together may take; None for what is free.

    Raises
    ------
    CommandError
        When one detector takes more than the budget.
    """
    what, cores = "the search of one detector", usable_cores()
    need = max(bytes_in_a_worker(each.request, 1) for each in wanted)
    number = at_once(need, min(len(wanted), cores), budget, what)
    shared = max(bytes_in_a_worker(each.request, 2) for each in wanted)
    if budget is None or shared <= budget:
        number = max(number, at_once(shared, min(sum(map(_worth, wanted)), cores), budget, what))
    return LocalWorkers(number, need)


def _worth(wanted: Wanted) -> int:
    """Return how many workers have something to do for a detector."""
    request = wanted.request
    if request.engine != "native" or request.input_bytes() < WORTH_A_PROCESS:
        return 1
    return max(len(wanted.questions), 1)
