"""Put the files of a delivery together: triplets to segments, segments to exposures."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from darkmask.core.display import counted

from .cards import IDENTITY, TIME_TOLERANCE
from .headers import name_root, suffix_of
from .index import Problem, ProblemKind
from .records import Exposure, FileRecord, Kind

# The advice to a user who has raw exposures and needs triplets.
HOW_TO_MAKE = "make it from the _uncal file with python -m darkmask prepare"
_TOGETHER = "deliver the files of one exposure together"


def with_common_times(records: Iterable[FileRecord]) -> list[FileRecord]:
    """Give files whose TGROUP differs in its last digits, and that are of one set otherwise, the same TGROUP.

    Returns
    -------
    list of FileRecord
        In the same order. The common time is the shortest of those within the tolerance, whatever the order is.
    """
    records = list(records)
    times: dict[tuple, set[float]] = defaultdict(set)
    for record in records:
        times[record.set_key[:-1]].add(record.tgroup)
    common: dict[tuple, float] = {}
    for rest, found in times.items():
        first = 0.0
        for time in sorted(found):
            if time - first > TIME_TOLERANCE * first:
                first = time
            common[rest, time] = first
    return [replace(record, tgroup=common[record.set_key[:-1], record.tgroup]) for record in records]


def put_together(
    records: Sequence[FileRecord], unusable: Iterable[str] = ()
) -> tuple[tuple[Exposure, ...], list[Problem]]:
    """Put the files of a delivery together.

    Parameters
    ----------
    records : sequence of FileRecord
    unusable : iterable of str
        Paths of files that are there and cannot be used; another problem says why.

    Returns
    -------
    exposures : tuple of Exposure
        The whole ones.
    problems : list of Problem
        What is wrong with these and the others.
    """
    by_exposure: dict[str, list[FileRecord]] = defaultdict(list)
    by_name: dict[str, list[FileRecord]] = defaultdict(list)
    broken: dict[str, list[str]] = defaultdict(list)
    for path in unusable:
        broken[name_root(path)].append(path)
    for record in records:
        by_exposure[record.key].append(record)
        by_name[name_root(record.path)].append(record)
    exposures: list[Exposure] = []
    problems: list[Problem] = []
    for _, files in sorted(by_exposure.items()):
        found = _exposure(files, by_name, broken, problems)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            exposures.append(found)
    return tuple(exposures), problems


def file_problem(kind: ProblemKind, records: Sequence[FileRecord], sentence: str) -> Problem:
    """Make a problem of all detectors that its files are of; of every subarray when they do not agree on one."""
    subarrays = {record.subarray for record in records}
    observations = {record.observation for record in records}
    return Problem(
        kind,
        sentence,
        records[0].path,
        tuple(sorted({record.detector for record in records})),
        subarrays.pop() if len(subarrays) == 1 else None,
        observations.pop() if len(observations) == 1 else "",
    )


def _exposure(
    files: list[FileRecord],
    by_name: dict[str, list[FileRecord]],
    broken: dict[str, list[str]],
    problems: list[Problem],
) -> Exposure | Problem:
    """Put the files of one exposure together, or return the problem that keeps it from being whole.

    What does not keep it from being whole is added to ``problems``.
    """
    first = files[0]
    for file in files:
        if file.segments != first.segments:
            here, there = (counted(record.segments, "segment") for record in (first, file))
            return file_problem(
                ProblemKind.TRIPLET,
                [first, file],
                f"{first.path} says that its exposure has {here} (EXSEGTOT) and {file.path} that it has {there}: "
                "deliver the exposure once, or correct the header that is wrong.",
            )
    by_segment: dict[int, dict[Kind, FileRecord]] = defaultdict(dict)
    for file in files:
        _choose(file, by_segment[file.segment], problems)
    segments = []
    for _, products in sorted(by_segment.items()):
        triplet = _triplet(products, by_name, broken)
        if isinstance(triplet, Problem):
            return triplet
        segments.append(triplet)
    wrong = _wrong_segments([segment.jump for segment in segments])
    if wrong:
        return file_problem(ProblemKind.TRIPLET, [s.jump for s in segments], f"{segments[0].jump.path} {wrong}.")
    return replace(segments[0], further=tuple(segments[1:]))


def _choose(file: FileRecord, products: dict[Kind, FileRecord], problems: list[Problem]) -> None:
    """Take a file as a product of its segment, unless another is that product already."""
    other = products.setdefault(file.kind, file)
    if other is file:
        return
    # A step that is run alone saves what it made beside the products, under its own name (_0_rampfitstep, _ramp).
    named = [suffix_of(Path(record.path)) is record.kind for record in (other, file)]
    if named[0] != named[1]:
        products[file.kind] = other if named[0] else file
        return
    part = f"segment {file.segment} of one exposure" if file.segments > 1 else "one exposure"
    problems.append(
        file_problem(
            ProblemKind.TRIPLET,
            [file, other],
            f"{file.path} and {other.path} are both the _{file.kind} file of {part}: if one is a copy, take it out; if "
            "not, correct the cards that tell exposures and segments apart (EXPOSURE, EXSEGNUM).",
        )
    )


def _triplet(
    files: dict[Kind, FileRecord], by_name: dict[str, list[FileRecord]], broken: dict[str, list[str]]
) -> Exposure | Problem:
    """Put a triplet together, or return the problem that keeps it from being whole."""
    some = next(iter(files.values()))
    jump, fitopt = files.get(Kind.JUMP), files.get(Kind.FITOPT)
    rate = files.get(Kind.RATEINTS) or files.get(Kind.RATE)
    if jump is None or fitopt is None or rate is None:
        partners = (
            ("_jump", jump, (Kind.JUMP,)),
            ("_fitopt", fitopt, (Kind.FITOPT,)),
            ("_rate or _rateints", rate, (Kind.RATE, Kind.RATEINTS)),
        )
        lacking = [(name, _broken_partner(some, kinds, broken)) for name, file, kinds in partners if file is None]
        missing = [name for name, there in lacking if not there]
        if not missing:
            return _spoilt(files, " and no ".join(name for name, _ in lacking), lacking[0][1])
        stranger = next((file for file in by_name[name_root(some.path)] if file.key != some.key), None)
        advice = (
            f"{stranger.path} has its name and is of another exposure by {_what_differs(some, stranger)}; correct the "
            "one that is wrong"
            if stranger
            else f"deliver it, or {HOW_TO_MAKE}"
        )
        return file_problem(
            ProblemKind.TRIPLET,
            list(files.values()),
            f"{some.path} has no {' and no '.join(missing)} partner: {advice}.",
        )
    triplet = [jump, fitopt, rate]
    wrong = _wrong_size(jump)
    if wrong:
        return file_problem(ProblemKind.GEOMETRY, triplet, f"{jump.path} {wrong}: make the file again.")
    for partner in (fitopt, rate):
        wrong = _wrong_partner(partner, jump)
        spoilt = _broken_partner(partner, (Kind.RATEINTS,), broken) if partner.kind is Kind.RATE else ""
        if wrong and spoilt:
            return _spoilt(files, "_rateints", spoilt)
        if wrong:
            return file_problem(ProblemKind.TRIPLET, triplet, f"{partner.path} {wrong}.")
    if rate.arrays["DQ"].shape != rate.shape:
        return file_problem(
            ProblemKind.GEOMETRY, triplet, f"{rate.path} has DQ of another shape than SCI: make the file again."
        )
    return Exposure(jump, fitopt, rate)


def _broken_partner(file: FileRecord, kinds: tuple[Kind, ...], broken: dict[str, list[str]]) -> str:
    """Return the path of a partner that is there and cannot be used; empty when none is."""
    return next((path for path in broken.get(name_root(file.path), ()) if suffix_of(Path(path)) in kinds), "")


def _spoilt(files: dict[Kind, FileRecord], lacking: str, unusable: str) -> Problem:
    """Return the problem of a triplet whose partner is there and cannot be used."""
    some = next(iter(files.values()))
    sentence = f"{some.path} has no usable {lacking} partner: {unusable} cannot be used, mend that file first."
    return replace(file_problem(ProblemKind.TRIPLET, list(files.values()), sentence), because=unusable)


def _what_differs(one: FileRecord, other: FileRecord) -> str:
    """Return the cards by which two files are of different exposures."""
    keywords = (*IDENTITY, "DETECTOR")
    ours, theirs = one.key.split("-"), other.key.split("-")
    if not len(ours) == len(theirs) == len(keywords):
        return f"its header, for one of the two lacks one of {', '.join(keywords)}"
    return ", ".join(f"{keyword} ({a} and {b})" for keyword, a, b in zip(keywords, ours, theirs, strict=True) if a != b)


def _wrong_partner(partner: FileRecord, jump: FileRecord) -> str:
    """Return what a file and the ramp file of its segment disagree in; empty when they agree."""
    if partner.set_key != jump.set_key:
        return (
            f"is of the set {partner.set_key} and its partner {jump.path} of {jump.set_key}, which differ in "
            f"{partner.set_key.differences(jump.set_key)}: {_TOGETHER}"
        )
    for keyword, found, expected in (
        ("DATE-OBS", partner.date_obs, jump.date_obs),
        ("NINTS", partner.nints, jump.nints),
        ("INTSTART", partner.intstart, jump.intstart),
        ("INTEND", partner.intend, jump.intend),
    ):
        if found != expected and None not in (found, expected):
            return f"has {keyword} {found} and its partner {jump.path} {expected}: {_TOGETHER}"
    nints, _, *frame = jump.shape
    expected_shape = (nints, *frame)
    shape = partner.shape if len(partner.shape) == 3 else (1, *partner.shape)
    if shape != expected_shape:
        hint = "deliver the _rateints file" if partner.kind is Kind.RATE else "make the file again"
        return f"holds {shape} (integrations, rows, columns) where its ramp {jump.path} has {expected_shape}: {hint}"
    return ""


def _wrong_size(jump: FileRecord) -> str:
    """Return what the headers and the arrays of a ramp disagree in; empty when they agree."""
    nints, ngroups, *frame = jump.shape
    expected = jump.nints
    if jump.segments > 1 and jump.intstart is not None and jump.intend is not None:
        expected = jump.intend - jump.intstart + 1
        if nints != expected:
            return (
                f"holds {nints} integrations and its INTSTART {jump.intstart} and INTEND {jump.intend} say {expected}"
            )
    if nints != expected or ngroups != jump.ngroups:
        return f"holds {nints} integrations of {ngroups} groups and its header says {jump.nints} of {jump.ngroups}"
    shapes = {name: jump.arrays[name].shape if name in jump.arrays else () for name in ("GROUPDQ", "PIXELDQ")}
    if shapes["GROUPDQ"] != jump.shape or shapes["PIXELDQ"] != tuple(frame):
        return f"has GROUPDQ {shapes['GROUPDQ']} and PIXELDQ {shapes['PIXELDQ']} beside SCI {jump.shape}"
    return ""


def _wrong_segments(jumps: Sequence[FileRecord]) -> str:
    """Return what keeps the segments of an exposure from covering each integration once; empty when nothing does."""
    first = jumps[0]
    absent = sorted(set(range(1, first.segments + 1)) - {jump.segment for jump in jumps})
    if absent:
        which = ", ".join(map(str, absent))
        return (
            f"is of an exposure of {first.segments} segments of which {which} {'is' if len(absent) == 1 else 'are'} "
            "missing: deliver all segments"
        )
    if first.segments == 1 and first.intstart not in (None, 1):
        return f"has INTSTART {first.intstart} and is the only file of its exposure: deliver all segments"
    begin = 1
    for jump in jumps:
        for what, found, expected in (
            ("is of the set", jump.set_key, first.set_key),
            ("has NINTS", jump.nints, first.nints),
            ("has the shape (groups, rows, columns)", jump.shape[1:], first.shape[1:]),
        ):
            if found != expected:
                return (
                    f"{what} {expected} and {jump.path}, another segment of the exposure, {found}: deliver segments of "
                    "one exposure together"
                )
        if jump.intstart is not None and jump.intstart != begin:
            how = "overlap" if jump.intstart < begin else "leave a gap"
            return (
                f"is of an exposure whose segments {how}: {jump.path} begins with integration {jump.intstart} "
                f"(INTSTART) where {begin} was expected; correct its header, or deliver the right segment"
            )
        begin += jump.shape[0]
    if begin - 1 != first.nints:
        return (
            f"is of an exposure whose segments hold {begin - 1} integrations where NINTS says {first.nints}: correct "
            "its header, or deliver all segments"
        )
    return ""
