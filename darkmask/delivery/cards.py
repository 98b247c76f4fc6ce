"""Every header card that is read from a delivery's files: its type, its range, and what is said when it is wrong."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from darkmask.core.detectors import FRAME_SIZE, READOUT_PATTERNS

# TGROUP of one set, and TGROUP against TFRAME, may differ by this share: headers round it to five decimals or fewer,
# and one row more or less changes the time of a full frame, the longest there is, by 1/2048 at least.
TIME_TOLERANCE = 2e-4
# A product of the pipeline has these; an _uncal file is asked for them when it is prepared. Without READPATT a set can
# be searched, and DRK-NOISE says that its noise cannot be judged.
REQUIRED = (
    *("DETECTOR", "SUBARRAY", "NINTS", "NGROUPS", "TGROUP", "NOUTPUTS", "DATE-OBS"),
    *("SUBSTRT1", "SUBSTRT2", "SUBSIZE1", "SUBSIZE2"),
)
# Together these identify an exposure, with DETECTOR.
IDENTITY = ("PROGRAM", "OBSERVTN", "VISIT", "VISITGRP", "SEQ_ID", "ACT_ID", "EXPOSURE")
# The most that a readout pattern has.
_MOST_FRAMES, _WIDEST_GAP = (max(numbers) for numbers in zip(*READOUT_PATTERNS.values(), strict=True))
_LONGEST_SHOWN = 40


def _whole_day(value: str) -> str:
    """Return the day of a date that may have a time behind it, as the FITS standard allows."""
    day = date.fromisoformat(value[:10])
    if not 2000 <= day.year < 2100:  # NIRCam's detectors were made in this century
        raise ValueError("no date of this century")
    return day.isoformat()


def _number_as_text(value: object) -> object:
    """Return an identifier that somebody wrote as a number the way the archive writes it, as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else value


def _one_of(*allowed: Any):
    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError("none of those allowed")
        return value

    return AfterValidator(check)


Text = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=1)]
ExposureType = Annotated[Text, StringConstraints(pattern=r"^[A-Z]{3}_[A-Z0-9_-]{2,20}$")]
Name = Annotated[Text, BeforeValidator(_number_as_text)]
Number = Annotated[str, StringConstraints(pattern=r"^0*[1-9]\d{0,8}$"), BeforeValidator(_number_as_text)]
Time = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
Pixel = Annotated[int, Field(ge=1, le=FRAME_SIZE)]
Axis = Annotated[int, _one_of(-2, -1, 1, 2)]

_TEXT, _NAME = "a text", "an identifier as the archive writes it"
_SECONDS = "a time in seconds, more than 0 and at most 10000,"
_PIXEL, _AXIS = f"a whole number from 1 to {FRAME_SIZE}", "-2, -1, 1 or 2"
_INTEGRATION = "a whole number from 1 to 65535"


class Cards(BaseModel):
    """The cards of a primary header that anything here depends on, typed and within their range.

    A field's alias is the keyword and its description what is expected of the value. A card that is absent has its
    default: absence is judged by ``REQUIRED``.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    detector: Text = Field("", alias="DETECTOR", description="the name of a detector")
    subarray: Text = Field("", alias="SUBARRAY", description="the name of a subarray, or FULL")
    readpatt: Annotated[Text, _one_of(*READOUT_PATTERNS)] = Field(
        "", alias="READPATT", description=f"one of {', '.join(READOUT_PATTERNS)}"
    )
    exp_type: ExposureType = Field("", alias="EXP_TYPE", description="an exposure type such as NRC_DARK")
    date_obs: Annotated[str, AfterValidator(_whole_day)] = Field(
        "", alias="DATE-OBS", description="a date YYYY-MM-DD of this century"
    )
    # A search counts integrations and groups in 16 bits.
    nints: int = Field(0, alias="NINTS", ge=1, le=65_535, description=_INTEGRATION)
    ngroups: int = Field(0, alias="NGROUPS", ge=1, le=32_767, description="a whole number from 1 to 32767")
    noutputs: Annotated[int, _one_of(1, 4)] = Field(0, alias="NOUTPUTS", description="1 or 4")
    tgroup: Time = Field(0.0, alias="TGROUP", description=_SECONDS)
    tframe: Time | None = Field(None, alias="TFRAME", description=_SECONDS)
    nframes: int | None = Field(
        None, alias="NFRAMES", ge=1, le=_MOST_FRAMES, description=f"a whole number from 1 to {_MOST_FRAMES}"
    )
    groupgap: int | None = Field(
        None, alias="GROUPGAP", ge=0, le=_WIDEST_GAP, description=f"a whole number from 0 to {_WIDEST_GAP}"
    )
    xstart: Pixel = Field(0, alias="SUBSTRT1", description=_PIXEL)
    ystart: Pixel = Field(0, alias="SUBSTRT2", description=_PIXEL)
    xsize: Pixel = Field(0, alias="SUBSIZE1", description=_PIXEL)
    ysize: Pixel = Field(0, alias="SUBSIZE2", description=_PIXEL)
    fastaxis: Axis = Field(0, alias="FASTAXIS", description=_AXIS)
    slowaxis: Axis = Field(0, alias="SLOWAXIS", description=_AXIS)
    segment: int | None = Field(None, alias="EXSEGNUM", ge=1, le=999, description="a whole number from 1 to 999")
    segments: int | None = Field(None, alias="EXSEGTOT", ge=1, le=999, description="a whole number from 1 to 999")
    intstart: int | None = Field(None, alias="INTSTART", ge=1, le=65_535, description=_INTEGRATION)
    intend: int | None = Field(None, alias="INTEND", ge=1, le=65_535, description=_INTEGRATION)
    program: Name = Field("", alias="PROGRAM", description=_NAME)
    observation: Name = Field("", alias="OBSERVTN", description=_NAME)
    visit: Name = Field("", alias="VISIT", description=_NAME)
    visit_group: Name = Field("", alias="VISITGRP", description=_NAME)
    sequence: Name = Field("", alias="SEQ_ID", description=_NAME)
    activity: Name = Field("", alias="ACT_ID", description=_NAME)
    exposure: Number = Field("", alias="EXPOSURE", description="the number of the exposure")
    simulated: bool = Field(False, alias="SIMULATD", description="T or F")
    superbias: Text = Field("", alias="S_SUPERB", description=_TEXT)
    jump: Text = Field("", alias="S_JUMP", description=_TEXT)
    ramp_fit: Text = Field("", alias="S_RAMP", description=_TEXT)
    dark: Text = Field("", alias="S_DARK", description=_TEXT)
    dq_init: Text = Field("", alias="S_DQINIT", description=_TEXT)
    saturation: Text = Field("", alias="S_SATURA", description=_TEXT)
    reference_pixels: Text = Field("", alias="S_REFPIX", description=_TEXT)
    linearity: Text = Field("", alias="S_LINEAR", description=_TEXT)
    coupling: Text = Field("", alias="S_IPC", description=_TEXT)
    flicker_noise: Text = Field("", alias="S_CLNFNS", description=_TEXT)

    @property
    def steps(self) -> dict[str, str]:
        """The pipeline's steps that the header names, by keyword."""
        named = {
            "S_SUPERB": self.superbias,
            "S_JUMP": self.jump,
            "S_RAMP": self.ramp_fit,
            "S_DARK": self.dark,
            "S_DQINIT": self.dq_init,
            "S_SATURA": self.saturation,
            "S_REFPIX": self.reference_pixels,
            "S_LINEAR": self.linearity,
            "S_IPC": self.coupling,
            "S_CLNFNS": self.flicker_noise,
        }
        return {keyword: value for keyword, value in named.items() if value}

    @property
    def identity(self) -> tuple[str, ...] | None:
        """What identifies the exposure; None when a card of it is absent."""
        parts = (
            *(self.program, self.observation, self.visit, self.visit_group, self.sequence, self.activity),
            self.exposure,
        )
        # 1 and 00001 are one exposure.
        return tuple(part.zfill(5) for part in parts) if all(parts) else None


KEYWORDS = {field.alias: field for field in Cards.model_fields.values() if field.alias}


class CardsError(ValueError):
    """What is wrong with a header's cards: the rest of a sentence that begins with the file's name."""


def read_cards(header, required: bool = True) -> Cards:
    """Read the cards of a primary header.

    Parameters
    ----------
    header : astropy.io.fits.Header
    required : bool
        Whether the cards of ``REQUIRED`` must be there.

    Raises
    ------
    CardsError
        When a card is absent, has no value, or one of a wrong type, out of range or in conflict with another card.
    """
    values, wrong = _values(header)
    missing = [keyword for keyword in REQUIRED if keyword not in values and keyword not in wrong]
    if missing and required:
        raise CardsError(
            f"lacks the header keyword {', '.join(missing)}: a pipeline product has it; make the file again."
        )
    try:
        cards = Cards.model_validate(values)
    except ValidationError as error:
        for fault in error.errors():
            keyword = str(fault["loc"][0])
            wrong.setdefault(keyword, _said(keyword, values[keyword]))
        cards = None
    if cards is None or wrong:
        found = [wrong[keyword] for keyword in KEYWORDS if keyword in wrong]
        raise CardsError(f"has {', and '.join(found)}: correct the header, or make the file again.")
    conflicts = [*_readout_conflicts(cards), *_segment_conflicts(cards)]
    if conflicts:
        raise CardsError(f"has {', and '.join(conflicts)}: correct the header, or make the file again.")
    return cards


def _values(header) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of the cards that are read, and what is wrong with those that have none."""
    from astropy.io.fits.card import Undefined

    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for card in header.cards:
        keyword = card.keyword
        if keyword not in KEYWORDS:
            continue
        try:
            value = card.value
        except Exception:  # astropy parses a card when it is read, and raises several types
            wrong[keyword] = f"a card {keyword} that is not as the FITS standard has it, {_expected(keyword)}"
            continue
        if isinstance(value, Undefined):
            wrong[keyword] = _said(keyword, "")
            continue
        if keyword in values and values[keyword] != value:
            wrong[keyword] = f"{keyword} twice, with {_shown(values[keyword])} and {_shown(value)}"
        values.setdefault(keyword, value)
    return values, wrong


def _expected(keyword: str) -> str:
    return f"where {KEYWORDS[keyword].description} was expected"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def _said(keyword: str, value: object) -> str:
    blank = isinstance(value, str) and not value.strip()
    found = f"{keyword} without a value" if blank else f"{keyword} {_shown(value)}"
    return f"{found} {_expected(keyword)}"


def _readout_conflicts(cards: Cards) -> Iterator[str]:
    """Yield what does not belong to the readout pattern; what a header lacks is in no conflict."""
    pattern = READOUT_PATTERNS.get(cards.readpatt)
    nframes, groupgap = pattern or (cards.nframes, cards.groupgap)
    for keyword, found, expected in (("NFRAMES", cards.nframes, nframes), ("GROUPGAP", cards.groupgap, groupgap)):
        if found is not None and found != expected:
            yield f"{keyword} {found} where {expected} belongs to READPATT {cards.readpatt}"
    if cards.tframe is None or not cards.tgroup or nframes is None or groupgap is None:
        return
    expected_time = cards.tframe * (nframes + groupgap)
    if abs(cards.tgroup - expected_time) > TIME_TOLERANCE * expected_time:
        what = f"READPATT {cards.readpatt}" if pattern else f"NFRAMES {nframes}, GROUPGAP {groupgap}"
        yield (
            f"TGROUP {cards.tgroup:.8g} s where {expected_time:.8g} s belongs to {what} and TFRAME {cards.tframe:.8g} s"
        )


def _segment_conflicts(cards: Cards) -> Iterator[str]:
    """Yield what the cards of a segment do not agree in, within one header."""
    if (cards.segment is None) != (cards.segments is None):
        there, absent = ("EXSEGTOT", "EXSEGNUM") if cards.segment is None else ("EXSEGNUM", "EXSEGTOT")
        yield f"{there} and no {absent} where both were expected, or none"
    elif cards.segment is not None and cards.segments is not None and cards.segment > cards.segments:
        yield f"EXSEGNUM {cards.segment} beyond EXSEGTOT {cards.segments}"
    if (cards.segments or 1) > 1 and (cards.intstart is None or cards.intend is None):
        yield f"EXSEGTOT {cards.segments} without INTSTART and INTEND, which say what integrations the segment holds"
    if cards.intstart is not None and cards.intend is not None and cards.intstart > cards.intend:
        yield f"INTSTART {cards.intstart} after INTEND {cards.intend}"
    if cards.intend is not None and cards.nints and cards.intend > cards.nints:
        yield f"INTEND {cards.intend} beyond NINTS {cards.nints}"
