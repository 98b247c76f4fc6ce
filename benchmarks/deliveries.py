"""Make deliveries to measure cost by: simulated, of another size (groups are repeated), or of several detectors."""

import shutil
from functools import cache
from pathlib import Path

import numpy as np
from astropy.io import fits

from darkmask.core.detectors import detector as look_up_detector

SOURCE = "NRCB1"
# GROUPDQ bits: DO_NOT_USE and SATURATED; JUMP_DET.
_UNUSABLE, _JUMP = 3, 4


def resize(source: Path, out: Path, exposures: int, integrations: int, groups: int) -> None:
    """Write a delivery of so many exposures, integrations and groups, made of the integrations of another.

    Parameters
    ----------
    source : Path
        Delivery of one detector's full frames.
    out : Path
        Folder of the new delivery.
    exposures, integrations, groups : int
    """
    out.mkdir()
    jumps = sorted(source.glob("*_jump.fits"))
    held = [(path, i) for path in jumps for i in range(fits.getheader(path)["NINTS"])]
    for number in range(exposures):
        chosen = [held[(number * integrations + k) % len(held)] for k in range(integrations)]
        name = jumps[0].name.replace("_00001_", f"_{number + 1:05d}_")
        for kind, arrays in (("jump", ("SCI", "GROUPDQ")), ("fitopt", ("PEDESTAL",)), ("rateints", ("SCI", "DQ"))):
            _write(out / name.replace("_jump", f"_{kind}"), kind, arrays, chosen, groups, number + 1)


def _write(target: Path, kind: str, arrays: tuple[str, ...], chosen, groups: int, exposure: int) -> None:
    first = Path(str(chosen[0][0]).replace("_jump", f"_{kind}"))
    with fits.open(first) as hdus:
        hdus[0].header["NINTS"], hdus[0].header["NGROUPS"] = len(chosen), groups
        hdus[0].header["EXPOSURE"] = f"{exposure:05d}"
        hdus[0].header["INTSTART"], hdus[0].header["INTEND"] = 1, len(chosen)
        kept = [hdus[0].copy()]
        for name in arrays:
            planes = [_plane(Path(str(p).replace("_jump", f"_{kind}")), name, i, kind, groups) for p, i in chosen]
            kept.append(fits.ImageHDU(np.stack(planes), hdus[name].header, name=name))
        if kind == "jump":
            kept.append(hdus["PIXELDQ"].copy())
        fits.HDUList(kept).writeto(target)


def _plane(path: Path, name: str, integration: int, kind: str, groups: int) -> np.ndarray:
    with fits.open(path) as hdus:
        plane = hdus[name].data[integration]
        if kind == "rateints" and name == "SCI":
            jump = Path(str(path).replace("_rateints", "_jump"))
            slopes = _slopes(*(_plane(jump, part, integration, "jump", groups) for part in ("SCI", "GROUPDQ")))
            slopes /= hdus[0].header["TGROUP"]
            return np.where(np.isfinite(plane) & np.isfinite(slopes), slopes, plane).astype(">f4")
        if kind != "jump":
            return np.array(plane)
        turn, group = np.divmod(np.arange(groups), len(plane))
        if name != "SCI":
            return np.array(plane[group])
        rise = _rise(path, plane, np.asarray(hdus["GROUPDQ"].data[integration]), hdus[0].header["TGROUP"])
        return np.stack([plane[g] + np.float32(t) * rise for t, g in zip(turn, group, strict=True)]).astype(">f4")


def _rise(path: Path, ramp: np.ndarray, groupdq: np.ndarray, tgroup: float) -> np.ndarray:
    """Return by how much a ramp that continues rises in each turn, float32 (y, x), DN: its jumps, and its usual rate.

    Its own first and last read know its slope so badly that long ramps made of it would differ by that, and not by the
    noise of their reads.
    """
    step = _usual_rate(path.parent) * np.float32(tgroup)
    rise = step * np.float32(len(ramp))
    for g in range(1, len(ramp)):
        rise += np.where(groupdq[g] & _JUMP, ramp[g] - ramp[g - 1] - step, 0)
    whole = (ramp[-1] - ramp[0]) * np.float32(len(ramp) / (len(ramp) - 1))
    return np.where(np.isfinite(rise), rise, whole).astype(np.float32)


@cache
def _usual_rate(folder: Path) -> np.ndarray:
    """Return the mean rate of each pixel in all integrations of a delivery, float32 (y, x), DN/s; NaN without one."""
    total, number = np.float32(0), 0
    for path in sorted(folder.glob("*_rateints.fits")):
        with fits.open(path) as hdus:
            total, number = total + hdus["SCI"].data.sum(axis=0), number + len(hdus["SCI"].data)
    return np.asarray(total / number, np.float32)


def _slopes(ramp: np.ndarray, groupdq: np.ndarray) -> np.ndarray:
    """Return slopes of ramps (group, y, x), DN/group: of a line through each run without a jump, as reads know it.

    Rates of another number of groups than their ramps have would scatter by what their ramps do not.
    """
    shape = ramp.shape[1:]
    top, bottom = np.zeros((2, *shape))
    number, times, signals, products, squares = np.zeros((5, *shape))

    def end(where: np.ndarray) -> None:
        n = np.maximum(number[where], 1)
        top[where] += products[where] - times[where] * signals[where] / n
        bottom[where] += squares[where] - times[where] ** 2 / n
        for one in (number, times, signals, products, squares):
            one[where] = 0

    for g, (signal, flags) in enumerate(zip(ramp, groupdq, strict=True)):
        end((flags & (_UNUSABLE | _JUMP)) != 0)
        read = np.where(flags & _UNUSABLE, 0.0, 1.0)
        number += read
        times += read * g
        signals += read * signal
        products += read * g * signal
        squares += read * g * g
    end(np.ones(shape, bool))
    return np.divide(top, bottom, out=np.full(shape, np.nan), where=bottom > 0)


def simulate(folder: Path, frame: int, groups: int) -> Path:
    """Simulate the darks of one detector."""
    from darkmask.simulate import SimulationSpec, simulate_delivery

    delivery = folder / "delivery"
    spec = SimulationSpec(
        seed=11, frame=frame, detectors=(SOURCE,), subarrays=(), exposures=5, integrations=2, groups=groups
    )
    simulate_delivery(delivery, spec)
    return delivery


def under_other_names(delivery: Path, out: Path, detectors: tuple[str, ...]) -> Path:
    """Write the products of one detector under the names of several: headers rewritten, data as they are."""
    out.mkdir()
    for path in sorted(delivery.glob("*.fits")):
        for name in detectors:
            target = out / path.name.replace(SOURCE.lower(), name.lower())
            shutil.copyfile(path, target)
            properties = look_up_detector(name)
            with fits.open(target, mode="update", memmap=True) as hdus:
                header = hdus[0].header
                header["DETECTOR"], header["FILENAME"] = name, target.name
                header["FASTAXIS"], header["SLOWAXIS"] = properties.fastaxis, properties.slowaxis
                if "CHANNEL" in header:
                    header["CHANNEL"] = "LONG" if name.endswith("LONG") else "SHORT"
    return out


def read_once(delivery: Path) -> None:
    """Read all files, so that they are in the system's cache."""
    buffer = bytearray(1 << 20)
    for path in delivery.glob("*.fits"):
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
