"""The sets of exposures that a delivery was to hold, and in what it differs from them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from darkmask.core.display import counted

from .records import Exposure


@dataclass(frozen=True, order=True)
class PlannedSet:
    """Exposures of one readout that were taken in one observation.

    Attributes
    ----------
    detector, subarray : str
    observation : str
        Three digits.
    readpatt : str
    groups : int
    exposures, integrations : int
        How many of each there are in all.
    first, last : datetime.date
        DATE-OBS of the first and of the last exposure.
    """

    detector: str
    subarray: str
    observation: str
    readpatt: str
    groups: int
    exposures: int
    integrations: int
    first: date
    last: date

    def __str__(self) -> str:
        return f"observation {self.observation} {self.readpatt} {self.groups} groups"


def differences(planned: Iterable[PlannedSet], exposures: Iterable[Exposure]) -> tuple[int, list[str]]:
    """Compare what was planned of one detector and subarray with what is there.

    Parameters
    ----------
    planned : iterable of PlannedSet
    exposures : iterable of Exposure
        The whole ones of the delivery.

    Returns
    -------
    number : int
        Exposures that are missing, are there and not planned, or make up for a wrong number of integrations.
    said : list of str
        A clause for each set that differs.
    """
    there: dict[tuple, list[Exposure]] = defaultdict(list)
    for exposure in exposures:
        there[_key_of(exposure)].append(exposure)
    number, said = 0, []
    for one in sorted(planned):
        found = there.pop((one.observation, one.readpatt, one.groups), [])
        inside = [e for e in found if one.first.isoformat() <= (e.jump.date_obs or "") <= one.last.isoformat()]
        integrations = sum(exposure.integrations for exposure in inside)
        off = abs(one.exposures - len(inside)) + len(found) - len(inside)
        if off or integrations != one.integrations:
            number += max(off, 1)
            days = f"{one.first} to {one.last}" if one.first != one.last else f"{one.first}"
            said.append(
                f"{one} of {days} was to have {counted(one.exposures, 'exposure')} with "
                f"{counted(one.integrations, 'integration')} and has {len(inside)} with {integrations}"
            )
            said[-1] += f", and {len(found) - len(inside)} of other days" if len(found) > len(inside) else ""
    for (observation, readpatt, groups), found in sorted(there.items()):
        number += len(found)
        said.append(
            f"{counted(len(found), 'exposure')} of observation {observation} {readpatt} {groups} groups, not planned"
        )
    return number, said


def _key_of(exposure: Exposure) -> tuple[str, str, int]:
    return exposure.jump.observation.zfill(3), exposure.jump.readpatt, exposure.jump.ngroups
