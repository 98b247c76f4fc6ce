"""REF: would CRDS and the pipeline take the mask as it is?"""

import pytest

from darkmask.masks import header as maskheader
from darkmask.pipeline import acceptance


@pytest.fixture
def mask(check, products):
    """Return the mask that is judged."""
    return products.judged.mask(check.detector)


@pytest.mark.asks("REF-SCHEMA")
def test_the_model_is_content(check, mask):
    """What does MaskModel complain of when it opens the mask?"""
    said = acceptance.schema_complaints(mask.path)
    check.judge(len(said), f"MaskModel says of {mask.path.name}: {'; '.join(said[:4]) or 'nothing'}")


@pytest.mark.asks("REF-CERTIFY")
def test_crds_certifies_it(check, mask, products):
    """What errors and warnings does crds.certify give?"""
    said, context = acceptance.certified(mask.path, products.geometry)
    check.judge(len(said), f"crds.certify by {context} says of {mask.path.name}: {'; '.join(said[:4]) or 'nothing'}")


@pytest.mark.asks("REF-DQINIT")
def test_the_pipeline_applies_it(check, mask, products):
    """In how many pixels does PIXELDQ after DQInit differ from the mask?"""
    windows = acceptance.applied(mask.path, check.detector, products.geometry)
    check.judge(sum(w["pixels"] for w in windows), "; ".join(_told(window, mask.path.name) for window in windows))


@pytest.mark.asks("REF-HEADER")
def test_the_header_is_of_this_detector(check, mask, products):
    """Which keywords do not belong to the detector and its frame?"""
    problems = maskheader.header_problems(mask, check.detector, products.geometry)
    check.judge_problems(problems, f"The header of {mask.path.name} belongs to {check.detector}")


@pytest.mark.asks("REF-DTYPE")
def test_the_array_is_uint32(check, mask):
    """Is DQ stored as unsigned 32-bit integers?"""
    found = maskheader.stored_type(mask.raw)
    sentence = f"{mask.path.name} stores DQ as {found} where uint32 was expected: write it again with MaskModel."
    check.judge_problems([sentence] if found else [], f"{mask.path.name} stores DQ as uint32")


def _told(window: dict, name: str) -> str:
    if window["refused"]:
        return f"DQInit refuses {name} for a {window['window']} dark ({window['refused']})"
    if not window["pixels"]:
        return f"PIXELDQ of a {window['window']} dark is what {name} says"
    x, y = window["first"]
    flags = ", ".join(f"{flag} +{gained} -{lost}" for flag, (gained, lost) in window["flags"].items())
    where = f"{name} in {window['pixels']} pixels from x {x}, y {y} on"
    return f"PIXELDQ of a {window['window']} dark differs from {where} ({flags})"
