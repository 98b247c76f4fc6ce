"""Say of injected defects what share was found: by strength, by time, with its error."""

import numpy as np

from .recovery import Recovery

# Number of points of a curve of completeness.
_BINS = 8


def summarise(recovery: Recovery) -> dict:
    """Return the completeness of each category and the purity, as plain values.

    Returns
    -------
    dict
        ``false_pixels``, ``found``, ``purity``, ``limits`` and, for each category under ``kinds``: ``unit``,
        ``injected``, ``found``, ``named``, ``strengths``, ``timescales``, ``shown_each``, ``named_each`` and
        ``found_each`` (sorted by strength),
        ``half`` and ``most`` (strengths at which 50 % and 90 % are found, null when they lie outside the injected
        range) and ``curve``: (lowest, highest strength, number, found fraction, its lower and upper 68.3 % bound) of
        each bin.
    """
    kinds = {}
    for category, bounds in recovery.kinds.items():
        here = np.flatnonzero(recovery.injections.of(category))
        here = here[np.argsort(recovery.injections.strength[here], kind="stable")]
        strength, found, named = recovery.injections.strength[here], recovery.found[here], recovery.named[here]
        half, most = detection_strengths(strength, found)
        kinds[str(category)] = {
            "unit": bounds.unit,
            "injected": int(here.size),
            "found": int(found.sum()),
            "named": int(named.sum()),
            "half": half,
            "most": most,
            "strengths": [float(value) for value in strength],
            "timescales": [float(value) for value in recovery.injections.timescale[here]],
            "shown_each": [bool(value) for value in recovery.injections.shown[here]],
            "found_each": [bool(value) for value in found],
            "named_each": [bool(value) for value in named],
            "curve": _curve(strength, found),
        }
    total = int(recovery.found.sum())
    return {
        "kinds": kinds,
        "found": total,
        "false_pixels": recovery.false_pixels,
        "purity": total / max(total + recovery.false_pixels, 1),
        "limits": recovery.limits,
    }


def _curve(strength: np.ndarray, found: np.ndarray) -> list[tuple[float, ...]]:
    points = []
    for part in np.array_split(np.arange(strength.size), min(_BINS, max(strength.size // 5, 1))):
        if part.size:
            low, high = _wilson(int(found[part].sum()), part.size)
            share = found[part].mean()
            points.append(tuple(float(v) for v in (strength[part[0]], strength[part[-1]], part.size, share, low, high)))
    return points


def detection_strengths(strength: np.ndarray, found: np.ndarray) -> tuple[float | None, float | None]:
    """Return strengths at which half and 90 % are found, by a logistic curve in the logarithm of the strength.

    Parameters
    ----------
    strength : numpy.ndarray, float
    found : numpy.ndarray, bool

    Returns
    -------
    half, most : float or None
        None when it lies outside the strengths that were tried, or when all or none were found.
    """
    if found.all() or not found.any():
        return None, None
    from scipy.optimize import minimize

    log = np.log(strength)
    scale = max(float(log.std()), 1e-6)

    def unlikelihood(parameters: np.ndarray) -> float:
        centre, steep = parameters
        argument = np.exp(steep) * (log - centre) / scale
        return float(np.logaddexp(0, np.where(found, -argument, argument)).sum())

    start = (0.5 * (log[found].min() + log[~found].max()), 1.0)
    centre, steep = minimize(unlikelihood, start, method="Nelder-Mead").x
    most = centre + scale * np.log(9) / np.exp(steep)
    inside = [log.min() <= value <= log.max() for value in (centre, most)]
    at_half, at_most = (float(np.exp(v)) if ok else None for v, ok in zip((centre, most), inside, strict=True))
    return at_half, at_most


def completeness(kind: dict, least: float, most: float = np.inf) -> tuple[int, int, tuple[float, float]]:
    """Return how many of the injected defects of some strength were named right.

    Parameters
    ----------
    kind : dict
        An entry of ``kinds``, see :func:`summarise`.
    least, most : float
        Bounds of the strengths that count, inclusive.

    Returns
    -------
    named, injected : int
    interval : (float, float)
        Bounds of their ratio, 68.3 % (Wilson); NaN when none was injected.
    """
    counted = [named for s, named in zip(kind["strengths"], kind["named_each"], strict=True) if least <= s <= most]
    if not counted:
        return 0, 0, (float("nan"), float("nan"))
    return sum(counted), len(counted), _wilson(sum(counted), len(counted))


def found_by_time(
    kind: dict, least: float, edges: tuple[float, ...], outcome: str = "found_each"
) -> list[tuple[int, int]]:
    """Return how many of the injected defects that show were found, by their time scale.

    Parameters
    ----------
    kind : dict
        An entry of ``kinds``, see :func:`summarise`.
    least : float
        Least strength that counts.
    edges : tuple of float
        Upper bounds of the times, in groups; the last one is infinite.
    outcome : str
        What counts as found: ``found_each``, or ``named_each``.

    Returns
    -------
    list of (int, int)
        Found and injected.
    """
    counts = [[0, 0] for _ in edges]
    columns = (kind[name] for name in ("strengths", "timescales", "shown_each", outcome))
    for strength, time, shown, found in zip(*columns, strict=True):
        if shown and strength >= least:
            here = next(i for i, edge in enumerate(edges) if time <= edge)
            counts[here][0] += found
            counts[here][1] += 1
    return [(found, injected) for found, injected in counts]


def _wilson(found: int, number: int) -> tuple[float, float]:
    """Return the 68.3 % interval of a share."""
    # astropy.stats is imported here, since checks import this module and most runs have their answers in the cache.
    from astropy.stats import binom_conf_interval

    low, high = binom_conf_interval(found, number, interval="wilson")
    return float(low), float(high)
