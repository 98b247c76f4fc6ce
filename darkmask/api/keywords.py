"""What a call may say: every keyword of jwst_reffiles 1.0.1, those of the flight search, and the mask's header."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from darkmask.core.errors import ParameterError
from darkmask.core.naming import unknown
from darkmask.search.keywords import FILE_KEYWORDS, FIXED_IN_CODE, FLAT_KEYWORDS, MASK_TABLE
from darkmask.search.parameters import SearchParameters
from darkmask.search.reffiles.flats import KEYWORDS as PASSED_ON

File = str | os.PathLike[str]
Files = File | Sequence[File]

# Where the darks of a call stand; the files of one exposure are found by their headers, in whatever order.
DARK_FILES = ("dark_slope_files", "dark_jump_files", "dark_fitopt_files")
_PEDIGREE = re.compile(r"GROUND|DUMMY|SIMULATION|INFLIGHT \d{4}-\d\d-\d\d \d{4}-\d\d-\d\d")


class Keywords(TypedDict, total=False):
    """Keywords that :func:`darkmask.bad_pixels` takes besides its own; names and defaults are those of the package.

    The thresholds of the flight search, with their units, defaults and sources, are described in
    :class:`darkmask.SearchParameters`.
    """

    # Files.
    dark_slope_files: Files | None
    dark_jump_files: Files | None
    dark_fitopt_files: Files | None
    dark_uncal_files: Files | None
    flat_slope_files: Files | None
    # The official search.
    dark_stdev_clipping_sigma: float
    dark_max_clipping_iters: int
    dark_noisy_threshold: float
    max_saturated_fraction: float
    max_jump_limit: int
    jump_ratio_threshold: float
    early_cutoff_fraction: float
    pedestal_sigma_threshold: float
    rc_fraction_threshold: float
    low_pedestal_fraction: float
    high_cr_fraction: float
    flag_values: Mapping[str, Sequence[str]]
    dark_do_not_use: Sequence[str]
    plot: bool
    # The flight search.
    hot_rate: float
    warm_rate: float
    hot_significance: float
    shape_significance: float
    shape_fraction: float
    noise_significance: float
    scatter_significance: float
    noisy_ratio: float
    unusable_noise_ratio: float
    pedestal_significance: float
    pedestal_floor: float
    rc_first_group: float
    rc_ramp_change: float
    telegraph_bic: float
    faint_significance: float
    faint_bic: float
    change_significance: float
    switch_chance: float
    trend_significance: float
    late_significance: float
    patch_pixels: int
    min_differences: int
    reference_noise: float
    reference_stuck: float
    neighbour_coupling: float
    flight_do_not_use: Sequence[str]
    telegraph_do_not_use: bool
    hot_neighbours: str
    # Flats, which jwst_reffiles searches.
    dead_search: bool
    low_qe_and_open_search: bool
    dead_search_type: str
    flat_mean_sigma_threshold: float
    flat_mean_normalization_method: str
    smoothing_box_width: float
    smoothing_type: str
    dead_sigma_threshold: float
    max_dead_norm_signal: float | None
    run_dead_flux_check: bool
    dead_flux_check_files: Files | None
    flux_check: float
    max_low_qe_norm_signal: float
    max_open_adj_norm_signal: float
    manual_flag_file: str
    flat_do_not_use: Sequence[str]
    quality_check: bool
    # The mask.
    output_file: File | None
    author: str
    description: str
    pedigree: str
    useafter: str
    history: str | Sequence[str]


KEYWORDS = tuple(Keywords.__annotations__)


@dataclass(frozen=True)
class Call:
    """What a call asks for.

    Attributes
    ----------
    parameters : SearchParameters
    darks : dict of str to tuple of Path
        By keyword (`DARK_FILES`); empty where no file is named.
    flats : tuple of Path
    header : dict of str to value
        Author, description, pedigree, useafter and history, where given.
    output_file : Path or None
    idle : tuple of str
        One sentence for each group of keywords that has no effect, and why.
    """

    parameters: SearchParameters
    darks: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    flats: tuple[Path, ...] = ()
    header: dict[str, Any] = field(default_factory=dict)
    output_file: Path | None = None
    idle: tuple[str, ...] = ()


def read_call(
    keywords: Mapping[str, Any], search: str, others: Sequence[str], parameters: SearchParameters | None = None
) -> Call:
    """Sort the keywords of a call.

    Parameters
    ----------
    keywords : mapping of str to value
    search : str
        ``flight`` or ``official``.
    others : sequence of str
        Keywords that the called function has besides, for the nearest name of a wrong one.
    parameters : SearchParameters, optional
        What holds where no keyword says otherwise.

    Returns
    -------
    Call

    Raises
    ------
    ParameterError
        When there is no such keyword, or a value cannot be used.
    """
    for name in keywords:
        if name not in KEYWORDS:
            raise ParameterError(unknown("keyword", name, (*others, *KEYWORDS)))
    # None stands for a default everywhere in the package's call.
    given = {name: _plain(value) for name, value in keywords.items() if value is not None}
    files = {name: paths_of(name, given[name]) for name in FILE_KEYWORDS if name in given}
    flats = files.get("flat_slope_files", ())
    apart = {*FILE_KEYWORDS, *MASK_TABLE, "dead_flux_check_files"}
    of_search = {name: value for name, value in given.items() if name not in apart}
    asked = parameters.model_dump(exclude_unset=True) if parameters else {}
    return Call(
        SearchParameters(**{**asked, **of_search}),
        {name: files[name] for name in DARK_FILES if name in files},
        flats,
        _header(given),
        path_of("output_file", given["output_file"]) if "output_file" in given else None,
        tuple(_idle(given, search, bool(flats))),
    )


def paths_of(name: str, value: Any) -> tuple[Path, ...]:
    """Return the paths that a keyword names: one, or a sequence of them.

    Raises
    ------
    ParameterError
        When there is none, or one is no path.
    """
    listed = [value] if isinstance(value, str | os.PathLike) else value
    if not isinstance(listed, Sequence):
        raise ParameterError(f"{name} is a {type(value).__name__}: give a path, or a list of paths.")
    if not listed:
        raise ParameterError(f"{name} is an empty list: give at least one file; a pattern of glob() may match none.")
    for path in listed:
        if not isinstance(path, str | os.PathLike):
            raise ParameterError(f"{name} holds {path!r}, which is no path: give strings or Paths.")
    return tuple(Path(path) for path in listed)


def path_of(name: str, value: Any) -> Path:
    """Return the path that a keyword names.

    Raises
    ------
    ParameterError
        When it is none.
    """
    if not isinstance(value, str | os.PathLike):
        raise ParameterError(f"{name} is a {type(value).__name__}: give a path.")
    return Path(value)


def _plain(value: Any) -> Any:
    """Return a NumPy number as a Python one, which a mask's HISTORY and a digest are made from."""
    return value.item() if isinstance(value, np.generic) else value


def _header(given: Mapping[str, Any]) -> dict[str, Any]:
    header = {name: given[name] for name in ("author", "description", "pedigree", "useafter") if name in given}
    for name, value in header.items():
        if not isinstance(value, str):
            raise ParameterError(f"{name} = {value!r} is no text: a mask's header needs one.")
    if "pedigree" in header and not _PEDIGREE.fullmatch(header["pedigree"]):
        raise ParameterError(
            f"pedigree = {header['pedigree']!r} is none of CRDS: write GROUND, DUMMY, SIMULATION, or INFLIGHT with two "
            "dates as YYYY-MM-DD."
        )
    if "useafter" in header:
        try:
            header["useafter"] = f"{datetime.fromisoformat(header['useafter']):%Y-%m-%dT%H:%M:%S}"
        except ValueError:
            raise ParameterError(
                f"useafter = {header['useafter']!r} is no date: write it as 2019-04-01T00:00:00."
            ) from None
    if "history" in given:
        history = given["history"]
        lines = history.splitlines() if isinstance(history, str) else history
        if not isinstance(lines, Sequence) or not all(isinstance(line, str) for line in lines):
            raise ParameterError(f"history = {history!r} is no text: give a string, or a list of lines.")
        header["history"] = tuple(lines)
    return header


def _idle(given: Mapping[str, Any], search: str, flats: bool) -> list[str]:
    """Return why some of the given keywords have no effect; None and False ask for nothing."""
    asked = {name: value for name, value in given.items() if value is not False}
    defaults = SearchParameters()
    groups: list[tuple[list[str], str]] = []
    if flats:
        reason = "DEAD and OPEN pixels of flats get DO_NOT_USE, and manual_flags names further pixels"
        groups.append(([name for name in FLAT_KEYWORDS if name in asked and name not in PASSED_ON], reason))
    else:
        reason = "no flats are given (flat_slope_files), and dead, low-QE and open pixels come from the mask in force"
        groups.append(([name for name in FLAT_KEYWORDS if name in asked], f"{reason} (base)"))
    groups.append(([n for n in ("dark_uncal_files",) if n in asked], "ramps are read from dark_jump_files"))
    groups.append(([n for n in ("plot",) if n in asked], "nothing is drawn before .plot() of the result is called"))
    used, unused = (set(defaults.of_search(name)) for name in _in_order(search))
    foreign = [name for name in asked if name in unused - used]
    if search == "flight":
        reason = "the flight search has thresholds and flags of its own: search='official' goes by these"
    else:
        reason = "the official search does as jwst_reffiles 1.0.1 does: search='flight' goes by these"
        fixed = [name for name, value in FIXED_IN_CODE.items() if name in asked and asked[name] != value]
        groups.append((fixed, "jwst_reffiles 1.0.1 has them fixed in its code, and the official search follows it"))
    groups.append((foreign, reason))
    return [f"{', '.join(names)}: without effect, as {reason}." for names, reason in groups if names]


def _in_order(search: str) -> tuple[str, str]:
    return ("flight", "official") if search == "flight" else ("official", "flight")
