"""What was observed, and how: one line for each set of a delivery, as its headers and telemetry say it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.display import counted

from .index import DeliveryIndex
from .records import Exposure
from .telemetry import Telemetry


def observed_sets(index: DeliveryIndex, detectors: Sequence[str], telemetry: Telemetry | None = None) -> list[dict]:
    """Return what each set is.

    Parameters
    ----------
    index : DeliveryIndex
    detectors : sequence of str
        Detectors of which sets are told.
    telemetry : Telemetry, optional

    Returns
    -------
    list of dict
        See :func:`observed`; by detector, the full frame first, then the largest set.
    """
    found = []
    for detector in detectors:
        names = sorted({e.set_key.subarray for e in index.exposures if e.set_key.detector == detector})
        for subarray in sorted(names, key=lambda name: (name != "FULL", name)):
            found += [observed(exposures, telemetry) for exposures in index.sets(detector, subarray).values()]
    return found


def observed(exposures: Sequence[Exposure], telemetry: Telemetry | None = None) -> dict[str, Any]:
    """Return what a set is.

    Parameters
    ----------
    exposures : sequence of Exposure
        Exposures of one set.
    telemetry : Telemetry, optional
        Its temperatures count for more than those of headers.

    Returns
    -------
    dict
        ``detector``, ``subarray``, ``programs``, ``observations`` (sorted), ``first``, ``last`` (days, ISO 8601, or
        None), ``readpatt``, ``groups``, ``group_time`` (s), ``integrations``, ``exposures``, ``gain`` (electron/DN, by
        which the search goes), ``temperature`` (None, or ``source``, ``low``, ``median`` and ``high`` in K, and
        ``integrations``, the number of those that it is known of).
    """
    key = exposures[0].set_key
    files = [file for exposure in exposures for file in exposure.files]
    days = sorted({file.date_obs for file in files if file.date_obs})
    return {
        "detector": key.detector,
        "subarray": key.subarray,
        "programs": sorted({file.program for file in files if file.program}),
        "observations": sorted({file.observation for file in files if file.observation}),
        "first": days[0] if days else None,
        "last": days[-1] if days else None,
        "readpatt": key.readpatt,
        "groups": key.ngroups,
        "group_time": key.tgroup,
        "integrations": sum(exposure.integrations for exposure in exposures),
        "exposures": len(exposures),
        "gain": look_up_detector(key.detector).gain,
        "temperature": _temperature(exposures, telemetry),
    }


def sentence(told: dict[str, Any]) -> str:
    """Return what :func:`observed` says of a set, in one line of a mask's HISTORY: nothing of where and by whom."""
    parts = [f"program {', '.join(told['programs'])}"] if told["programs"] else []
    parts += [f"observation {', '.join(told['observations'])}"] if told["observations"] else []
    if told["first"]:
        parts.append(told["first"] if told["first"] == told["last"] else f"{told['first']} to {told['last']}")
    parts.append(
        f"{told['readpatt'] or 'no READPATT'}, {counted(told['groups'], 'group')} of {told['group_time']:.6g} s, "
        f"{counted(told['integrations'], 'integration')} in {counted(told['exposures'], 'exposure')}"
    )
    parts.append(f"gain {told['gain']:g} electron/DN")
    if told["temperature"]:
        parts.append(temperature_words(told["temperature"]))
    return f"Observed: {'; '.join(parts)}."


def temperature_words(told: dict[str, Any]) -> str:
    """Return a temperature in words: its range, and where it comes from."""
    low, high = f"{told['low']:.2f}", f"{told['high']:.2f}"
    between = f"{low} K" if low == high else f"{low} to {high} K"
    return f"{between} ({told['source']})"


def _temperature(exposures: Sequence[Exposure], telemetry: Telemetry | None) -> dict[str, Any] | None:
    if telemetry is not None:
        times = np.array([time for exposure in exposures for time in exposure.times])
        values = telemetry.at(exposures[0].set_key.detector, times)
        values = values[np.isfinite(values)]
        if values.size:
            return _range(f"telemetry {telemetry.name}", values, values.size)
    known = [
        (segment.jump.temperature, segment.jump.shape[0])
        for exposure in exposures
        for segment in exposure.segments
        if segment.jump.temperature is not None
    ]
    if not known:
        return None
    return _range("headers", np.array([value for value, _ in known]), sum(number for _, number in known))


def _range(source: str, values: np.ndarray, integrations: int) -> dict[str, Any]:
    return {
        "source": source,
        "low": round(float(values.min()), 3),
        "median": round(float(np.median(values)), 3),
        "high": round(float(values.max()), 3),
        "integrations": integrations,
    }
