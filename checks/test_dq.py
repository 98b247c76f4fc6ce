"""DQ: does the mask say what it means, and only what a mask may say?"""

import pytest

from darkmask.masks import quality as maskquality
from darkmask.masks.compare import shared_bad_pixels
from darkmask.masks.untold import shared_unlit_pixels
from fixtures.session.endings import NotEvaluated

# Of fewer bad pixels than this some few shared ones are no share.
_FEWEST = 20


@pytest.fixture
def mask(check, products):
    """Return the mask that is judged."""
    return products.judged.mask(check.detector)


@pytest.mark.asks("DQ-BITS")
def test_only_bits_of_a_mask(check, mask, products):
    """Which pixels carry a flag that describes an exposure and not a pixel?"""
    count, names = maskquality.foreign_bits(mask.decoded)
    said = f"{', '.join(names)} in {mask.path.name}" if names else f"Every flag in {mask.path.name} belongs in a mask"
    base = products.base.path_of(check.detector) if products.judged.generated else None
    if names and base is not None:
        # No search finds such a flag.
        said += f", carried from {base.name}"
    check.judge(count, said)


@pytest.mark.asks("DQ-DO_NOT_USE")
def test_bad_pixels_are_marked_unusable(check, mask, products):
    """Which pixels lack the flags that their category requires?"""
    if products.judged.generated:
        built = products.searched.built(check.detector)
        categories = built.set("FULL").categories.copy()
        categories[products.geometry.reference_pixels()] = 0
        beside_hot = built.beside_hot("FULL") & ~products.geometry.reference_pixels()
        count = maskquality.missing_bits(mask.decoded, categories, built.mandatory_bits, beside_hot)
    else:
        count = maskquality.unusable_without_flag(mask.decoded, check.run.settings.parameters.flight_flags())
    check.judge(count, f"Bad pixels of {mask.path.name} without their flag or without DO_NOT_USE")


@pytest.mark.asks("DQ-PAIRS")
def test_no_contradictions(check, mask):
    """Which pixels carry two flags that exclude each other?"""
    count, pairs = maskquality.contradictions(mask.decoded)
    check.judge(count, f"{', '.join(pairs) or 'No contradictory flags'} in {mask.path.name}")


@pytest.mark.asks("DQ-BORDER")
def test_reference_border(check, mask, products):
    """Is REFERENCE_PIXEL on the border, and nowhere else?"""
    missing, misplaced = maskquality.border_errors(mask.decoded, products.geometry.reference_pixels())
    check.judge(
        missing + misplaced,
        f"{missing} border pixels of {mask.path.name} lack REFERENCE_PIXEL and {misplaced} inside have it",
    )


@pytest.mark.asks("DQ-DEF")
def test_dq_def_defines_every_bit(check, mask):
    """Which pixels carry a bit that DQ_DEF does not define, or defines otherwise than the array uses it?"""
    count, said = maskquality.definition_errors(mask.raw, mask.dq_def, mask.dq_def_bits)
    if said and mask.dq_def:
        said.append(f"decoding changes {_changes(mask) or 'nothing'}")
    check.judge(count, f"{mask.path.name} has {'; '.join(said) or 'a DQ_DEF that defines every used bit'}")


@pytest.mark.asks("DQ-RAW")
def test_decoding_keeps_every_pixel(check, mask, products):
    """Which pixels does the pipeline's decoding change, or lose?"""
    if products.judged.generated:
        changed = int((mask.raw != mask.decoded).sum())
    else:
        # A compact DQ_DEF moves bits; by name nothing changes.
        changed = int(maskquality.changed_pixels(mask.raw, mask.decoded, mask.dq_def).sum())
    said = f"Decoding {mask.path.name} through DQ_DEF changes: {_changes(mask) or 'nothing'}"
    # Where the table is wrong, its own check says so and names these pixels too.
    check.judge(changed, said, because=("DQ-DEF",))


@pytest.mark.asks("DQ-OWN")
def test_no_other_detectors_mask(check, mask, products):
    """What share of its bad pixels does the mask of another detector have in the same places?"""
    others = products.judged.beside(check.detector)
    science = products.science_pixels
    counts = {
        (name, kind): count(mask.decoded, other.decoded, science)
        for name, other in others.items()
        for kind, count in (("bad", shared_bad_pixels), ("unlit", shared_unlit_pixels))
        if other.decoded.shape == mask.decoded.shape
    }
    if not counts:
        raise NotEvaluated("no masks of several detectors were given (--masks)", given=False)
    (name, kind), (number, shared) = max(counts.items(), key=lambda item: item[1][1] / max(item[1][0], _FEWEST))
    check.judge(
        shared / max(number, _FEWEST),
        f"{shared} of {number} {kind} pixels of {mask.path.name} are {kind} in the mask of {name} too, which shares "
        "most",
    )


def _changes(mask) -> str:
    """Return what each flag gains and loses when the pipeline decodes the array."""
    changes = maskquality.decoding_changes(mask.raw, mask.decoded)
    return ", ".join(f"{name} +{gained} -{lost} pixels" for name, (gained, lost) in changes.items())
