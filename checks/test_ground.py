"""GND: how do the flight masks compare with the ground test?"""

import pytest

from darkmask.core.flags import flags_in
from darkmask.masks.clustering import FEWEST, clark_evans
from darkmask.masks.compare import Comparison
from darkmask.masks.registration import clump_centres, register
from darkmask.reports.pictures import comparison_map
from fixtures.session.endings import NotEvaluated


@pytest.fixture
def compared(check, products) -> tuple[Comparison, str]:
    """Compare flight with ground on the flags that both searched for, and say in words what was compared."""
    found, name = products.judged.comparison(check.detector), products.ground.name(check.detector)
    ground = products.ground.mask(check.detector)
    if not found.by_flag:
        used = ", ".join(flags_in(ground.decoded)) or "nothing"
        raise NotEvaluated(f"{name} flags no pixel that a search of darks looks for: it says {used}")
    left_out = f", {found.left_out} hot pixels between the two thresholds left out" if found.left_out else ""
    return found, f"on {', '.join(found.by_flag)} against {name}{left_out}"


@pytest.fixture
def because(check, products) -> tuple[str, ...]:
    """Return the criteria that say why masks do not agree, should they have failed: darks of another detector."""
    return products.searched.borrowed(check.detector) if products.judged.generated else ()


@pytest.mark.asks("GND-REGISTRATION")
def test_they_lie_on_one_another(check, compared, because):
    """Do the masks agree best as they lie?"""
    found, how = compared
    registration = register(found.reference & found.where, found.other & found.where)
    if registration.why_not:
        raise NotEvaluated(f"{registration.why_not} ({how})", because=because)
    best, fewer = registration.best, min(registration.reference, registration.other)
    check.judge(
        registration.margin,
        f"The ground mask fits the flight mask {best}: {registration.common[best]} of {fewer} clumps agree {how}",
        because=because,
    )


@pytest.mark.asks("GND-RETAINED")
def test_retained(check, compared, because):
    """What share of the ground's bad pixels is still bad?"""
    found, how = compared
    flags = _flags(found, lambda one: f"{one.both} of {one.both + one.gone}")
    total = found.total
    title = f"{check.detector}: {', '.join(found.by_flag)} on ground and in flight"
    seen = found.reference & found.where, found.other & found.where
    check.show(comparison_map, *seen, ("ground", "flight"), title)
    check.judge(
        total.retained_fraction,
        f"{total.both} of {total.both + total.gone} bad pixels are still bad {how}{flags}",
        because=because,
    )


@pytest.mark.asks("GND-GONE")
def test_gone(check, compared, because):
    """What share of the ground's bad pixels is good now?"""
    found, how = compared
    flags, total = _flags(found, lambda one: f"{one.gone}"), found.total
    check.judge(
        total.gone_fraction,
        f"{total.gone} of {total.both + total.gone} bad pixels are good now {how}{flags}",
        because=because,
    )


@pytest.mark.asks("GND-NEW")
def test_new(check, compared, because):
    """What fraction of the science pixels is newly bad?"""
    found, how = compared
    check.judge(
        found.total.new_fraction,
        f"{found.total.new} pixels are newly bad {how}{_flags(found, lambda one: f'{one.new}')}",
        because=because,
    )


@pytest.mark.asks("GND-CLUSTERED")
def test_new_ones_lie_at_random(check, products, compared):
    """Do the newly bad pixels lie together?"""
    found, how = compared
    x, y = clump_centres(found.new)
    if x.size < FEWEST:
        raise NotEvaluated(f"{x.size} new clumps are too few to tell how they lie ({FEWEST} are needed) {how}")
    side = products.geometry.frame - 2 * products.geometry.border
    index, error = clark_evans(x, y, side, side)
    check.judge(index, f"{x.size} new clumps lie at {index:.2f} +- {error:.2f} times the distance of random ones {how}")


@pytest.mark.asks("GND-KAPPA")
def test_kappa(check, compared, because):
    """How well do flight and ground agree beyond chance?"""
    found, how = compared
    check.judge(
        found.total.kappa,
        f"Cohen's kappa is {found.total.kappa:.3f} +- {found.total.kappa_error:.3f} {how}",
        because=because,
    )


def _flags(found: Comparison, told) -> str:
    """Return what is told of each flag; empty where there is only one."""
    if len(found.by_flag) < 2:
        return ""
    return ": " + ", ".join(f"{name} {told(one)}" for name, one in found.by_flag.items())
