"""Fill the cache of this process from the workers of a scheduler, before anybody asks for what is in it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from darkmask.build.cached import MASKS, build_cached, mask_key
from darkmask.build.request import BuildRequest
from darkmask.build.side_by_side import bytes_of_search
from darkmask.core.cache_content import find_entry, keep_content, read_content
from darkmask.core.errors import DarkmaskError
from darkmask.core.progress import progress_bar
from darkmask.validation.answers import Question, answer_key, answer_to

from .connection import Cluster
from .graph import Job, ended
from .masks import Made, files_of, job_of, require_same
from .places import Sent
from .process import settle_in


class Wanted(NamedTuple):
    """The mask of a detector, whether maps of its integrations are kept for more, and what will be asked of it."""

    request: BuildRequest
    keep: bool = False
    questions: tuple[Question, ...] = ()


class Place(NamedTuple):
    """Where what comes of a task belongs in the cache, and whose it is."""

    family: str
    key: str
    request: BuildRequest


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
    places: dict[str, Place] = {}
    made = 0
    with progress_bar("made ahead", sum(1 + len(each.questions) for each in wanted), progress) as bar:
        for job, end in ended(cluster, _jobs(cluster, wanted, places)):
            bar()
            bar.about(job.about)
            try:
                place, value = places[job.key], end.value()
                if place.family == MASKS:
                    theirs, value = value
                    require_same(place.request, place.key, theirs)
                keep_content(place.family, place.key, value)
                made += 1
            except Exception:  # told by the check that asks for it, which comes upon the same
                continue
    return made


def _jobs(cluster: Cluster, wanted: Sequence[Wanted], places: dict[str, Place]) -> Iterator[Job]:
    """Yield the tasks of everything that is not in the cache, and note where what comes of each belongs."""
    for request, keep, questions in wanted:
        try:
            key = mask_key(request)
        except DarkmaskError:
            continue
        mask = job_of(request, keep)
        entry = find_entry(MASKS, key)
        if entry is None:
            places[mask.key] = Place(MASKS, key, request)
            yield mask
        for question in questions:
            about = answer_key(key)
            if find_entry(question, about):
                continue
            job = Job(
                f"{question.value}-{about}",
                answer,
                (question, Sent.of(request), key),
                after=() if entry else (mask.key,),
                # Workers of this machine have the same cache.
                data=(key, read_content(entry)) if entry and cluster.where.address else None,
                about=f"the {question.value} of {request.detector}",
            )
            places[job.key] = Place(question.value, about, request)
            yield job


def answer(question: Question, request: Sent, key: str, mask: Made | None = None) -> dict[str, bytes]:
    """Answer a question in a worker, and return the content of the entry.

    Parameters
    ----------
    question : Question
    request : Sent
    key : str
        The key of the mask.
    mask : (str, dict of str to bytes), optional
        Its key and its content, for a worker that has not made it.

    Raises
    ------
    DeliveryError
        When the worker reads other bytes than whoever asks.
    """
    settle_in()
    if mask is not None:
        keep_content(MASKS, *mask)
    here = request.here()
    built = build_cached(here, True)
    require_same(here, key, built.folder.name)
    answer_to(question, here, built)
    entry = find_entry(question, answer_key(key))
    return read_content(entry) if entry else {}
