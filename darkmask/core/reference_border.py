"""The reference pixels of a full frame, by the means that the pipeline's reference-pixel step makes of them."""

from dataclasses import dataclass

import numpy as np

from .detectors import Geometry

# Rows over which the pipeline's step takes the running median of the side columns (jwst refpix, side_smoothing_length).
SIDE_ROWS = 11


@dataclass(frozen=True)
class ReferenceKinds:
    """Which reference pixels are alike.

    Attributes
    ----------
    names : tuple of str
        Rows at the bottom and at the top by amplifier and parity of the column; columns at the left and at the right
        by parity.
    label : numpy.ndarray, shape (y, x), int8
        Position in ``names``; -1 where a pixel sees light.
    """

    names: tuple[str, ...]
    label: np.ndarray


def reference_kinds(geometry: Geometry) -> ReferenceKinds:
    """Return the kinds of reference pixels of a full frame.

    Pixels of one kind share amplifier, edge and parity of the column (counted from 0), as in the means of the
    pipeline's step: read noise and offset differ between these. Corners belong to the rows.
    """
    frame, border = geometry.frame, geometry.border
    label = np.full((frame, frame), -1, dtype=np.int8)
    names: list[str] = []
    inner = slice(border, frame - border)
    parts = [
        (f"{edge} of amplifier {number}", rows, columns)
        for edge, rows in (("bottom", slice(0, border)), ("top", slice(frame - border, frame)))
        for number, columns in enumerate(geometry.amplifier_columns(), 1)
    ]
    parts += [("left side", inner, slice(0, border)), ("right side", inner, slice(frame - border, frame))]
    for name, rows, columns in parts:
        for parity, word in enumerate(("even", "odd")):
            first = columns.start + (columns.start + parity) % 2
            label[rows, first : columns.stop : 2] = len(names)
            names.append(f"{name}, {word} columns")
    return ReferenceKinds(tuple(names), label)


def poorest_reference(bad: np.ndarray, geometry: Geometry) -> tuple[float, str]:
    """Return the least share of good pixels of which the pipeline's step makes a mean or a median, and of which.

    Parameters
    ----------
    bad : numpy.ndarray, shape (y, x), bool
        The pixels that the step leaves out: those with DO_NOT_USE.
    geometry : Geometry

    Returns
    -------
    share : float
        1 where there are no reference pixels.
    name : str
        The kind, or the side with the rows of the poorest window of :data:`SIDE_ROWS` rows.
    """
    kinds = reference_kinds(geometry)
    shares = []
    for number, name in enumerate(kinds.names):
        here = kinds.label == number
        if here.any() and "side" not in name:
            shares.append((1 - float(bad[here].mean()), name))
    border = geometry.border
    for name, columns in (("left side", bad[:, :border]), ("right side", bad[:, -border:])) if border else ():
        # The step mirrors the rows at both ends, so that only whole windows matter.
        windows = np.lib.stride_tricks.sliding_window_view(columns.mean(axis=1), SIDE_ROWS).mean(axis=1)
        row = int(windows.argmax())
        shares.append((1 - float(windows[row]), f"{name}, rows {row} to {row + SIDE_ROWS - 1}"))
    return min(shares, default=(1.0, "all"))
