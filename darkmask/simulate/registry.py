"""The named effects of real H2RG detectors that a simulation can switch on: what they are, how strong, and from where.

    python -m darkmask demo OUT --effects realistic
    python -m darkmask demo OUT --effects intermittent,persistence=2,one_over_f

    SimulationSpec(effects={"slow_telegraph": 1.0, "persistence": 0.5})

A strength of 1 is the realistic one; others multiply it: the amplitude of an effect, or the number of pixels of a kind
of pixel (``pixels`` true). Effects are off by default. What they do stands in ``darkmask/simulate/effects``, one module
for each subject; what was simulated is read with :func:`~darkmask.simulate.truth.read_truth` (pixels) and
:func:`~darkmask.simulate.truth.read_structures` (columns, patches, amplifiers).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from darkmask.core.errors import ParameterError

# So that a frame of some thousand pixels has a snowball, it needs thousands of times as many. Far beyond, numbers
# overflow, and a step fails without a reason that it could state.
STRONGEST = 1e5
_RAUSCHER = "Rauscher 2015, PASP 127, 1144; pynrc 2.0.1"
# No publication gives a number for NIRCam: the size is what a search of good data has to stand, and is said to be ours.
_OURS = "ours: no published number"


@dataclass(frozen=True)
class Effect:
    """An effect that can be simulated.

    Attributes
    ----------
    name : str
    value : float
        What strength 1 stands for, in ``unit``.
    unit : str
    source : str
        Where the value comes from.
    description : str
        One line.
    pixels : bool
        Whether it is a kind of pixel, with a truth for each, instead of something that good pixels show.
    realistic : bool
        Whether ``realistic`` has it: a detector with a dead amplifier is none.
    """

    name: str
    value: float
    unit: str
    source: str
    description: str
    pixels: bool = False
    realistic: bool = True


def _pixels(name: str, value: float, source: str, description: str) -> Effect:
    return Effect(name, value, "of science pixels", source, description, pixels=True)


# Those that change what a pixel collects come first, then what a read shows, in the order in which they act: an
# amplifier without signal has the noise of its output.
EFFECTS: Mapping[str, Effect] = {
    effect.name: effect
    for effect in (
        Effect(
            "dark_current", 1.0, "published error", "JDox: 1.9 +- 1.1 (short), 34.2 +- 5 e-/1000 s (long)",
            "The detector's dark current lies within 1.5 published errors, and pixels scatter by 30 %.",
        ),
        Effect("glow", 0.02, "e-/s", _OURS, "Glow of the read-out along the first rows, falling off over a sixteenth."),
        Effect("gradient", 0.5, "of the dark", _OURS, "The dark current rises across the detector by this share."),
        Effect(
            "persistence", 0.5, "e-/s", "1/t decay: Leisenring et al. 2016, SPIE 9915; the size is ours",
            "Patches that were lit before the first exposure, and glow as 1/t from then on.",
        ),
        Effect(
            "snowballs", 180.0, "per hour", "JDox Shower and Snowball Artifacts: one in 20 s in 2048 x 2048 pixels",
            "Large hits: a saturated core with a halo; a mini frame has its share.",
        ),
        Effect(
            "afterglow", 1.0, "e-/s", "JDox, the same page: they may outlast a reset; the size is ours",
            "The core of a snowball glows in the integrations after it, falling as 1/t.",
        ),
        Effect(
            "varying_coupling", 0.15, "relative scatter", _OURS,
            "Coupling differs from pixel to pixel, and one pixel in a thousand has none.",
        ),
        Effect("ktc", 29.0, "e-", _RAUSCHER, "Reset noise of each integration, in place of the default 23.4 DN."),
        Effect(
            "superbias_error", 5.0, "DN", _OURS,
            "A fixed error of each pixel's superbias, with the long tail of Student's t of 4 degrees of freedom.",
        ),
        Effect(
            "settling", 20.0, "DN", _OURS,
            "The first groups after a reset lie lower, by another amount for each output; time constant 15 s.",
        ),
        Effect(
            "wandering_columns", 5.0, "DN", _OURS,
            "Two columns in a hundred wander by this, and one in two hundred by three times as much.",
        ),
        Effect(
            "dead_amplifier", 1.0, "amplifiers", _OURS,
            "Amplifiers without any signal: read noise alone (a strength of 3: three of four).", realistic=False,
        ),
        Effect("one_over_f", 3.0, "e-", _RAUSCHER, "1/f noise common to all outputs."),
        Effect("own_one_over_f", 1.0, "e-", _RAUSCHER, "1/f noise of each output."),
        Effect("alternating_columns", 0.75, "e-", _RAUSCHER, "1/f noise that even and odd columns do not share."),
        Effect("picture_frame", 0.2, "e-", _RAUSCHER, "A pattern of the edges that comes and goes from read to read."),
        Effect(
            "reference_residue", 0.3, "DN", "mean of 4 x 512 reference pixels, and their drift along a column",
            "What the correction with reference pixels leaves: an offset for each output and parity of the columns.",
        ),
        Effect(
            "noise_map", 0.05, "relative scatter", _OURS,
            "Read noise differs by pixel; one pixel in a hundred has 1.2 to 1.45 times the usual one.",
        ),
        _pixels("intermittent", 0.0004, "grizli issue 200: a fifth of new hot ones",
                "Hot (1 to 32 e-/s) in some integrations, up to three eighths of them, and good in the others."),
        _pixels("late_hot", 0.0003, _OURS, "Hot (1 to 32 e-/s) from some integration, two at least, to the last."),
        _pixels("healed", 0.0003, _OURS, "Hot (1 to 32 e-/s) earlier, and good in the last epoch."),
        _pixels("slow_telegraph", 0.0004, _OURS,
                "Two levels 50 to 500 DN apart, with a mean time in each of 20 to 60 groups."),
        _pixels("bursts", 0.0004, _OURS,
                "Now and then, once in 20 to 40 groups, 1 to 3 groups lie 50 to 500 DN higher."),
        _pixels("early_saturation", 0.0003, _OURS, "So hot that it saturates in group 2 or 3."),
        _pixels("bent_hot", 0.0003, _OURS, "Hot (5 to 60 e-/s), with a rate that falls by 11 % along the ramp."),
        _pixels("faint_hot", 0.0004, _OURS, "Hot by little (0.275 to 1 e-/s): settling after a reset hides them."),
    )
}  # fmt: skip

REALISTIC: Mapping[str, float] = {name: 1.0 for name, effect in EFFECTS.items() if effect.realistic}


def parse_effects(text: str) -> dict[str, float]:
    """Return the effects that a command names: ``none``, ``realistic``, ``NAME[=STRENGTH]``, joined by commas.

    Parameters
    ----------
    text : str
        Later names override earlier ones: ``realistic,persistence=0``.

    Raises
    ------
    ParameterError
        For a name that no effect has, or a strength that is no number from 0.
    """
    chosen: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, strength = item.partition("=")
        if item == "none":
            chosen = {}
        elif item == "realistic":
            chosen |= REALISTIC
        else:
            try:
                chosen[name] = float(strength) if equals else 1.0
            except ValueError:
                raise ParameterError(f"effect {item!r}: what follows '=' must be a number.") from None
    return checked_effects(chosen)


def checked_effects(effects: Mapping[str, float]) -> dict[str, float]:
    """Return effects in the order of the registry, without those of strength 0.

    Raises
    ------
    ParameterError
        For a name that no effect has, or a strength below 0 or above ``STRONGEST``.
    """
    for name, strength in effects.items():
        if name not in EFFECTS:
            raise ParameterError(f"effects has {str(name)!r}, which is not known: use {', '.join(EFFECTS)}.")
        if not 0 <= strength <= STRONGEST:
            raise ParameterError(f"effects has {name} = {strength}: a strength is a number from 0 to {STRONGEST:.0f}.")
    return {name: float(effects[name]) for name in EFFECTS if effects.get(name)}


def effects_table() -> str:
    """Return the effects as a Markdown table, for the documentation."""
    lines = ["| effect | strength 1 stands for | source | what it does |", "|---|---|---|---|"]
    for effect in EFFECTS.values():
        note = "" if effect.realistic else " Not part of `realistic`."
        lines.append(
            f"| `{effect.name}` | {effect.value:g} {effect.unit} | {effect.source} | {effect.description}{note} |"
        )
    return "\n".join(lines) + "\n"
