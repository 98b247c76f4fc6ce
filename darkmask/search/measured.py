"""Leave out of a search the integrations that are no measurement: constant ones, ones without rates, and copies."""

from dataclasses import replace

import numpy as np

from darkmask.delivery import OpenSet
from darkmask.delivery.quality import unmeasured

from .request import SetRequest

# Noise makes two measurements of this many rows differ in thousands of pixels, and they cost no time to read.
_ROWS = 8


def leave_out(request: SetRequest) -> SetRequest:
    """Return the request of the same search without the integrations that are none, and with the reasons.

    Raises
    ------
    DeliveryError
        When a file has changed since it was scanned or is stored in a way that cannot be mapped.
    """
    science = ~request.reference_pixels()
    inside = np.flatnonzero(science.any(axis=1))
    rows = np.unique(inside[np.linspace(0, inside.size - 1, _ROWS).round().astype(int)]) if inside.size else inside
    if not rows.size:
        return request
    opened = OpenSet(request.exposures, request.folder, request.integrations)
    samples: list[dict[str, np.ndarray]] = []
    with opened:
        for exposure, i in opened.planes:
            last = exposure.shape[1] - 1
            planes = {
                "the ramp": exposure.group(i, last, rows),
                "the rate": exposure.rate(rows, i),
                "PEDESTAL": exposure.pedestal(rows, i),
            }
            samples.append({name: plane[science[rows]] for name, plane in planes.items()})
    names = [exposure.name_of(i) for exposure, i in opened.planes]
    why = unmeasured(samples, names)
    if not why:
        return request
    kept = tuple(number for k, number in enumerate(request.numbers) if k not in why)
    return replace(request, integrations=kept, left_out=tuple(why.values()))
