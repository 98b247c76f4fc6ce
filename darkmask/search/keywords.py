"""Every keyword of ``bad_pixels()`` of jwst_reffiles 1.0.1, with its default, and which of them have an effect."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from darkmask.core.categories import Category
from darkmask.core.flags import MASK_MNEMONICS

# The kinds in ``flag_values`` and ``dark_do_not_use`` of jwst_reffiles, and the categories that they cover.
OFFICIAL_KINDS = {
    "hot": (Category.SATURATED,),
    "rc": (Category.RC,),
    "low_pedestal": (Category.LOW_PEDESTAL,),
    "high_cr": (Category.TELEGRAPH, Category.NOISY),
}

# Keywords of bad_pixels() that describe the mask and not the search.
MASK_TABLE = ("author", "description", "pedigree", "useafter", "history", "output_file")

# bad_pixels() passes these on and its search never looks at them: the numbers stand in its code (badpix_from_darks.py,
# the call of find_pix_with_many_jumps).
FIXED_IN_CODE = {"max_jump_limit": 10, "jump_ratio_threshold": 5.0, "early_cutoff_fraction": 0.25}

FLAT_KEYWORDS = (
    "dead_search", "low_qe_and_open_search", "dead_search_type", "flat_mean_sigma_threshold",
    "flat_mean_normalization_method", "smoothing_box_width", "smoothing_type", "dead_sigma_threshold",
    "max_dead_norm_signal", "run_dead_flux_check", "dead_flux_check_files", "flux_check", "max_low_qe_norm_signal",
    "max_open_adj_norm_signal", "manual_flag_file", "flat_do_not_use", "quality_check",
)  # fmt: skip
FILE_KEYWORDS = ("flat_slope_files", "dark_slope_files", "dark_uncal_files", "dark_jump_files", "dark_fitopt_files")


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, set, frozenset)) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_tuple)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Keywords(BaseModel):
    """The keywords; the docstring of the package describes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    # Keywords of jwst_reffiles for darks: the official search and the engine of that name use them.
    dark_stdev_clipping_sigma: Positive = 5.0
    dark_max_clipping_iters: int = Field(5, ge=1)
    dark_noisy_threshold: NotNegative = 5.0
    max_saturated_fraction: Fraction = 0.5
    max_jump_limit: int = Field(10, ge=1)
    jump_ratio_threshold: Positive = 5.0
    early_cutoff_fraction: float = Field(0.25, gt=0, le=0.5)
    pedestal_sigma_threshold: NotNegative = 5.0
    rc_fraction_threshold: Fraction = 0.8
    low_pedestal_fraction: Fraction = 0.8
    high_cr_fraction: Fraction = 0.8
    flag_values: dict[str, Names] = {
        "hot": ("HOT",),
        "rc": ("RC",),
        "low_pedestal": ("OTHER_BAD_PIXEL",),
        "high_cr": ("TELEGRAPH",),
    }
    dark_do_not_use: Names = tuple(OFFICIAL_KINDS)
    plot: bool = False

    # Keywords of jwst_reffiles for flats: accepted, so that a call can be copied from the notebook; nothing here uses
    # them.
    dead_search: bool = True
    low_qe_and_open_search: bool = True
    dead_search_type: str = "sigma_rate"
    flat_mean_sigma_threshold: float = 3.0
    flat_mean_normalization_method: str = "smoothed"
    smoothing_box_width: float = 15.0
    smoothing_type: str = "Box2D"
    dead_sigma_threshold: float = 5.0
    max_dead_norm_signal: float | None = None
    run_dead_flux_check: bool = False
    dead_flux_check_files: Names | None = None
    flux_check: float = 45000.0
    max_low_qe_norm_signal: float = 0.5
    max_open_adj_norm_signal: float = 1.05
    manual_flag_file: str = "default"
    flat_do_not_use: Names = ()
    quality_check: bool = False
    flat_slope_files: Names | None = None
    dark_slope_files: Names | None = None
    dark_uncal_files: Names | None = None
    dark_jump_files: Names | None = None
    dark_fitopt_files: Names | None = None

    @field_validator("flag_values", mode="after")
    @classmethod
    def _known_flags(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        lowered = {key.lower(): names for key, names in value.items()}
        if set(lowered) != set(OFFICIAL_KINDS) or len(lowered) != len(value):
            raise ValueError(f"it must name each of {', '.join(OFFICIAL_KINDS)} once and nothing else")
        for names in lowered.values():
            if unknown := [name for name in names if name not in MASK_MNEMONICS]:
                raise ValueError(f"{unknown[0]!r} is no DQ mnemonic that belongs in a mask")
        return {kind: tuple(dict.fromkeys(lowered[kind])) for kind in OFFICIAL_KINDS}

    @field_validator("dark_do_not_use", mode="after")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return one_of(tuple(OFFICIAL_KINDS), value)


def one_of(known: tuple[str, ...], value: tuple[str, ...]) -> tuple[str, ...]:
    """Return names in lower case, each once; raise ValueError when one is not among those known."""
    lowered = tuple(dict.fromkeys(name.lower() for name in value))
    if unknown := [name for name in lowered if name not in known]:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return lowered
