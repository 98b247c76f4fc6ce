"""Tell how the files of a set were made: by which version and steps of the pipeline, and with which reference files.

A header names them, and nothing else may: a jump step of another threshold, a superbias or a saturation limit of
another version leave ramps that look like ramps, and limits that are right for none.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from .records import Exposure, FileRecord

# What every product of the pipeline names (jwst core schema), of the steps that a dark has. Parameters of steps have no
# keyword; they are chosen by the CRDS context.
KEYWORDS = (
    *("CAL_VER", "CRDS_CTX"),
    *("R_MASK", "R_SATURA", "R_SUPERB", "R_REFPIX", "R_LINEAR", "R_READNO", "R_GAIN"),
)
# A dark may do with these steps or without; exposures of which some had them differ in noise, scale or coupling.
_STEPS = ("S_REFPIX", "S_LINEAR", "S_IPC", "S_CLNFNS")


def made_by(primary: Any) -> dict[str, str]:
    """Return what a header says of how its file was made, by keyword; what it does not say is not there.

    Parameters
    ----------
    primary : astropy.io.fits.Header
        Of a file that is made.
    """
    said = {keyword: primary.get(keyword) for keyword in KEYWORDS}
    return {
        keyword: _name(value.strip()) for keyword, value in said.items() if isinstance(value, str) and value.strip()
    }


def _name(value: str) -> str:
    """Return the name of a reference file, which is the same one wherever it lay; anything else as it is."""
    path = PurePosixPath(value)
    return path.name if path.suffix in (".fits", ".asdf") else value


def unlike(exposures: Sequence[Exposure]) -> list[str]:
    """Return the files that were made otherwise than most files of their kind and set, a sentence each.

    Parameters
    ----------
    exposures : sequence of Exposure
        Of one detector and subarray.
    """
    return [sentence for records in _of_one_kind(exposures, "jump", "fitopt", "rate") for sentence in _unlike(records)]


def unlike_steps(exposures: Sequence[Exposure]) -> list[str]:
    """Return the files that had another step than most files of their kind and set, a sentence each."""
    sentences = []
    for records in _of_one_kind(exposures, "jump", "rate"):
        for step in _STEPS:
            done = [record.steps.get(step) == "COMPLETE" for record in records]
            most = 2 * sum(done) >= len(done)
            sentences += [
                f"{record.path} has {step} {record.steps.get(step, 'absent')}, where most files of its set "
                f"{'have' if most else 'do not have'} COMPLETE: make all of a set with the same steps."
                for record, one in zip(records, done, strict=True)
                if one != most
            ]
    return sentences


def _of_one_kind(exposures: Sequence[Exposure], *kinds: str) -> Iterator[list[FileRecord]]:
    """Yield the files of each kind of each set: those written by hand may name in ramps what they do not in rates."""
    for chosen in dict.fromkeys(exposure.set_key for exposure in exposures):
        segments = [segment for exposure in exposures if exposure.set_key == chosen for segment in exposure.segments]
        for kind in kinds:
            yield [getattr(segment, kind) for segment in segments]


def _unlike(records: Sequence[FileRecord]) -> list[str]:
    usual = {keyword: _usual([record.made_by.get(keyword, "") for record in records]) for keyword in KEYWORDS}
    differ = ((record, [key for key in KEYWORDS if record.made_by.get(key, "") != usual[key]]) for record in records)
    return [
        f"{record.path} has {' and '.join(_said(record, key) for key in keys)}, where most "
        f"files of its set have {' and '.join(usual[key] or 'none' for key in keys)}: make all of a set with one "
        "version of the pipeline and the same reference files."
        for record, keys in differ
        if keys
    ]


def _usual(values: Sequence[str]) -> str:
    """Return the value that most have; of two that are as frequent the first by name, whatever the order of files."""
    counted = Counter(values)
    return min(counted, key=lambda value: (-counted[value], value))


def _said(record: FileRecord, keyword: str) -> str:
    return f"{keyword} {record.made_by.get(keyword, 'absent')}"
