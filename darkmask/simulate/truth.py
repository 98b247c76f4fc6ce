"""Write and read the truth about a simulated delivery: its pixels, and what reaches over many of them."""

from pathlib import Path

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.ecsv import write_ecsv
from darkmask.core.errors import DeliveryError

from .defects import UNITS, Defects
from .difficult import CALLED, SWITCHING, Difficult, falls_and_rises
from .difficult import UNITS as DIFFICULT_UNITS
from .effects.columns import dead_amplifiers, wandering_columns
from .effects.lit import draw_snowballs, persistence_patches
from .scene import Scene
from .spec import FULL_FRAME_TIME, SimulationSpec


def write_truth(
    folder: Path, spec: SimulationSpec, properties: Detector, defects: Defects, difficult: Difficult
) -> None:
    """Write ``<folder>/<detector>.ecsv`` and, where effects reach over many pixels, ``<detector>_structures.ecsv``.

    :func:`read_truth` and :func:`read_structures` read them.
    """
    meta = {"detector": properties.name, "simulated": True}
    _write(_pixels(spec, properties, defects, difficult), meta, Path(folder) / f"{properties.name}.ecsv")
    rows = _structures(spec, properties)
    if rows:
        columns = dict(zip(_STRUCTURE_COLUMNS, zip(*rows, strict=True), strict=True))
        _write(
            {name: np.array(values) for name, values in columns.items()},
            meta,
            _structures_path(folder, properties.name),
        )


def read_truth(folder: Path, detector_name: str):
    """Read the pixels that were simulated bad in a detector.

    Parameters
    ----------
    folder : Path
        The ``.truth`` folder beside a simulated delivery.
    detector_name : str

    Returns
    -------
    astropy.table.Table
        Columns ``x`` and ``y`` (array indices of the full frame from 0); ``category``, what a search should call it
        (values of :class:`~darkmask.core.categories.Category`, or ``intermittent``, or ``healed`` for those that are
        good in the last epoch); ``strength`` and its ``unit`` (see :class:`~darkmask.simulate.defects.Defects` and
        :class:`~darkmask.simulate.difficult.Difficult`; before capacitive coupling takes its share); ``cluster`` (-1
        when isolated) and ``timescale`` (s). With difficult pixels besides: ``kind``, the name of the effect (the
        category for others); ``integrations``, the numbers of those in which it is bad, from 1 through all exposures of
        a set, joined by commas (empty: all); ``falls`` and ``rises`` of switching pixels between two groups of a ramp,
        in all exposures of the full frame (-1 for others).

    Raises
    ------
    DeliveryError
        When there is no truth about this detector.
    """
    path = Path(folder) / f"{detector_name}.ecsv"
    if not path.is_file():
        raise DeliveryError(f"{path} does not exist: only simulated deliveries have a truth, written beside them.")
    return _read(path)


def read_structures(folder: Path, detector_name: str):
    """Read what was simulated over many pixels: columns, amplifiers, lit patches, snowballs.

    Parameters
    ----------
    folder : Path
        The ``.truth`` folder beside a simulated delivery.
    detector_name : str

    Returns
    -------
    astropy.table.Table
        Columns ``kind`` (name of the effect), ``x`` and ``y`` (centre in the full frame; middle of a column or of an
        amplifier), ``x_first``, ``x_last``, ``y_first``, ``y_last`` (pixels that it reaches, inclusive), ``strength``
        and its ``unit``, ``integration`` (number through all exposures of the full frame in which it begins, from 1).
        Without rows where nothing was simulated.
    """
    from astropy.table import Table

    path = _structures_path(folder, detector_name)
    return _read(path) if path.is_file() else Table(names=_STRUCTURE_COLUMNS)


_STRUCTURE_COLUMNS = (
    "kind", "x", "y", "x_first", "x_last", "y_first", "y_last", "strength", "unit", "integration",
)  # fmt: skip


def _structures_path(folder: Path, detector_name: str) -> Path:
    return Path(folder) / f"{detector_name}_structures.ecsv"


def _pixels(spec: SimulationSpec, properties: Detector, defects: Defects, difficult: Difficult) -> dict:
    columns = {
        "x": defects.x,
        "y": defects.y,
        "category": defects.category,
        "strength": defects.strength,
        "unit": np.array([UNITS[name] for name in defects.category], dtype="U16"),
        "cluster": defects.cluster,
        "timescale": defects.timescale,
    }
    if not spec.kinds:
        return columns
    count = difficult.x.size
    falls, rises = np.full((2, count), -1)
    switching = np.isin(difficult.kind, SWITCHING)
    falls[switching], rises[switching] = falls_and_rises(spec, properties, difficult.of(*SWITCHING))
    seconds = difficult.timescale * spec.frames_apart * FULL_FRAME_TIME
    added = {
        "x": difficult.x,
        "y": difficult.y,
        "category": np.array([CALLED[kind] for kind in difficult.kind], dtype="U16"),
        "strength": difficult.strength,
        "unit": np.array([DIFFICULT_UNITS[kind] for kind in difficult.kind], dtype="U16"),
        "cluster": np.full(count, -1),
        "timescale": seconds,
        "kind": difficult.kind,
        "integrations": np.array(["" if bad.all() else _numbers(bad) for bad in difficult.bad], dtype=str),
        "falls": falls,
        "rises": rises,
    }
    size = defects.x.size
    columns |= {
        "kind": defects.category,
        "integrations": np.full(size, "", dtype="U1"),
        "falls": np.full(size, -1),
        "rises": np.full(size, -1),
    }
    joined = {name: np.concatenate([columns[name], added[name]]) for name in columns}
    order = np.lexsort((joined["x"], joined["y"]))
    return {name: values[order] for name, values in joined.items()}


def _numbers(bad: np.ndarray) -> str:
    return ",".join(str(number + 1) for number in np.flatnonzero(bad))


def _structures(spec: SimulationSpec, properties: Detector) -> list[tuple]:
    frame, name, effects = spec.frame, properties.name, spec.effects
    last, middle = frame - 1, (frame - 1) / 2
    rows: list[tuple] = []
    if strength := effects.get("wandering_columns"):
        for column, deviation in zip(*wandering_columns(spec, name, strength), strict=True):
            rows.append(("wandering_columns", column, middle, column, column, 0, last, deviation, "DN", 1))
    if strength := effects.get("dead_amplifier"):
        width = frame // 4
        for number in dead_amplifiers(spec, name, strength):
            first = number * width
            centre = first + (width - 1) / 2
            rows.append(("dead_amplifier", centre, middle, first, first + width - 1, 0, last, 1.0, "", 1))
    if strength := effects.get("persistence"):
        patches = persistence_patches(spec, name, strength)
        for x, y, radius, rate in zip(patches.x, patches.y, patches.radius, patches.rate, strict=True):
            rows.append(("persistence", x, y, *_reach(x, y, 1.5 * radius, last), rate, "electron / s", 1))
    if "snowballs" in effects or "afterglow" in effects:
        for exposure in range(1, spec.exposures + 1):
            for ball in draw_snowballs(Scene(spec, properties, None, exposure), exposure):
                number = (exposure - 1) * spec.integrations + ball.integration + 1
                reach = _reach(ball.x, ball.y, 3 * ball.radius, last)
                rows.append(("snowballs", ball.x, ball.y, *reach, ball.radius, "pixel", number))
    return rows


def _reach(x: float, y: float, radius: float, last: int) -> tuple[int, int, int, int]:
    low_x, high_x, low_y, high_y = (round(v) for v in (x - radius, x + radius, y - radius, y + radius))
    return max(low_x, 0), min(high_x, last), max(low_y, 0), min(high_y, last)


def _write(columns: dict, meta: dict, path: Path) -> None:
    from astropy.table import Table

    table = Table(columns, meta=meta)
    if "timescale" in columns:
        table["timescale"].unit = "s"
    write_ecsv(table, path)


def _read(path: Path):
    from astropy.table import Table

    table = Table.read(path, format="ascii.ecsv")
    # An empty text is read as a masked one.
    return table.filled("") if table.has_masked_values else table
