"""The bounds of demo.toml against the thinnest and the richest population that they promise to accept."""

import pytest

from darkmask.core.detectors import Geometry
from darkmask.core.flags import Category, in_category
from darkmask.delivery import scan
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from darkmask.simulate import SimulationSpec, simulate_delivery
from darkmask.simulate.spec import DEFAULT_FRACTIONS
from fixtures.criteria.profiles import load_criteria

DEMO = load_criteria("demo")
OTHERS = [c for c in DEFAULT_FRACTIONS if c not in (Category.HOT, Category.WARM)]


def population(hot: float, warm: float, others: float) -> dict[Category, float]:
    return {Category.HOT: hot, Category.WARM: warm, **dict.fromkeys(OTHERS, others)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fractions", "detector"),
    [
        (population(0.0008, 0.0002, 0.0001), "NRCA1"),
        (population(0.0005, 0.0005, 0.0001), "NRCBLONG"),
        (population(0.0078, 0.0022, 0.003), "NRCA1"),
        (population(0.005, 0.005, 0.003), "NRCBLONG"),
    ],
    ids=["thin SW", "thin LW", "rich SW", "rich LW"],
)
def test_counts_of_any_promised_population_are_accepted(tmp_path, fractions, detector):
    spec = SimulationSpec(
        seed=5, detectors=(detector,), subarrays=(), exposures=6, integrations=1, groups=20, fractions=fractions
    )
    simulate_delivery(tmp_path / "darks", spec, workers=1, progress=False)
    exposures = scan(tmp_path / "darks").main_set(detector, "FULL")
    request = SetRequest(exposures, tmp_path / "darks", "native", "flight", SearchParameters(), Geometry(256))
    found = search_set(request)
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


@pytest.mark.parametrize("share", [0.0, 0.1], ids=["none", "storm"])
@pytest.mark.parametrize("name", ["CNT-HOT", "CNT-DO_NOT_USE"])
def test_an_empty_search_and_a_storm_are_refused(name, share):
    assert not DEMO.criteria[name].accepts(share)
