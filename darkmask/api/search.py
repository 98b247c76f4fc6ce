"""Find the bad pixels of one detector, or of every detector of a delivery."""

import inspect
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from darkmask.core.display import counted, html_table, one_line
from darkmask.core.errors import DarkmaskError, DarkmaskWarning, DeliveryError, ParameterError
from darkmask.core.naming import ByName, unknown
from darkmask.delivery import DeliveryIndex, Problem
from darkmask.search.parameters import SearchParameters

from .keywords import KEYWORDS, Call, Keywords, read_call
from .progress import progress_bar
from .request import build_request, choose_detector, index_of, scan_delivery
from .result import BadPixels, Products

_SEARCHES, _ENGINES = ("flight", "official"), ("native", "jwst_reffiles")
_OWN = ("detector", "search", "engine", "base", "manual_flags", "parameters", "progress")


def bad_pixels(
    folder: str | os.PathLike[str] | None = None,
    *,
    detector: str | None = None,
    search: str = "flight",
    engine: str = "native",
    base: str | os.PathLike[str] | None = None,
    manual_flags: str | os.PathLike[str] | None = None,
    parameters: SearchParameters | None = None,
    progress: bool | None = None,
    **keywords: Unpack[Keywords],
) -> BadPixels:
    """Find the bad pixels of one detector.

    ``bad_pixels("darks/", detector="NRCA1", hot_rate=0.3)``, or the call of ``bad_pixels()`` of jwst_reffiles 1.0.1
    with its own keywords. The answer is kept in the user's cache: the same question on the same files is answered
    without another search.

    Parameters
    ----------
    folder : str or path, optional
        Holds the darks, with its subfolders; it may be an address (``https://``, ``s3://``). Without it, name the
        files: ``dark_jump_files``, ``dark_fitopt_files`` and ``dark_slope_files``; those of which one is not given are
        looked for beside the others. Where a ``_rate`` file has a ``_rateints`` beside it, that is taken: of a mean
        nobody can tell what comes and goes.
    detector : str, optional
        May be left out when all darks are of one detector.
    search : {"flight", "official"}
        ``flight``, the default, goes by ``hot_rate`` and the other thresholds of :class:`darkmask.SearchParameters`.
        ``official`` gives what jwst_reffiles 1.0.1 gives, pixel by pixel, and goes by that package's thresholds.
    engine : {"native", "jwst_reffiles"}
        Our search, or the package itself.
    base : str or path, optional
        The mask in force, or a folder of masks: what darks cannot see is taken from it.
    manual_flags : str or path, optional
        A table of pixels flagged by hand, see :mod:`darkmask.masks.manual_flags`.
    parameters : SearchParameters, optional
        Thresholds for several calls; keywords given here go before them.
    progress : bool, optional
        Show a bar; by default where somebody watches.
    **keywords
        Every keyword of jwst_reffiles and of the flight search, see :class:`darkmask.api.keywords.Keywords`. One that
        has no effect warns once (DarkmaskWarning) and says why. ``output_file`` writes the mask.

    Returns
    -------
    BadPixels

    Raises
    ------
    ParameterError
        When a keyword or its value cannot be used.
    DarkmaskError
        When darks, masks or the cache cannot be used; one sentence says what was found and what to do.
    """
    search, engine = _checked(search, engine)
    call = read_call(keywords, search, _OWN, parameters)
    index = index_of(folder, call.darks)
    name = choose_detector(index, detector)
    _warn([*_not_yet_told(call.idle), *_left_out([p for p in index.problems if p.concerns(name)])])
    with progress_bar(1, progress) as begin:
        begin(name)
        return _search(index, name, call, engine, search, base, manual_flags)


class SearchedDelivery(ByName[BadPixels]):
    """The bad pixels of every detector of a delivery, by its name in whatever capitals.

    Attributes
    ----------
    index : DeliveryIndex
    problems : dict of str to str
        Detectors that could not be searched, and why.
    """

    def __init__(self, index: DeliveryIndex, found: Mapping[str, BadPixels], problems: Mapping[str, str]):
        super().__init__("detector in this delivery", found)
        self.index, self.problems = index, dict(problems)

    def __repr__(self) -> str:
        failed = f"{counted(len(self.problems), 'detector')} not searched" if self.problems else ""
        return one_line("SearchedDelivery", f"{' '.join(self)}", failed, self.index.place)

    def _repr_html_(self) -> str:
        header = ("detector", *next(iter(self.values())).counts) if self else ("detector",)
        rows = [(name, *found.counts.values()) for name, found in self.items()]
        shown = html_table(f"Bad pixels of {self.index.place}", header, rows)
        return shown + html_table("Not searched", ("detector", "why"), self.problems.items()) * bool(self.problems)


def search_delivery(
    folder: str | os.PathLike[str],
    *,
    detectors: Iterable[str] | None = None,
    search: str = "flight",
    engine: str = "native",
    base: str | os.PathLike[str] | None = None,
    manual_flags: str | os.PathLike[str] | None = None,
    parameters: SearchParameters | None = None,
    progress: bool | None = None,
    **keywords: Unpack[Keywords],
) -> SearchedDelivery:
    """Find the bad pixels of every detector of a delivery, all at once, before it returns.

    Parameters
    ----------
    folder : str or path
    detectors : iterable of str, optional
        All that the delivery holds by default: then one that cannot be searched is left out with a warning.
    search, engine, base, manual_flags, parameters, progress, **keywords
        See :func:`bad_pixels`; ``base`` is a folder of masks. Those that name files are for one detector.

    Returns
    -------
    SearchedDelivery
        A mapping from detector to :class:`.result.BadPixels`. Images are read when they are first asked for.

    Raises
    ------
    ParameterError
        When a keyword or its value cannot be used.
    DarkmaskError
        When a detector that is named, or none at all, can be searched.
    """
    search, engine = _checked(search, engine)
    call = read_call(keywords, search, ("detectors", *_OWN[1:]), parameters)
    for name, given in (*call.darks.items(), ("output_file", call.output_file)):
        if given:
            raise ParameterError(f"{name} is for one detector: give it to bad_pixels().")
    index = scan_delivery(folder)
    named = [detectors] if isinstance(detectors, str) else detectors
    chosen = [choose_detector(index, name) for name in named] if named is not None else index.detectors
    _warn([*_not_yet_told(call.idle), *_left_out(index.problems)])
    found, problems = {}, {}
    with progress_bar(len(chosen), progress) as begin:
        for name in chosen:
            begin(name)
            try:
                found[name] = _search(index, name, call, engine, search, base, manual_flags)
            except DarkmaskError as error:
                if named is not None:
                    raise
                problems[name] = str(error)
    if not found:
        raise DeliveryError(next(iter(problems.values()), f"{index.place}: no detector was named to be searched."))
    _warn([f"{name} was not searched: {sentence}" for name, sentence in problems.items()])
    return SearchedDelivery(index, found, problems)


def _search(
    index: DeliveryIndex,
    name: str,
    call: Call,
    engine: str,
    search: str,
    base: str | os.PathLike[str] | None,
    manual_flags: str | os.PathLike[str] | None,
) -> BadPixels:
    index.require_reached(name)
    request = build_request(index, name, call, engine=engine, search=search, base=base, manual_flags=manual_flags)
    found = BadPixels(Products(request), "FULL")
    if call.output_file is not None:
        found.write_mask(call.output_file)
    return found


def _checked(search: str, engine: str) -> tuple[str, str]:
    for what, name, known in (("search", search, _SEARCHES), ("engine", engine, _ENGINES)):
        if name not in known:
            raise ParameterError(unknown(what, name, known))
    # The package has only its own way, which is what official reproduces.
    return (search if engine == "native" else "official"), engine


# What was said of keywords in this process. Python's own memory of warnings is lost whenever astropy sets one aside.
_TOLD: set[str] = set()


def _not_yet_told(sentences: Iterable[str]) -> list[str]:
    """Return what was not said before: a loop over ten detectors tells once what has no effect."""
    new = [sentence for sentence in sentences if sentence not in _TOLD]
    _TOLD.update(new)
    return new


def _left_out(problems: Sequence[Problem]) -> list[str]:
    """Return one sentence for all that a search leaves out of a delivery."""
    if not problems:
        return []
    more = f" The problems of scan_delivery() name {len(problems) - 1} more." if len(problems) > 1 else ""
    return [f"left out: {problems[0].sentence}{more}"]


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        warnings.warn(sentence, DarkmaskWarning, stacklevel=3)


def _with_keywords(function: Any) -> None:
    """Name every keyword in a function's signature, which a notebook completes names from."""
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    defaults = {name: field.default for name, field in SearchParameters.model_fields.items()}
    more = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(name)) for name in KEYWORDS]
    function.__signature__ = signature.replace(parameters=[*own, *more])


_with_keywords(bad_pixels)
_with_keywords(search_delivery)
