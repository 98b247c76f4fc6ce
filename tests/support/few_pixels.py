"""Criteria for frames of a few thousand pixels, in which everything but the counts is as in demo.toml.

They hold few bad pixels of each kind, some tests plant dozens of one, and a planted fault must fail the check that it
is planted for and no other: so counts may be farther from what is simulated than those of the demo. No pixel of them
turns hot in the last exposure alone, and what the mask leaves is judged as in nircam.toml.
"""

from collections.abc import Iterable

# The low and the high bound of a criterion; None leaves the demo's.
BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "CNT-HOT": (0.0002, 0.02),
    "CNT-WARM": (None, 0.02),
    "CNT-SATURATED": (0.00003, 0.006),
    "CNT-RC": (0.00003, 0.006),
    "CNT-INVERSE_RC": (0.00003, 0.006),
    "CNT-NOISY": (0.00003, 0.006),
    "CNT-LOW_PEDESTAL": (0.00003, 0.006),
    "CNT-TELEGRAPH": (0.00001, 0.006),
    "CNT-UNDETERMINED": (None, 0.002),
    "CNT-INTERMITTENT": (None, 0.004),
    "CNT-TRANSIENT": (None, 0.05),
    "STR-PATCHES": (None, 4),
    "CNT-DO_NOT_USE": (0.0005, 0.05),
    "CNT-CARRIED": (None, 0.01),
    "CNT-REFERENCE_PIXEL": (None, 0.02),
    "GND-RETAINED": (0.75, None),
    "GND-GONE": (None, 0.25),
    "GND-NEW": (None, 0.007),
    "GND-KAPPA": (0.6, None),
    "RES-HOT": (None, 100),
    "ENG-ONLY": (None, 0.0002),
}


def criteria(
    name: str, frame: int = 128, detectors: Iterable[str] = (), subarrays: Iterable[tuple[str, str]] = ()
) -> str:
    """Return the text of a criteria file, whose last table is ``[plan]``.

    Parameters
    ----------
    name : str
    frame : int
        Pixels on a side.
    detectors : iterable of str
        Those that are planned; all ten if it is empty.
    subarrays : iterable of (detector, subarray)
    """
    lines = ["schema = 1", f'name = "{name}"', 'extends = "demo"']
    for identifier, bounds in BOUNDS.items():
        lines += ["", f"[criteria.{identifier}]"]
        lines += [f"{side} = {bound}" for side, bound in zip(("low", "high"), bounds, strict=True) if bound is not None]
    lines += ["", "[geometry]", f"frame = {frame}", "", "[plan]"]
    named = ", ".join(f'"{detector}"' for detector in detectors)
    if named:
        lines.append(f"detectors = [{named}]")
    parts = ", ".join(f'{{ detector = "{detector}", name = "{part}" }}' for detector, part in subarrays)
    return "\n".join([*lines, f"subarrays = [{parts}]", ""])
