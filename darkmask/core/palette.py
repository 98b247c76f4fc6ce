"""How categories look, wherever they are drawn."""

from .categories import Category

# Okabe and Ito's palette: people with any of the common colour deficiencies can tell its colours apart.
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#7F7F7F",
}

# Categories are drawn in this order, so that the rarer and graver lie on top. Both shape and colour tell them apart.
STYLES = {
    Category.TRANSIENT: ("grey", "."),
    Category.UNDETERMINED: ("grey", "x"),
    Category.WARM: ("yellow", "s"),
    Category.LOW_PEDESTAL: ("sky", "v"),
    Category.NOISY: ("purple", "D"),
    Category.HOT: ("orange", "s"),
    Category.INTERMITTENT: ("blue", "h"),
    Category.TELEGRAPH: ("blue", "^"),
    Category.INVERSE_RC: ("green", "*"),
    Category.RC: ("green", "P"),
    Category.SATURATED: ("vermilion", "o"),
}
