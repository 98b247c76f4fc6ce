"""The bounds of demo.toml against what demos simulate: they accept what is there, and lie at half and twice of it."""

import pytest

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry
from darkmask.search.engines import search_set
from darkmask.simulate import SimulationSpec, simulate_delivery
from darkmask.simulate.registry import REALISTIC
from darkmask.simulate.spec import DEFAULT_FRACTIONS
from fixtures.criteria.profiles import load_criteria
from tests.support.requests import flight_request

DEMO = load_criteria("demo")
# Kinds of difficult pixels by what a search should call them.
CALLED = {
    Category.HOT: ("late_hot", "early_saturation", "bent_hot", "faint_hot"),
    Category.TELEGRAPH: ("slow_telegraph", "bursts"),
    Category.INTERMITTENT: ("intermittent", "healed"),
}


@pytest.mark.slow
@pytest.mark.parametrize("effects", [{}, REALISTIC], ids=["idealised", "realistic"])
@pytest.mark.parametrize("detector", ["NRCA1", "NRCBLONG"])
def test_counts_of_a_demo_of_another_seed_are_accepted(tmp_path, effects, detector):
    spec = SimulationSpec(seed=5, detectors=(detector,), subarrays=(), effects=effects)
    simulate_delivery(tmp_path / "darks", spec, workers=1, progress=False)
    found = search_set(flight_request(tmp_path / "darks", detector, 256))
    science = ~Geometry(256).reference_pixels()
    refused = {}
    for category in Category:
        share = (in_category(found.categories, category) & science).sum() / science.sum()
        criterion = DEMO.criteria[f"CNT-{category.name}"]
        if not criterion.accepts(share):
            refused[category.value] = (share, criterion.low, criterion.high)
    assert refused == {}
    unusable = (found.flags.to_dq(found.categories) & 1 != 0) & science
    assert DEMO.criteria["CNT-DO_NOT_USE"].accepts(unusable.sum() / science.sum())


def simulated(category: Category) -> tuple[float, float]:
    """Return the share of science pixels of a category in an idealised demo and in a realistic one."""
    kinds = SimulationSpec(effects=REALISTIC).kinds
    ideal = DEFAULT_FRACTIONS.get(category, 0.0)
    return ideal, ideal + sum(kinds[kind] for kind in CALLED.get(category, ()))


@pytest.mark.parametrize("category", [*DEFAULT_FRACTIONS, Category.INTERMITTENT])
def test_bounds_are_half_and_twice_of_what_is_simulated(category):
    criterion, (ideal, realistic) = DEMO.criteria[f"CNT-{category.name}"], simulated(category)
    assert criterion.high == pytest.approx(2 * realistic, rel=0.05)
    # Of warm pixels half lie below the limit of detection, and an idealised demo has no intermittent ones.
    low = None if category in (Category.WARM, Category.INTERMITTENT) else pytest.approx(ideal / 2, rel=0.05)
    assert criterion.low == low


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RES-HOT", 1100), ("GND-RETAINED", 0.75), ("GND-GONE", 0.25), ("GND-KAPPA", 0.6), ("GND-NEW", 0.008),
        ("STB-DRIFT", 7), ("STR-FINDINGS", 18), ("CNT-CARRIED", 0.005), ("CNT-UNDETERMINED", 0.005),
        ("CNT-REFERENCE_PIXEL", 0.005), ("CNT-TRANSIENT", 0.1), ("STR-PATCHES", 30),
    ],
)  # fmt: skip
def test_what_no_simulated_detector_comes_near_is_refused(name, value):
    """Without this, these bounds could be widened unseen."""
    assert not DEMO.criteria[name].accepts(value)


@pytest.mark.parametrize("share", [0.0, 0.1], ids=["none", "storm"])
@pytest.mark.parametrize("name", ["CNT-HOT", "CNT-DO_NOT_USE"])
def test_an_empty_search_and_a_storm_are_refused(name, share):
    assert not DEMO.criteria[name].accepts(share)
