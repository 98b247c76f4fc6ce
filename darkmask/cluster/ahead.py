"""Fill the cache of this process from the workers of a scheduler, before anybody asks for what is in it."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from darkmask.build.cached import MASKS, build_cached, hash_inputs, mask_key
from darkmask.build.request import BuildRequest
from darkmask.core.cache import key_of
from darkmask.core.cache_content import find_entry, keep_content, read_content
from darkmask.core.digests import SHA256
from darkmask.core.errors import DarkmaskError
from darkmask.core.progress import progress_bar
from darkmask.core.remote import is_copy
from darkmask.pipeline.worker import pipeline
from darkmask.validation.answers import STEPS, Question, answer_key, answer_to

from .connection import Cluster
from .graph import Job, ended
from .made import Block, Made, make_block, require_same
from .masks import at_hand, bytes_in_a_worker, files_of, jobs_of, keep_made, shares_of
from .places import Sent
from .process import settle_in
from .told import identities, sha256_sums, take, told, without_sha256
from .wanted import Wanted

# What each question takes beside the others (processor seconds of a full frame, benchmarks/README.md), what takes
# longest first: by this they are dealt out to workers that share a detector.
_TAKES = {
    Question.AGREEMENT_OF_PACKAGE: 14.0,
    Question.RESIDUALS: 9.3,
    Question.INJECTION: 6.0,
    Question.AGREEMENT: 3.1,
    Question.HALVES: 2.5,
    Question.FILES: 1.9,
}
# Files of so many bytes are one task where their SHA-256 is taken: others wait for it a third of a second.
_SUMMED_AT_ONCE = 0.3e9


@dataclass
class _Detector:
    """What is to be made for a detector, and what came of it so far.

    Attributes
    ----------
    wanted : Wanted
    entry : Path or None
        Of the mask in the cache.
    at : list of str
        The addresses of the workers that share it; none where others have work of their own.
    early : list of (Question, Answered)
        Answers that came before their mask, which takes longer on its way than they took to be made.
    """

    wanted: Wanted
    entry: Path | None
    at: list[str] = field(default_factory=list)
    early: "list[tuple[Question, Answered]]" = field(default_factory=list)

    def keep_mask(self, made: Made) -> bool:
        self.entry = keep_made(self.wanted.request, made)
        for question, answered in self.early:
            self.keep_answer(question, answered)
        return True

    def keep_answer(self, question: Question, answered: "Answered") -> bool:
        if self.entry is None:
            self.early.append((question, answered))
            return True
        require_same(self.wanted.request, self.entry.name, answered.mask)
        keep_content(question, answer_key(answered.mask), answered.content)
        return True

    def take_sums(self, known: Any) -> bool:
        take(self.wanted.request, known, SHA256)
        return False


class Answered(NamedTuple):
    """What a worker answered: the key of the mask that it was asked about, and the content of the answer's entry."""

    mask: str
    content: dict[str, bytes]


def look_for(cluster: Cluster, wanted: Sequence[Wanted]) -> None:
    """Refuse workers that cannot make what is wanted; see :meth:`.connection.Cluster.look_at_workers`.

    Raises
    ------
    CommandError
    """
    cluster.look_at_workers(files_of([each.request for each in wanted]))
    shares = shares_of(len(wanted), len(cluster.workers))
    need = max((bytes_in_a_worker(each.request, max(shares)) for each in wanted), default=0.0)
    cluster.require_memory(need, "the search of one detector", declared=False)


def make_ahead(cluster: Cluster, wanted: Sequence[Wanted], *, progress: bool = False) -> int:
    """Make what is wanted and not yet in the cache, and put it there.

    As many workers as there are do it: where they are more than detectors, several share a mask by rows, and what is
    asked of it goes to each of them.

    Parameters
    ----------
    cluster : Cluster
    wanted : sequence of Wanted
    progress : bool
        Whether to say on standard error how far it is.

    Returns
    -------
    int
        How many masks and answers were made. What cannot be made is left out: whoever asks for it is told why.

    Raises
    ------
    ClusterError
        When the scheduler went away; what had been made by then is kept.
    """
    keepers: dict[str, Callable[[Any], bool]] = {}
    made = 0
    with progress_bar("made ahead", sum(1 + len(each.questions) for each in wanted), progress) as bar:
        for job, end in ended(cluster, _jobs(cluster, wanted, keepers)):
            keep = keepers.get(job.key)
            try:
                if keep is not None and keep(end.value()):
                    bar()
                    made += 1
            except Exception:  # told by the check that asks for it, which comes upon the same
                bar()
            bar.about(job.about)
    return made


def _jobs(cluster: Cluster, wanted: Sequence[Wanted], keepers: dict[str, Callable[[Any], bool]]) -> Iterator[Job]:
    """Yield the tasks of everything that is not in the cache, and note what is done with what comes of each."""
    detectors = _dealt_out(wanted, sorted(cluster.workers))
    masks: dict[int, str] = {}
    for i, one in enumerate(detectors):
        if one.entry is None:
            try:
                *blocks, whole = jobs_of(one.wanted.request, max(len(one.at), 1), one.wanted.keep, one.at)
            except DarkmaskError:
                continue
            masks[i], keepers[whole.key] = whole.key, one.keep_mask
        questions = _questions(cluster, one, masks.get(i))
        if one.entry is None:
            injecting = {job.workers for job, question in questions if question is Question.INJECTION}
            yield from (replace(job, function=block_and_steps) if job.workers in injecting else job for job in blocks)
            yield whole
        for job, question in questions:
            keepers[job.key] = partial(one.keep_answer, question)
            yield job
    for i, one in enumerate(detectors):
        for job in _sums(one, masks.get(i)):
            keepers[job.key] = one.take_sums
            yield job


def _dealt_out(wanted: Sequence[Wanted], workers: Sequence[str]) -> list[_Detector]:
    """Return the detectors for which something is to be made, what takes longest first, with those who share each."""
    detectors = []
    for each in wanted:
        try:
            detectors.append(_Detector(each, at_hand(each.request)))
        except DarkmaskError:  # the check that asks for it says so
            continue
    detectors.sort(key=lambda one: -one.wanted.request.input_bytes())
    busy = [one for one in detectors if one.entry is None or _unanswered(one)]
    free = iter(workers)
    for one, share in zip(busy, shares_of(len(busy), len(workers)), strict=True):
        one.at = [address for _, address in zip(range(share), free, strict=False)] if share > 1 else []
    return detectors


def _unanswered(one: _Detector) -> list[Question]:
    """Return the questions that no entry of the cache answers, what takes longest first."""
    asked = sorted(one.wanted.questions, key=lambda question: -_TAKES[question])
    return [each for each in asked if one.entry is None or not find_entry(each, answer_key(one.entry.name))]


def _questions(cluster: Cluster, one: _Detector, mask: str | None) -> list[tuple[Job, Question]]:
    """Return the tasks that answer what is asked of a detector, each for the worker that has least to do."""
    request, busy = one.wanted.request, dict.fromkeys(one.at, 0.0)
    of, data = mask or (one.entry.name if one.entry else ""), None
    # Workers of this machine have the same cache.
    if mask is None and one.entry is not None and cluster.where.address and _unanswered(one):
        data = _made_here(request, one.entry)
    jobs = []
    for question in _unanswered(one):
        least = min(busy, key=lambda address: busy[address], default=None)
        if least is not None:
            busy[least] += _TAKES[question]
        job = Job(
            f"{question.value}-{answer_key(of)}",
            answer,
            (question, Sent.of(request)),
            after=() if mask is None else (mask,),
            data=data,
            workers=() if least is None else (least,),
            priority=_TAKES[question],
            about=f"the {question.value} of {request.detector}",
        )
        jobs.append((job, question))
    return jobs


def _made_here(request: BuildRequest, entry: Path) -> Made:
    content = read_content(entry)
    before = identities(request)
    # Of what is remembered nothing is read.
    return Made(entry.name, content, told(request, hash_inputs(request), before))


def _sums(one: _Detector, mask: str | None) -> Iterator[Job]:
    """Yield the tasks that take the SHA-256 of what a mask is made from."""
    request = one.wanted.request
    sizes, some = without_sha256(request), list[str]()
    # Who shares a mask has ramps to read before that; and of what lies elsewhere one worker has copies.
    after = (mask,) if mask is not None and (one.at or is_copy(request.index.folder)) else ()
    at = itertools.cycle(one.at or [""])
    for i, name in enumerate(sizes):
        some.append(name)
        if i == len(sizes) - 1 or sum(sizes[one] for one in some) >= _SUMMED_AT_ONCE:
            named = key_of([list(map(str, files_of([request]))), some])
            yield Job(
                f"sha256-{named}",
                sha256_sums,
                (Sent.of(request), tuple(some)),
                after=after,
                workers=tuple(filter(None, [next(at)])),
                priority=-1.0,
                about="the SHA-256 of files",
            )
            some = []


def block_and_steps(*arguments: Any) -> Block:
    """Do a worker's share of a mask, and let its pipeline's process load what an injection takes meanwhile."""
    block = make_block(*arguments)
    pipeline().load(*STEPS)
    return block


def answer(question: Question, request: Sent, mask: Made | None = None) -> Answered:
    """Answer a question in a worker, and return the content of the entry.

    Parameters
    ----------
    question : Question
    request : Sent
    mask : Made, optional
        The mask that it is asked of, for a worker that has not made it.

    Raises
    ------
    DeliveryError
        When the worker reads other bytes than whoever made the mask.
    """
    settle_in()
    here = request.here()
    if mask is not None:
        take(here, mask.known)
        # Before anything is searched: the mask of other bytes would be made here.
        require_same(here, mask.key, mask_key(here))
        keep_content(MASKS, mask.key, mask.content)
    built = build_cached(here, True)
    answer_to(question, here, built)
    entry = find_entry(question, answer_key(built.folder.name))
    return Answered(built.folder.name, read_content(entry) if entry else {})
