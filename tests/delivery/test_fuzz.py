"""Damage anywhere in an input file is told or has no effect; it never crashes, nor changes a result without a word."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from darkmask.core.errors import DarkmaskError
from darkmask.masks.file import MaskFile, read_mask
from darkmask.masks.folder import scan_masks
from darkmask.simulate import DemoPaths, SimulationSpec, simulate_delivery
from tests.support.deliveries import linked
from tests.support.verdicts import FRAME, Verdict, judge

pytestmark = pytest.mark.slow

WITHOUT_A_WORD = "another result without a word"
# Coupling reaches so many pixels.
_REACH = 2
KINDS = ("jump", "fitopt", "rateints")
BLOCK = 2880


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> DemoPaths:
    """Make one exposure of one detector, and the masks beside it."""
    paths = DemoPaths.of(tmp_path_factory.mktemp("fuzz") / "darks")
    spec = SimulationSpec(frame=FRAME, detectors=("NRCA1",), subarrays=(), exposures=1, integrations=4, groups=8)
    simulate_delivery(paths.delivery, spec, progress=False)
    return paths


def damaged(content: bytes, random: np.random.Generator, first: int, last: int) -> tuple[bytes, int]:
    """Return a copy with one thing wrong between two positions, and where."""
    at = int(random.integers(first, last))
    match random.integers(6):
        case 0:
            return content[:at], at
        case 1:
            return content[:at] + bytes(min(80, last - at)) + content[at + min(80, last - at) :], at
        case 2:
            return content[:at] + content[at + 1 :], at
        case 3:
            return content[:at] + bytes([random.integers(256)]) + content[at + 1 :], at
        case _:
            return content[:at] + bytes([content[at] ^ (1 << int(random.integers(8)))]) + content[at + 1 :], at


def parts(path: Path) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return where headers lie in a FITS file, and where everything else does, in bytes from and to."""
    from astropy.io import fits

    with fits.open(path, disable_image_compression=True) as hdus:
        infos = [hdu.fileinfo() for hdu in hdus]
    headers = [(info["hdrLoc"], info["datLoc"]) for info in infos]
    data = [(info["datLoc"], info["datLoc"] + info["datSpan"]) for info in infos if info["datSpan"]]
    return headers, data


# A search, a check or the place of an array depends on these keywords.
KEYWORDS = (
    *("SIMPLE", "XTENSION", "EXTNAME", "BITPIX", "NAXIS", "BZERO", "BSCALE", "PCOUNT", "GCOUNT", "END", "EXTEND"),
    *("DETECTOR", "SUBARRAY", "NINTS", "NGROUPS", "TGROUP", "NOUTPUTS", "DATE-OBS", "SUBSTRT", "SUBSIZE", "READPATT"),
    *("EXP_TYPE", "FASTAXIS", "SLOWAXIS", "EXSEG", "SIMULATD", "S_SUPERB", "S_JUMP", "S_RAMP", "S_DARK"),
    *("PROGRAM", "OBSERVTN", "VISIT", "SEQ_ID", "ACT_ID", "EXPOSURE"),
)


def cards(content: bytes, headers: list[tuple[int, int]]) -> list[int]:
    """Return where the cards of these keywords begin."""
    starts = [at for low, high in headers for at in range(low, high, 80)]
    return [at for at in starts if content[at : at + 8].rstrip().startswith(tuple(k.encode() for k in KEYWORDS))]


def a_place(random: np.random.Generator, where: list[tuple[int, int]]) -> tuple[int, int]:
    return where[int(random.integers(len(where)))]


@pytest.mark.parametrize("kind", KINDS)
def test_damage_in_a_header_is_said_or_has_no_effect(paths, tmp_path, kind, record_property):
    outcomes = damage(paths, tmp_path, kind, cases=130, of_headers=True)
    record_property("outcomes", dict(outcomes))
    assert outcomes[WITHOUT_A_WORD] == 0
    assert outcomes["said"] > 50
    assert outcomes["no effect"] > 5


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind == "jump" else pytest.mark.slow) for kind in KINDS]
)
def test_a_changed_character_of_a_keyword_that_matters(paths, tmp_path, kind, record_property):
    folder, source, sound = prepared(paths, tmp_path, kind)
    content = source.read_bytes()
    random = np.random.default_rng(KINDS.index(kind))
    outcomes: Counter[str] = Counter()
    for start in cards(content, parts(source)[0]):
        text = content[start : start + 80]
        ends = len(text.partition(b" / ")[0].rstrip())
        for at in start + random.choice(ends, size=min(3, ends), replace=False):
            changed = content[:at] + bytes([content[at] ^ (1 << int(random.integers(7)))]) + content[at + 1 :]
            what = f"{kind}: {text.rstrip()!r}, byte {at - start}"
            outcomes[tried(folder / source.name, changed, sound, True, what)] += 1
    print(kind, "keywords", dict(outcomes))
    record_property("outcomes", dict(outcomes))
    assert outcomes[WITHOUT_A_WORD] == 0
    assert outcomes["said"] > 60


@pytest.mark.parametrize("kind", KINDS)
def test_damage_in_data_is_said_or_stays_where_it_is(paths, tmp_path, kind, record_property):
    outcomes = damage(paths, tmp_path, kind, cases=50, of_headers=False)
    record_property("outcomes", dict(outcomes))
    assert outcomes[WITHOUT_A_WORD] == 0
    assert outcomes["said"] > 5


def prepared(paths: DemoPaths, tmp_path: Path, kind: str) -> tuple[Path, Path, Verdict]:
    """Return a folder to do damage in, the file that is damaged, and what is found without damage."""
    (source,) = paths.delivery.glob(f"*_{kind}.fits")
    kept = (path for path in paths.delivery.glob("*.fits") if not path.name.endswith("_rate.fits"))
    folder = linked(kept, tmp_path / "darks")
    sound = judge(folder)
    assert sound.digest
    return folder, source, sound


def tried(target: Path, changed: bytes, sound: Verdict, of_headers: bool, what: str) -> str:
    """Return what becomes of a delivery with this content in one file."""
    # The file that others are linked to must stay as it is.
    target.unlink()
    target.write_bytes(changed)
    outcome = outcome_of(sound, judge(target.parent), of_headers)
    if outcome == WITHOUT_A_WORD:
        print(what)
    return outcome


def damage(paths: DemoPaths, tmp_path: Path, kind: str, cases: int, of_headers: bool) -> Counter:
    """Count what becomes of so many cases of damage in one file."""
    folder, source, sound = prepared(paths, tmp_path, kind)
    content = source.read_bytes()
    where = parts(source)[0 if of_headers else 1]
    random = np.random.default_rng([cases, KINDS.index(kind), of_headers])
    outcomes: Counter[str] = Counter()
    for case in range(cases):
        changed, at = damaged(content, random, *a_place(random, where))
        what = f"{kind} case {case}: byte {at} of {card(content, at)!r}"
        outcomes[tried(folder / source.name, changed, sound, of_headers, what)] += 1
    print(kind, "headers" if of_headers else "data", dict(outcomes))
    return outcomes


def card(content: bytes, at: int) -> bytes:
    start = at - at % 80
    return content[start : start + 80]


def outcome_of(sound: Verdict, found: Verdict, of_headers: bool) -> str:
    if found.sentence:
        assert "\n" not in found.sentence
        assert len(found.sentence) < 500
        return "said"
    if found.digest == sound.digest:
        return "no effect"
    if of_headers:
        return WITHOUT_A_WORD
    # A pixel's own values carry no checksum: other values are another measurement. They may change those pixels (at
    # most 80 bytes of GROUPDQ, which run over the end of a row) and those that they couple to.
    y, _ = np.nonzero(found.categories != sound.categories)
    near = not y.size or np.ptp(y) <= 2 * _REACH + 80 // FRAME + 1
    return "another value of a pixel" if near else WITHOUT_A_WORD


def read(folder: Path) -> tuple[str, MaskFile | None]:
    try:
        return "", scan_masks(folder).read("NRCA1")
    except DarkmaskError as error:
        return str(error), None


def test_damage_in_a_mask_is_said_or_stays_where_it_is(paths, tmp_path, record_property):
    (source,) = paths.base.glob("*nrca1*.fits")
    content = source.read_bytes()
    headers, data = parts(source)
    sound = read_mask(source)
    random = np.random.default_rng(7)
    folder = tmp_path / "masks"
    folder.mkdir()
    outcomes: Counter[str] = Counter()
    for case in range(150):
        changed, at = damaged(content, random, *a_place(random, headers if case % 3 else data))
        (folder / source.name).write_bytes(changed)
        sentence, mask = read(folder)
        if mask is None:
            assert sentence
            assert "\n" not in sentence
            outcomes["said"] += 1
            continue
        same = mask.decoded.shape == sound.decoded.shape and (mask.decoded == sound.decoded).all()
        header = {k for k in {*mask.header, *sound.header} if mask.header.get(k) != sound.header.get(k)}
        if same:
            outcomes["no effect" if not header else "another keyword"] += 1
        elif mask.decoded.shape == sound.decoded.shape and any(low <= at < high for low, high in data):
            # The damage lies in DQ or DQ_DEF and gives other flags, which the DQ, CNT and BAS checks judge.
            outcomes["other flags"] += 1
        else:
            outcomes[WITHOUT_A_WORD] += 1
            print(f"case {case}: byte {at} of {card(content, at)!r}")
    print("mask", dict(outcomes))
    record_property("outcomes", dict(outcomes))
    assert outcomes[WITHOUT_A_WORD] == 0
    assert outcomes["said"] > 10


def test_a_delivery_cut_at_any_block_is_said(paths, tmp_path):
    """Cut each file at whole blocks of FITS, as a broken transfer does: every header that is left is right."""
    folder = tmp_path / "darks"
    for kind in KINDS:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(paths.delivery, folder, ignore=shutil.ignore_patterns("*_rate.fits"))
        (target,) = folder.glob(f"*_{kind}.fits")
        content = target.read_bytes()
        blocks = len(content) // BLOCK
        for number in {0, 1, 2, *np.linspace(3, blocks - 1, 12).astype(int)}:
            target.write_bytes(content[: number * BLOCK])
            assert judge(folder).sentence, (kind, number)
