"""BAS: did the mask in force lose a flag that darks cannot see?"""

import pytest

from darkmask.compare import lost_bits


@pytest.mark.asks("BAS-KEPT")
def test_no_flag_was_lost(check, products):
    """Which pixels lost a flag of the mask in force that a search of darks cannot judge?"""
    base, mask = products.base(check.detector), products.mask(check.detector)
    count, names = lost_bits(base.decoded, mask.decoded)
    said = f"{', '.join(names)} of {base.path.name} lost" if names else f"Every such flag of {base.path.name} is kept"
    check.judge(count, said)
