"""GND: how do the flight masks compare with the ground test?"""

import pytest

from darkmask.compare import Agreement, agreement, compared_flags
from darkmask.pictures import comparison_map
from fixtures.outcomes import NotEvaluated
from fixtures.products import science_pixels


@pytest.fixture
def compared(check, products) -> tuple[Agreement, str]:
    """Flight against ground on the flags that both searched for, and what was compared in words."""
    ground = products.ground(check.detector)
    flight = products.mask(check.detector)
    before, now, names = compared_flags(ground.decoded, flight.decoded)
    found = agreement(before, now, science_pixels(products))
    if not found.both + found.gone:
        raise NotEvaluated(f"{ground.path.name} flags no pixel that a search of darks looks for")
    return found, f"on {', '.join(names)} against {ground.path.name}"


@pytest.mark.asks("GND-RETAINED")
def test_retained(check, compared, products):
    """What share of the ground's bad pixels is still bad?"""
    found, how = compared
    ground, flight = products.ground(check.detector), products.mask(check.detector)
    before, now, names = compared_flags(ground.decoded, flight.decoded)
    title = f"{check.detector}: {', '.join(names)} on ground and in flight"
    check.show(title, comparison_map(before, now, ("ground", "flight"), title))
    check.judge(found.retained_fraction, f"{found.both} of {found.both + found.gone} bad pixels are still bad {how}")


@pytest.mark.asks("GND-GONE")
def test_gone(check, compared):
    """What share of the ground's bad pixels is good now?"""
    found, how = compared
    check.judge(found.gone_fraction, f"{found.gone} of {found.both + found.gone} bad pixels are good now {how}")


@pytest.mark.asks("GND-NEW")
def test_new(check, compared):
    """What fraction of the science pixels is newly bad?"""
    found, how = compared
    check.judge(found.new_fraction, f"{found.new} pixels are newly bad {how}")


@pytest.mark.asks("GND-KAPPA")
def test_kappa(check, compared):
    """How well do flight and ground agree beyond chance?"""
    found, how = compared
    check.judge(found.kappa, f"Cohen's kappa {how}")
