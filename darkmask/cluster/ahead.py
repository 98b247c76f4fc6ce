"""Fill the cache of this process from the workers of a scheduler, before anybody asks for what is in it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from darkmask.build.cached import MASKS, mask_key
from darkmask.build.request import BuildRequest
from darkmask.build.side_by_side import bytes_of_search
from darkmask.core.cache_content import find_entry, keep_content, read_content
from darkmask.core.errors import DarkmaskError
from darkmask.core.progress import progress_bar
from darkmask.validation.answers import Question, answer_key, answer_to

from .connection import Cluster
from .graph import Job, ended
from .masks import files_of, job_of, made_here


class Wanted(NamedTuple):
    """The mask of a detector, whether maps of its integrations are kept for more, and what will be asked of it."""

    request: BuildRequest
    keep: bool = False
    questions: tuple[Question, ...] = ()


def look_for(cluster: Cluster, wanted: Sequence[Wanted]) -> None:
    """Refuse workers that cannot make what is wanted; see :meth:`.connection.Cluster.look_at_workers`.

    Raises
    ------
    CommandError
    """
    cluster.look_at_workers(files_of([each.request for each in wanted]))
    need = max((bytes_of_search(each.request) for each in wanted), default=0.0)
    cluster.require_memory(need, "the search of one detector", declared=False)


def make_ahead(cluster: Cluster, wanted: Sequence[Wanted], *, progress: bool = False) -> int:
    """Make what is wanted and not yet in the cache, and put it there.

    Parameters
    ----------
    cluster : Cluster
    wanted : sequence of Wanted
    progress : bool
        Whether to say on standard error how far it is.

    Returns
    -------
    int
        How much was made. What cannot be made is left out: whoever asks for it is told why.

    Raises
    ------
    ClusterError
        When the scheduler went away; what had been made by then is kept.
    """
    places: dict[str, tuple[str, str]] = {}
    made = 0
    with progress_bar("made ahead", sum(1 + len(each.questions) for each in wanted), progress) as bar:
        for job, end in ended(cluster, _jobs(cluster, wanted, places)):
            bar()
            bar.about(job.about)
            try:
                keep_content(*places[job.key], end.value())
                made += 1
            except Exception:  # told by the check that asks for it, which comes upon the same
                continue
    return made


def _jobs(cluster: Cluster, wanted: Sequence[Wanted], places: dict[str, tuple[str, str]]) -> Iterator[Job]:
    """Yield the tasks of everything that is not in the cache, and note where what comes of each belongs."""
    for request, keep, questions in wanted:
        try:
            key = mask_key(request)
        except DarkmaskError:
            continue
        mask = job_of(request, keep, key)
        entry = find_entry(MASKS, key)
        if entry is None:
            places[mask.key] = MASKS, key
            yield mask
        for question in questions:
            about = answer_key(key)
            if find_entry(question, about):
                continue
            job = Job(
                f"{question.value}-{about}",
                answer,
                (question, request, key),
                after=() if entry else (mask.key,),
                # Workers of this machine have the same cache.
                data=read_content(entry) if entry and cluster.where.address else None,
                about=f"the {question.value} of {request.detector}",
            )
            places[job.key] = question.value, about
            yield job


def answer(
    question: Question, request: BuildRequest, key: str, mask: dict[str, bytes] | None = None
) -> dict[str, bytes]:
    """Answer a question in a worker, and return the content of the entry.

    Parameters
    ----------
    question : Question
    request : BuildRequest
    key : str
        The key of the mask.
    mask : dict of str to bytes, optional
        Its content, for a worker that has not made it.
    """
    if mask is not None:
        keep_content(MASKS, key, mask)
    built = made_here(request, True, key)
    answer_to(question, request, built)
    entry = find_entry(question, answer_key(key))
    return read_content(entry) if entry else {}
