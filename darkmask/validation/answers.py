"""What is asked of a detector's search besides its mask, each answer kept in the cache."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from darkmask.build.products import BuiltMask
from darkmask.build.request import BuildRequest
from darkmask.build.turned import passing
from darkmask.core.cache import cached_answer, key_of
from darkmask.core.freed import give_back
from darkmask.core.provenance import source_digest

# What the pipeline's process loads for an injection.
STEPS = ("darkmask.validation.refit_worker", "jwst.jump", "jwst.ramp_fitting")


class Question(StrEnum):
    """A measurement of a detector's darks; the value is the family of its entries in the cache."""

    FILES = "files"
    INJECTION = "injections"
    HALVES = "stability"
    RESIDUALS = "residuals"
    AGREEMENT = "agreements"
    AGREEMENT_OF_PACKAGE = "agreements-package"


def answer_to(question: Question, request: BuildRequest, built: BuiltMask) -> Any:
    """Measure a detector's darks, or take the answer from the cache when the same search was measured before.

    Parameters
    ----------
    question : Question
    request : BuildRequest
    built : BuiltMask
        The mask of the request.

    Returns
    -------
    object
        What the function of the question returns, as JSON gives it back: of full frames `completeness.summarise`,
        `halves.stability`, `residuals.left_in_exposures` or `agreement.confirmed_by_release` of this package; of all
        sets, by subarray, `darkmask.build.of_files.measure_files`.

    Raises
    ------
    DarkmaskError
        When there is too little to measure, or a file has changed.
    """

    def measure() -> object:
        try:
            return _MAKERS[question](request, built)
        finally:
            # A worker of checks measures for one detector after the other, each with maps of its own.
            give_back()

    return cached_answer(question, _depends(built.folder.name), measure)


def answer_key(mask_key: str) -> str:
    """Return the key of every answer about a mask, by the key of the mask's own entry."""
    return key_of(_depends(mask_key))


def _depends(mask_key: str) -> list[str]:
    # The mask's key stands for its files, its parameters and the code that searches.
    return [mask_key, source_digest("validation")]


# What measures is imported when it is asked for: most runs have their answers in the cache.


def _read_files(request: BuildRequest, built: BuiltMask) -> object:
    from darkmask.build.of_files import measure_files

    return {name: measure_files(request.set_request(name), built.set(name).categories) for name in built.subarrays}


def _inject(request: BuildRequest, built: BuiltMask) -> object:
    from .completeness import summarise
    from .recovery import Searched, inject_and_recover

    found = built.set("FULL")
    searched = Searched(found.categories, found.summary["thresholds"], found.lights)
    return summarise(inject_and_recover(request.set_request("FULL"), searched))


def _halve(request: BuildRequest, built: BuiltMask) -> object:
    from .halves import stability

    found = built.set("FULL")
    return stability(request.set_request("FULL"), found.lights, found.categories != 0)


def _judge_by_others(request: BuildRequest, built: BuiltMask) -> object:
    from .residuals import left_in_exposures

    found = built.set("FULL")
    flags = request.parameters.flight_flags()
    passes = passing(found.categories, found.drift, flags, found.lights)
    wandering, in_mask = found.summary["wandering_columns"], flags.unusable(found.categories)
    return left_in_exposures(request.set_request("FULL"), passes, found.lights, wandering, in_mask)


def _compare_engines(request: BuildRequest, built: BuiltMask, package: bool = False) -> object:
    from .agreement import confirmed_by_release

    found = built.set("FULL")
    wandering = found.summary["wandering_columns"]
    return confirmed_by_release(request.set_request("FULL"), found.categories, package, wandering)


_MAKERS: dict[Question, Callable[[BuildRequest, BuiltMask], object]] = {
    Question.FILES: _read_files,
    Question.INJECTION: _inject,
    Question.HALVES: _halve,
    Question.RESIDUALS: _judge_by_others,
    Question.AGREEMENT: _compare_engines,
    Question.AGREEMENT_OF_PACKAGE: lambda request, built: _compare_engines(request, built, package=True),
}
