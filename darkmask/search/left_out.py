"""Leave out of a search the integrations that are no measurement, and remember which these are.

Looking through a full frame of ten integrations takes half a second and compiled code; the answer is kept for files
that have not changed, by what their digests are remembered by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from darkmask.core.cache import cached_answer
from darkmask.core.detectors import Geometry
from darkmask.core.digests import settled_status
from darkmask.core.errors import StorageError
from darkmask.core.provenance import source_digest

from .request import NotMeasured, SetRequest

# Of ten detectors with three sets each, ten deliveries.
_KEPT = 300


def leave_out(request: SetRequest) -> SetRequest:
    """Return the request of the same search without the integrations that are none, and with the reasons.

    Raises
    ------
    DeliveryError
        When a file has changed since it was scanned or is stored in a way that cannot be mapped.
    """
    files = tuple((file.path, file.size, file.modified) for exposure in request.exposures for file in exposure.files)
    found = _remembered(_Asked(files, request.folder, request.geometry, request.integrations, request))
    if not (found.why or found.doubted):
        return request
    return replace(
        request,
        integrations=tuple(number for k, number in enumerate(request.numbers) if k not in found.why),
        left_out=tuple(found.why.values()),
        doubted=found.doubted,
        never_measured=found.never,
    )


def without_unmeasured(request: SetRequest, rate: np.ndarray) -> np.ndarray:
    """Return the rates of a set, float32 (y, x), with NaN where most integrations have none of their own."""
    if not request.never_measured:
        return rate
    rate, amplifiers = rate.copy(), request.amplifiers()
    for y, k in request.never_measured:
        rate[y, amplifiers[k]] = np.nan
    return rate


@dataclass(frozen=True)
class _Asked:
    """A request, the same as another one when it is of the same unchanged files."""

    files: tuple[tuple[str, int, int], ...]
    folder: Path
    geometry: Geometry
    integrations: tuple[int, ...] | None
    request: SetRequest = field(compare=False)

    def settled(self) -> list[str] | None:
        """Return what tells the files from changed ones, None where one of them is too young or cannot be seen."""
        try:
            found = [settled_status(self.folder / path) for path, _, _ in self.files]
        except OSError:
            return None
        return None if None in found else [status for status in found if status]


# A run asks the same of each set several times: for its mask, for its halves, for injected defects.
@lru_cache(maxsize=32)
def _remembered(asked: _Asked) -> NotMeasured:
    settled = asked.settled()
    if settled is None:
        return _look_through(asked.request)
    request = asked.request
    place = [str(asked.folder), *asked.files, request.exposures[0].set_key, asked.geometry, asked.integrations]
    depends = [source_digest("search"), settled, [repr(one) for one in place]]
    try:
        return _read(cached_answer("left-out", depends, lambda: _written(_look_through(request)), _KEPT))
    except StorageError:
        return _look_through(request)


def _look_through(request: SetRequest) -> NotMeasured:
    from .measured import look_through

    return look_through(request)


def _written(found: NotMeasured) -> dict[str, Any]:
    return {"why": list(found.why.items()), "doubted": found.doubted, "never": found.never}


def _read(kept: Mapping[str, Any]) -> NotMeasured:
    why = {int(k): str(sentence) for k, sentence in kept["why"]}
    return NotMeasured(why, tuple(kept["doubted"]), tuple((int(y), int(k)) for y, k in kept["never"]))
