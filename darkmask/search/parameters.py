"""The parameters of a search: every keyword of ``jwst_reffiles`` 1.0.1, and those of the flight search."""

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from darkmask.core.categories import Category
from darkmask.core.errors import ParameterError
from darkmask.core.flags import FLIGHT_FLAGS, FlagTable

from .keywords import FILE_KEYWORDS, FIXED_IN_CODE, FLAT_KEYWORDS, MASK_TABLE, OFFICIAL_KINDS, Keywords, Names, one_of


class SearchParameters(Keywords):
    """The way to search for bad pixels; equal parameters and files give equal masks.

    Keywords of ``bad_pixels()`` keep the names and defaults of jwst_reffiles 1.0.1, whose docstring describes them;
    those of the flight search say here what they trade.
    """

    # Parameters of the flight search.
    hot_rate: float = Field(
        0.275,
        gt=0,
        description="e-/s from which a detected pixel is HOT. Source: NIRCam CV3 mask (B. Hilbert); NIRISS takes 0.5. "
        "Lower loses more pixels to science, higher leaves brighter ones in.",
    )
    warm_rate: float = Field(
        0.05,
        gt=0,
        validate_default=True,
        description="e-/s from which a detected pixel is WARM. Source: ours, provisional: 26 times the short-wave and "
        "1.5 times the long-wave median dark (JDox). Lower names more pixels that a dark subtraction mends.",
    )
    hot_significance: float = Field(
        5.0,
        gt=0,
        description="Sigma of the stack above the amplifier's median at which a pixel is detected. Source: CV3 mask. "
        "One false pixel in 3.5 million at 5; lower finds fainter ones and more noise.",
    )
    shape_significance: float = Field(
        7.0,
        gt=0,
        description="Sigma of the difference between early and late group differences beyond which a ramp is rc, or "
        "below the negative of which inverse_rc. Source: NIRISS masks (C. Willott). Lower names noise and telegraph.",
    )
    shape_fraction: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="Share of its signal per group by which a ramp must bend to be rc. Source: ours, provisional: the "
        "ramps of bright linear pixels bend by a few to some 11 per cent, those of rc pixels by twice their signal and "
        "more. Lower calls hot pixels rc, higher misses slow decays.",
    )
    noise_significance: float = Field(
        5.0,
        gt=0,
        description="Sigma above the amplifier's median noise of a group difference beyond which a pixel is noisy or "
        "telegraph. Source: between the release's 5 and CV3's 9. Lower flags the tail of good pixels.",
    )
    scatter_significance: float = Field(
        5.0,
        gt=0,
        description="Sigma above good pixels of the scatter of a pixel's rates between integrations, in units of what "
        "its own noise makes, beyond which it is noisy, if its rates scatter by `noisy_ratio` too. The two farthest "
        "integrations do not count, and eight are needed. Source: ours: one false pixel of a detector; CV3 took 9 "
        "sigma of slope noise. Lower finds slopes that scatter less and calls chance noisy.",
    )
    noisy_ratio: float = Field(
        1.5,
        ge=1,
        description="Times the noise of good pixels, its signal's shot noise included, that an unstable pixel must "
        "have besides its sigma to be noisy; one that falls again and again is so anyhow. Source: NIRISS masks (C. "
        "Willott). A number of sigma alone calls ever quieter pixels noisy as exposures are added.",
    )
    unusable_noise_ratio: float = Field(
        2.0,
        ge=1,
        description="Times that noise from which a noisy pixel gets DO_NOT_USE; below, it stays usable with a weight "
        "of its own. Source: ours, provisional: NIRISS masks take 2.5, and twice the noise is a quarter of the weight.",
    )
    pedestal_significance: float = Field(
        7.0,
        gt=0,
        description="Sigma below the amplifier's median pedestal beyond which it is low. Source: ours: the release's 5 "
        "finds nominal pixels on real data. Such pixels stay usable, so a miss costs a catalogue entry only.",
    )
    pedestal_floor: float = Field(
        180.0,
        ge=0,
        description="DN by which the pedestal must lie below the amplifier's median, besides its sigma, to be low. "
        "Source: ours, provisional: the release's cut of about 117 DN flags nominal pixels on real data, since errors "
        "of the superbias have long tails. Lower fills the catalogue with those.",
    )
    rc_first_group: float = Field(
        1000.0,
        gt=0,
        description="DN in the first group above which the charge was there before the ramp began. Source: ours: the "
        "release's 5-sigma cut is about 117 DN on real data and flags nominal pixels. Lower returns towards that.",
    )
    rc_ramp_change: float = Field(
        200.0,
        gt=0,
        description="DN by which the ramp must also change from the first to the last group. Source: ours, twice the "
        "100 DN of the jwst_reffiles development head. Lower takes a mere bias offset for rc.",
    )
    telegraph_bic: float = Field(
        10.0,
        gt=0,
        description="Gain in the Bayesian information criterion of two levels over one, above which an unstable pixel "
        "is telegraph and not noisy. Source: very strong evidence, after Kass and Raftery (1995); NIRISS masks take "
        "20. It moves pixels between the two names only.",
    )
    faint_significance: float = Field(
        3.0,
        gt=0,
        description="Sigma above good pixels of the noise from which the ramps of a pixel that is not too noisy are "
        "asked for two levels all the same, if its rates scatter by twice what that noise makes. Source: ours: one "
        "good pixel in some thousand is asked. Lower reads more ramps and finds fainter switching.",
    )
    faint_bic: float = Field(
        20.0,
        gt=0,
        description="Gain in the Bayesian information criterion of two levels over one that makes such a pixel "
        "telegraph. Source: NIRISS masks (C. Willott). Nothing else speaks against it: lower takes chance for levels.",
    )
    change_significance: float = Field(
        7.0,
        gt=0,
        description="Own sigma by which the rates, or the first groups, of two integrations at least must lie off the "
        "pixel's other ones to make it intermittent. Source: ours, provisional; radiation is asked for three where two "
        "happen by chance. Lower finds weaker changes and calls small cosmic rays a change.",
    )
    switch_chance: float = Field(
        5e-4,
        gt=0,
        lt=0.5,
        description="Chance that noise alone makes a good pixel fall, in a difference of all its integrations, as deep "
        "as a fall must be that, with a rise of like height, makes a pixel telegraph or intermittent. Source: ours: "
        "4.5 sigma of 160 differences; a rise of like height is as rare. Higher finds lower steps and more noise.",
    )
    trend_significance: float = Field(
        4.0,
        gt=0,
        description="Sigma below zero of the slope of a pixel's rate against the logarithm of time from which the rate "
        "decays. Source: ours, provisional, for the 1/t of persistence. Lower asks more steady pixels for a late rate.",
    )
    late_significance: float = Field(
        3.5,
        gt=0,
        description="Sigma above good pixels that the rate of the second half of the integrations must have for a "
        "pixel that decays to be hot or warm; in a patch, above its surroundings. Source: ours, provisional: with the "
        "trend it took false warm pixels of persistence from 259 to 20. Lower keeps more of them.",
    )
    patch_pixels: int = Field(
        20,
        ge=2,
        description="Fewest touching pixels, with decaying surroundings, that are a patch of persistence or afterglow. "
        "Source: ours: half of the 49 pixels over which a trend is averaged. Lower takes a clump of decaying pixels "
        "for light.",
    )
    min_differences: int = Field(
        10,
        ge=2,
        description="Fewest unflagged group differences, over all integrations, that allow a judgement; with fewer the "
        "pixel is undetermined. Source: ours: a standard deviation of 10 values is good to 24 %.",
    )
    reference_noise: float = Field(
        1.5,
        gt=1,
        description="Noise of a reference pixel, in medians of its kind (amplifier, edge, parity of column), from "
        "which it is bad. Source: NIRISS masks (C. Willott). Lower leaves fewer for the reference-pixel correction.",
    )
    reference_stuck: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="Noise of a reference pixel, in medians of its amplifier's science pixels, up to which it is "
        "stuck. Source: ours, provisional: what the subtraction of a mean of others leaves of a constant is a tenth at "
        "most. Higher takes quiet good ones for stuck.",
    )
    neighbour_coupling: float = Field(
        0.0,
        ge=0,
        lt=0.25,
        description="Fraction of a pixel's charge that each of its four neighbours takes on; 0 uses the detector's "
        "published value. Source: JDox. Too low flags the neighbours of strong pixels, too high hides real ones.",
    )
    flight_do_not_use: Names = Field(
        tuple(category.value for category in Category if category in FLIGHT_FLAGS.do_not_use),
        description="Categories of the flight search that get DO_NOT_USE. Source: docs/categories.md. A longer list "
        "takes pixels from science that calibration can mend.",
    )

    telegraph_do_not_use: bool = Field(
        True,
        description="Whether telegraph pixels get DO_NOT_USE, if `flight_do_not_use` lists them. Source: "
        "docs/categories.md. Without it they keep TELEGRAPH alone, for users who weigh or dither them away, as NIRISS "
        "and grizli users do.",
    )
    hot_neighbours: Literal["none", "+"] = Field(
        "none",
        description="Which neighbours of a pixel with HOT get OTHER_BAD_PIXEL and DO_NOT_USE besides: `+` stands for "
        "the left, right, lower and upper one. Source: masks of NIRISS and grizli users. `+` takes up to five pixels "
        "from science for each hot one, and leaves none into which its charge couples.",
    )

    def __init__(self, **given: Any):
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise ParameterError(f"{_describe(error)}.") from None

    @field_validator("warm_rate", mode="after")
    @classmethod
    def _below_hot(cls, value: float, info: ValidationInfo) -> float:
        if value > info.data.get("hot_rate", value):
            raise ValueError(f"it must not exceed hot_rate = {info.data['hot_rate']:g}")
        return value

    @field_validator("flight_do_not_use", mode="after")
    @classmethod
    def _known_categories(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return one_of(tuple(category.value for category in Category), value)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], source: str) -> "SearchParameters":
        """Read the parameters from a table such as ``[search]`` of a criteria file.

        Parameters
        ----------
        mapping : mapping of str to value
        source : str
            File that the message of an error names.

        Raises
        ------
        ParameterError
            When a key is not one of the search's, or a value has the wrong type or is out of its range.
        """
        try:
            return cls(**mapping)
        except ParameterError as error:
            raise ParameterError(f"{source}: in [search], {error}") from None

    def of_search(self, search: str) -> dict[str, Any]:
        """Return the parameters that decide a search, as plain values for a mask's HISTORY.

        Parameters
        ----------
        search : str
            ``flight`` or ``official``.
        """
        fields = type(self).model_fields
        # The package describes the keywords of bad_pixels(); a field with a description here belongs to the flight
        # search.
        flight = {name for name, field in fields.items() if field.description}
        idle = {*FLAT_KEYWORDS, *FILE_KEYWORDS, "plot"}
        chosen = {*flight, "max_saturated_fraction"} if search == "flight" else set(fields) - flight - idle
        return {name: value for name, value in self.model_dump(mode="json").items() if name in chosen}

    def ignored_keywords(self) -> list[str]:
        """Return one sentence for each group of given keywords that changes nothing in a search of darks."""
        given = self.model_fields_set
        sentences = []
        if flats := [name for name in FLAT_KEYWORDS if name in given]:
            sentences.append(
                f"In [search], {', '.join(flats)}: without effect, as no flats are searched, and dead, low-QE and open "
                "pixels come from the mask in force (--base)."
            )
        if files := [name for name in FILE_KEYWORDS if name in given]:
            sentences.append(
                f"In [search], {', '.join(files)}: without effect, as the files are those of the delivery."
            )
        sentences += [
            f"In [search], {name} = {getattr(self, name):g}: without effect, as jwst_reffiles 1.0.1 has {fixed:g} "
            "fixed in its code, and the official search follows it."
            for name, fixed in FIXED_IN_CODE.items()
            if getattr(self, name) != fixed
        ]
        if "plot" in given:
            sentences.append("In [search], plot: without effect, as the report holds the pictures.")
        return sentences

    def official_flags(self) -> FlagTable:
        """Return the flags of the official search and of jwst_reffiles: ``flag_values`` and ``dark_do_not_use``."""
        mnemonics = {category: self.flag_values[kind] for kind, group in OFFICIAL_KINDS.items() for category in group}
        unusable = frozenset(category for kind in self.dark_do_not_use for category in OFFICIAL_KINDS[kind])
        return FlagTable(mnemonics=mnemonics, do_not_use=unusable)

    def flight_flags(self) -> FlagTable:
        """Return the flags of the flight search, with the parameters that change them."""
        unusable = frozenset(Category(name) for name in self.flight_do_not_use)
        if not self.telegraph_do_not_use:
            unusable -= {Category.TELEGRAPH}
        return FlagTable(FLIGHT_FLAGS.mnemonics, unusable, neighbours=self.hot_neighbours == "+")


def _describe(error: ValidationError) -> str:
    """Return all complaints of pydantic in one clause each."""
    clauses = []
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] != "extra_forbidden":
            reason = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
            clauses.append(f"{key} = {problem['input']!r} cannot be used ({reason})")
        elif key in MASK_TABLE:
            clauses.append(f"{key!r} describes the mask and not the search: move it to [mask]")
        else:
            close = difflib.get_close_matches(key, SearchParameters.model_fields, n=1)
            advice = f"the nearest is {close[0]!r}" if close else "remove it"
            clauses.append(f"{key!r} is no parameter of the search: {advice}")
    return "; ".join(clauses)
