"""Put together all that a viewer needs to show one set, pixel by pixel, as plain values."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkmask.core.stages import stage
from darkmask.core.window import Window

from .layers import bits_png, levels_png, noise_levels, rate_levels

_BITS = 24


@dataclass(frozen=True)
class Layer:
    """Pixels that share a property, with its name and colour.

    Attributes
    ----------
    name : str
    colour : str
        A value like ``#E69F00``; later layers are drawn over earlier ones.
    pixels : numpy.ndarray, shape (y, x), bool
    """

    name: str
    colour: str
    pixels: np.ndarray


@dataclass(frozen=True)
class Outline:
    """A rectangle to draw on the frame, with its name."""

    name: str
    window: Window


@stage("pictures")
def sheet(
    rate: np.ndarray | None,
    good: np.ndarray,
    groups: Sequence[tuple[str, Sequence[Layer]]],
    outlines: Sequence[Outline] = (),
    noise: np.ndarray | None = None,
) -> dict:
    """Put images and their legend together.

    Parameters
    ----------
    rate : numpy.ndarray, shape (y, x), float32, e-/s, or None
        The background.
    good : numpy.ndarray, shape (y, x), bool
        Pixels that set the scale of the background.
    groups : sequence of (str, sequence of Layer)
        Layers by what they tell; the first group is shown at first. At most 24 layers in all.
    outlines : sequence of Outline
    noise : numpy.ndarray, shape (y, x), float32, DN, or None
        Another background.

    Returns
    -------
    dict
        ``shape`` (rows, columns); ``rate`` and ``noise`` with ``png`` (base64), ``edges`` and ``unit``, or None;
        ``layers`` with ``png``; ``groups``, each with its layers' name, colour, bit and count; ``outlines``.

    Raises
    ------
    ValueError
        When there are more layers than bits.
    """
    layers = [layer for _, some in groups for layer in some]
    if len(layers) > _BITS:
        raise ValueError(f"{len(layers)} layers do not fit into {_BITS} bits.")
    channels = np.zeros((3, *good.shape), dtype=np.uint8)
    for number, layer in enumerate(layers):
        channels[number // 8][layer.pixels] |= np.uint8(1 << number % 8)
    made: dict[str, Any] = {
        "shape": list(good.shape),
        "rate": None if rate is None else _background(*rate_levels(rate, good), "e-/s"),
        "noise": None if noise is None else _background(*noise_levels(noise, good), "DN"),
        "layers": {"png": _text(bits_png(*channels))},
    }
    bits = iter(range(len(layers)))
    made["groups"] = [
        {
            "title": title,
            "layers": [
                {"name": one.name, "colour": one.colour, "bit": next(bits), "count": int(one.pixels.sum())}
                for one in some
            ],
        }
        for title, some in groups
    ]
    made["outlines"] = [_drawn(outline) for outline in outlines]
    return made


def _background(levels: np.ndarray, edges: list[float], unit: str) -> dict[str, Any]:
    return {"png": _text(levels_png(levels)), "edges": [float(f"{edge:.4g}") for edge in edges], "unit": unit}


def _drawn(outline: Outline) -> dict:
    """Return an outline as a viewer needs it, with the first pixel counted from 0."""
    x, y, width, height = outline.window
    return {"name": outline.name, "x": x - 1, "y": y - 1, "width": width, "height": height}


def _text(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")
