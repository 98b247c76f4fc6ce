"""BAS: did the mask in force lose a flag that nobody measured?"""

import pytest

from darkmask.masks import quality as maskquality
from darkmask.masks.compare import lost_bits


@pytest.mark.asks("BAS-KEPT")
def test_no_flag_was_lost(check, products):
    """Which pixels lost a flag of the mask in force that the search did not judge anew?"""
    mask, base = products.judged.mask(check.detector), products.base.mask(check.detector)
    measured, carried = products.judged.measured(check.detector, base.decoded), products.base.carried(check.detector)
    count, flags = lost_bits(base.decoded, mask.decoded, measured, carried)
    # What its own DQ_DEF has no name for was lost before anything could be carried.
    unread = maskquality.changed_pixels(base.raw, base.decoded, base.dq_def)
    lost = "; ".join(f"{name} of {n} pixels, from x {x}, y {y} on" for name, (n, x, y) in flags.items())
    said = (
        f"{mask.path.name} lost of {base.path.name}: {lost}" if lost else f"Every such flag of {base.path.name} is kept"
    )
    if unread.any():
        bits = maskquality.undefined_bits(base.raw, base.dq_def)[1]
        what = f"does not define {', '.join(bits[:6])}" if bits else "gives one bit two names, or two bits one name"
        said = f"DQ_DEF of {base.path.name} {what}, so that {int(unread.sum())} of its pixels cannot be carried. {said}"
    check.judge(count + int(unread.sum()), said)
