"""Each card that is read, with each kind of wrong value: one sentence about it, or no effect; never bad advice."""

from collections import Counter
from pathlib import Path

import pytest
from astropy.io import fits

from darkmask.core.detectors import READOUT_PATTERNS
from darkmask.delivery import scan
from darkmask.delivery.cards import KEYWORDS
from tests.support.deliveries import linked, simulated
from tests.support.verdicts import FRAME, judge

ABSENT = object()
# Advice to throw away data that may be good, and what no sentence for a user holds.
BAD_WORDS = ("remove", "take it out", "None", "Traceback", "\n")


@pytest.fixture(scope="module")
def darks(tmp_path_factory) -> Path:
    """Make two exposures of one detector."""
    made = simulated(tmp_path_factory.mktemp("cards"), frame=FRAME, exposures=2, integrations=3)
    for path in made.glob("*_rate.fits"):
        path.unlink()
    return made


@pytest.fixture
def folder(darks, tmp_path) -> Path:
    return linked(darks.iterdir(), tmp_path / "darks")


def with_card(content: bytes, keyword: str, value: object) -> bytes:
    """Return a file with another value, as raw text, in a card of its primary header; ``ABSENT`` takes the card out."""
    end = next(at for at in range(0, len(content), 80) if content[at : at + 80].rstrip() == b"END")
    size = (end // 2880 + 1) * 2880
    cards = [content[at : at + 80] for at in range(0, end, 80)]
    names = [card[:8].rstrip().decode() for card in cards]
    card = None if value is ABSENT else f"{keyword:8}= {value:>20}".ljust(80).encode()
    if keyword in names:
        cards[names.index(keyword) : names.index(keyword) + 1] = [card] if card else []
    elif card:
        cards.append(card)
    header = b"".join(cards) + b"END".ljust(80)
    return header.ljust(-(-len(header) // 2880) * 2880) + content[size:]


def change(folder: Path, pattern: str, keyword: str, value: object) -> None:
    for path in folder.glob(pattern):
        content = with_card(path.read_bytes(), keyword, value)
        path.unlink()
        path.write_bytes(content)


def sentences(folder: Path) -> list[str]:
    return [problem.sentence for problem in scan(folder).problems]


def wrong_values(keyword: str, was: object) -> dict[str, object]:
    """Return the texts of values that a card may wrongly have."""
    text = isinstance(was, str)
    return {
        "absent": ABSENT,
        "blank": "",
        "empty": "'        '",
        "wrong type": "3.25" if text else "'three'",
        "logical": "T",
        "negative": "-1" if text else "-3",
        "zero": "0",
        "huge": "'" + "9" * 60 + "'" if text else "1E300" if isinstance(was, float) else "9" * 18,
        "not a number": "NaN",
        "infinite": "1E999",
        "complex": "(1.0, 2.0)",
        "unfinished": "'" + str(was),
        **({"other case": f"'{was.lower()}'"} if text else {}),
    }


# Every seventh value is tried in minutes. A keyword has 12 or 13 of them, so that all kinds come by; what one file says
# alone is the hardest to tell, and has every value.
TRIED = [
    ("*_00001_nrca1_jump.fits", 7),
    pytest.param("*_00001_nrca1_jump.fits", 1, marks=pytest.mark.slow),
    *(pytest.param(files, 2, marks=pytest.mark.slow) for files in ("*_00001_nrca1_*.fits", "*.fits")),
]


@pytest.mark.parametrize(("files", "every"), TRIED)
def test_no_value_of_a_card_passes_or_crashes(darks, tmp_path, files, every, record_property):
    (some,) = darks.glob("*_00001_nrca1_jump.fits")
    header = fits.getheader(some)
    sound = judge(darks, whole=2)
    assert sound.digest
    outcomes: Counter[str] = Counter()
    bad = []
    values = [(keyword, *one) for keyword in KEYWORDS for one in wrong_values(keyword, header.get(keyword, 1)).items()]
    for keyword, name, value in values[::every]:
        folder = linked(darks.iterdir(), tmp_path / f"{keyword}-{name}")
        change(folder, files, keyword, value)
        found = judge(folder, whole=2)
        if found.sentence:
            outcomes["said"] += 1
            said = found.sentence.replace("if one is a copy, take it out", "")
            advice = [word for word in BAD_WORDS if word in said]
            # Of a subarray that nobody planned DLV-PLAN says the name.
            named = keyword in said or value is ABSENT or "no exposure of NRCA1 FULL is left" in said
            if advice or not named or len(said) > 600:
                bad.append((keyword, name, said))
        elif found.digest == sound.digest:
            outcomes["no effect"] += 1
        # Without SIMULATD in any file a delivery is a real one.
        elif (keyword, name, files) != ("SIMULATD", "absent", "*.fits"):
            bad.append((keyword, name, "another result without a word"))
    print(files, dict(outcomes))
    record_property("outcomes", dict(outcomes))
    assert bad == [], "\n".join(map(str, bad))
    assert outcomes["said"] > 250 / every


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("EXPOSURE", "", "has EXPOSURE without a value where the number of the exposure was expected"),
        ("DATE-OBS", "", "has DATE-OBS without a value where a date YYYY-MM-DD of this century was expected"),
        ("DATE-OBS", "'12/04/22'", "has DATE-OBS '12/04/22' where a date YYYY-MM-DD of this century was expected"),
        (
            "TGROUP",
            "",
            "has TGROUP without a value where a time in seconds, more than 0 and at most 10000, was expected",
        ),
        ("TGROUP", "0.0", "has TGROUP 0.0 where a time in seconds"),
        ("TGROUP", "-10.73677", "has TGROUP -10.73677 where a time in seconds"),
        (
            "TGROUP",
            "21.47354",
            "has TGROUP 21.47354 s where 10.73677 s belongs to READPATT RAPID and TFRAME 10.73677 s",
        ),
        ("NINTS", "", "has NINTS without a value where a whole number from 1 to 65535 was expected"),
        ("NINTS", "'3'", "has NINTS '3' where a whole number from 1 to 65535 was expected"),
        ("NGROUPS", "-8", "has NGROUPS -8 where a whole number from 1 to 32767 was expected"),
        ("EXSEGTOT", "", "has EXSEGTOT without a value where a whole number from 1 to 999 was expected"),
        ("NFRAMES", "2", "has NFRAMES 2 where 1 belongs to READPATT RAPID"),
        ("GROUPGAP", "1", "has GROUPGAP 1 where 0 belongs to READPATT RAPID"),
        ("READPATT", "'FAST'", "has READPATT 'FAST' where one of RAPID, BRIGHT1,"),
        ("SUBSIZE1", "0", "has SUBSIZE1 0 where a whole number from 1 to 2048 was expected"),
        ("EXSEGNUM", "2", "has EXSEGNUM and no EXSEGTOT where both were expected, or none"),
        ("INTEND", "4", "has INTEND 4 beyond NINTS 3"),
        ("SIMULATD", "'F'", "has SIMULATD 'F' where T or F was expected"),
        ("TGROUP", "(1.0, 2.0)", "has TGROUP (1+2j) where a time in seconds"),
    ],
)
def test_what_is_said_of_a_card(folder, keyword, value, said):
    change(folder, "*_00001_nrca1_jump.fits", keyword, value)
    first = sentences(folder)[0]
    assert first.startswith(f"jw01062001001_02101_00001_nrca1_jump.fits {said}")
    assert first.endswith("correct the header, or make the file again.")


def test_a_blank_exposure_number_leaves_every_exposure_what_it_is(folder):
    change(folder, "*_jump.fits", "EXPOSURE", "")
    assert [said for said in sentences(folder) if "both" in said] == []
    assert sum("has EXPOSURE without a value" in said for said in sentences(folder)) == 2


def test_a_card_that_stands_twice_with_two_values_is_said(folder):
    (path,) = folder.glob("*_00001_nrca1_jump.fits")
    content = with_card(path.read_bytes(), "EXSEGNUM", "1")
    path.unlink()
    path.write_bytes(content.replace(b"EXSEGNUM=                    1", b"TGROUP  =                 21.5"))
    assert "has TGROUP twice, with 10.73677 and 21.5" in sentences(folder)[0]


def test_a_last_digit_makes_no_second_set(folder):
    change(folder, "*_00001_nrca1_*.fits", "TGROUP", "10.736770000000002")
    change(folder, "*_00002_nrca1_rateints.fits", "TGROUP", "10.7368")
    index = scan(folder)
    assert index.problems == ()
    ((key, exposures),) = index.sets("NRCA1", "FULL").items()
    assert len(exposures) == 2
    assert key.tgroup == 10.73677


def test_what_sets_differ_in_is_said_with_all_digits(folder):
    for keyword, value in (("TGROUP", "10.745"), ("TFRAME", "10.745")):
        change(folder, "*_00001_nrca1_*.fits", keyword, value)
    one, other = scan(folder).sets("NRCA1", "FULL")
    assert one.differences(other) in ("TGROUP (10.73677 and 10.745)", "TGROUP (10.745 and 10.73677)")


@pytest.mark.parametrize(("pattern", "frames", "gap"), [(name, *frames) for name, frames in READOUT_PATTERNS.items()])
def test_each_pattern_has_its_frames_and_its_time(folder, pattern, frames, gap):
    cards = {"READPATT": f"'{pattern.lower()}'", "NFRAMES": frames, "GROUPGAP": gap}
    cards["TGROUP"] = f"{10.73677 * (frames + gap):.5f}"
    for keyword, value in cards.items():
        change(folder, "*.fits", keyword, value)
    assert sentences(folder) == []
    change(folder, "*_00001_nrca1_jump.fits", "GROUPGAP", gap + 1 if gap < 18 else gap - 1)
    assert "GROUPGAP" in sentences(folder)[0]


def test_a_pattern_without_a_name_has_the_time_of_its_frames(folder):
    change(folder, "*.fits", "READPATT", ABSENT)
    assert sentences(folder) == []
    change(folder, "*_00001_nrca1_jump.fits", "GROUPGAP", "1")
    assert "has TGROUP 10.73677 s where 21.47354 s belongs to NFRAMES 1, GROUPGAP 1 and TFRAME" in sentences(folder)[0]


def test_a_wrong_card_concerns_its_own_detector_and_observation(folder):
    """Whatever the file is called: other detectors must not fail for it, nor a run without the observation."""
    (path,) = folder.glob("*_00001_nrca1_jump.fits")
    path.rename(folder / "ramps_jump.fits")
    change(folder, "ramps_jump.fits", "TGROUP", "0.0")
    index = scan(folder)
    (problem,) = (problem for problem in index.problems if "TGROUP" in problem.sentence)
    assert problem.detectors == ("NRCA1",)
    assert index.without_observations(["1"]).problems == ()
