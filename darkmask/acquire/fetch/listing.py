"""Ask the archive what darks a program has: not their files, but what their headers say."""

import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass

from darkmask.core.errors import ArchiveError, CommandError

from .query import NAME, archive, unreachable

# The keyword search of the archive, and the columns that are asked for: MAST's JWST Field Documentation
# (mast.stsci.edu/api/v0/_jwst_inst_keywd.html).
_SERVICE = "Mast.Jwst.Filtered.Nircam"
_COLUMNS = ("filename", "subarray", "readpatt", "ngroups", "nints", "date_obs", "isRestricted")
_DARK = "NRC_DARK"
_SEGMENT = re.compile(r"-seg\d{3}(?=_)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, order=True)
class ListedDark:
    """One raw file of a dark exposure, as the archive describes it.

    Attributes
    ----------
    name : str
        Name of the ``_uncal`` file.
    detector, subarray, readpatt : str
    observation : str
        Three digits.
    groups, integrations : int
        Of the whole exposure, whatever segments it lies in.
    day : str
        DATE-OBS, ISO 8601.
    restricted : bool
        Whether the archive gives the file only to those who proposed the program.
    """

    name: str
    detector: str
    subarray: str
    readpatt: str
    observation: str
    groups: int
    integrations: int
    day: str
    restricted: bool

    @property
    def exposure(self) -> str:
        """The name that all segments of the exposure share."""
        return _SEGMENT.sub("", self.name)


def find_darks(
    program: int, *, detectors: Collection[str] = (), observations: Collection[int] = ()
) -> tuple[ListedDark, ...]:
    """List the raw NIRCam darks of a program, public or not.

    Parameters
    ----------
    program : int
        APT program, e.g. 1062.
    detectors : collection of str
        Detectors to list; all by default.
    observations : collection of int
        Observation numbers; all by default.

    Returns
    -------
    tuple of ListedDark
        Ordered by name.

    Raises
    ------
    ArchiveError
        When the archive cannot be asked, answers with an error or in a way that is not understood.
    CommandError
        When it has no such dark.
    """
    archive()  # which says what to install where the client is missing
    from astroquery.mast import Mast

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astroquery warns of empty results, which are reported below
        try:
            rows = Mast.mast_query(_SERVICE, columns=",".join(_COLUMNS), program=[str(program)], exp_type=[_DARK])
        except Exception as error:  # requests, astroquery and json each have types of their own
            raise unreachable(error) from error
    found: dict[str, ListedDark] = {}
    for row in rows:
        name = str(_value(row, "filename"))
        match = NAME.fullmatch(name)
        if match and match["product"] == "uncal" and int(match["program"]) == program:
            found[name] = _listed(row, name, match["detector"].upper(), match["observation"])
    chosen = [
        dark
        for dark in found.values()
        if (not detectors or dark.detector in detectors) and (not observations or int(dark.observation) in observations)
    ]
    if not chosen:
        among = f" among its {len(found)} raw darks of the program" if found else ""
        raise CommandError(
            f"The archive lists no NIRCam dark of program {program} that was asked for{among}: correct --program, "
            "--detectors or --observations."
        )
    return tuple(sorted(chosen))


def _listed(row, name: str, detector: str, observation: str) -> ListedDark:
    subarray, readpatt = (str(_value(row, column)).strip().upper() for column in ("subarray", "readpatt"))
    day = _DAY.match(str(_value(row, "date_obs")).strip())
    try:
        groups, integrations = int(_value(row, "ngroups")), int(_value(row, "nints"))
    except (TypeError, ValueError):  # what is masked, or no number
        groups = integrations = 0
    if day is None or not subarray.isalnum() or not readpatt.isalnum() or min(groups, integrations) < 1:
        raise ArchiveError(
            f"The archive lists {name} without its subarray, readout pattern, groups, integrations or day: fetch the "
            "files with darkmask fetch, and go on with darkmask prepare."
        )
    restricted = str(_value(row, "isRestricted")).strip().lower() in ("1", "true", "y", "yes")
    return ListedDark(
        name,
        detector,
        subarray,
        readpatt,
        observation,
        groups,
        integrations,
        day.group(),
        restricted,
    )


def _value(row, column: str):
    try:
        return row[column]
    except KeyError as error:
        raise ArchiveError(
            f"The archive answers without the column {column}: its answers have changed; look for a newer astroquery."
        ) from error
