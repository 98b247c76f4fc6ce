"""The plan of a delivery: a criteria file that says which sets of darks the archive lists."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date

from darkmask.core.detectors import DETECTORS
from darkmask.core.display import counted
from darkmask.delivery.planned import PlannedSet

from .fetch.listing import ListedDark


def plan_text(program: int, darks: Sequence[ListedDark], extends: str = "nircam") -> str:
    """Return the criteria file that expects what the archive lists.

    A detector that the archive lists nothing of stays in the plan: to take it out is for the person who reads it.

    Parameters
    ----------
    program : int
        APT program.
    darks : sequence of ListedDark
        At least one.
    extends : str
        The criteria that it adds to: a name, or an absolute path.
    """
    lines = [
        f"# The darks of program {program} that the archive lists, public or not: {_counted(darks)}.",
        "# Keep this file: a delivery is judged by it. What is taken out of it is asked of nobody.",
        "schema = 1",
        f'name = "program-{program}"',
        f"extends = {_toml(extends)}",
        f'description = "The darks of program {program} as the archive lists them"',
        "",
        "[plan]",
        "subarrays = [",
        *(f'    {{ detector = "{detector}", name = "{name}" }},' for detector, name in _subarrays(darks)),
        "]",
    ]
    for planned in planned_sets(darks):
        lines += ["", "[[plan.sets]]", *(f"{name} = {_toml(value)}" for name, value in asdict(planned).items())]
    return "\n".join([*lines, ""])


def unlisted(darks: Iterable[ListedDark], detectors: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the detectors of which the archive lists no dark.

    Parameters
    ----------
    darks : iterable of ListedDark
    detectors : iterable of str
        Those that were asked for; all ten if it is empty.
    """
    listed = {dark.detector for dark in darks}
    return tuple(name for name in (tuple(detectors) or tuple(DETECTORS)) if name not in listed)


def planned_sets(darks: Iterable[ListedDark]) -> list[PlannedSet]:
    """Return the sets that raw darks are of, in order."""
    found: dict[tuple[str, str, str, str, int], list[ListedDark]] = {}
    for dark in darks:
        found.setdefault((dark.detector, dark.subarray, dark.observation, dark.readpatt, dark.groups), []).append(dark)
    return sorted(_planned(key, members) for key, members in found.items())


def _planned(key: tuple[str, str, str, str, int], members: Sequence[ListedDark]) -> PlannedSet:
    # Each segment of an exposure names the integrations of all.
    integrations = {dark.exposure: dark.integrations for dark in members}
    days = sorted(date.fromisoformat(dark.day) for dark in members)
    return PlannedSet(*key, len(integrations), sum(integrations.values()), days[0], days[-1])


def _toml(value: str | int | date) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _counted(darks: Sequence[ListedDark]) -> str:
    return counted(len({dark.exposure for dark in darks}), "exposure")


def _subarrays(darks: Iterable[ListedDark]) -> list[tuple[str, str]]:
    return sorted({(dark.detector, dark.subarray) for dark in darks if dark.subarray != "FULL"})
