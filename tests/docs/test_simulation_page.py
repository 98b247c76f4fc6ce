"""``docs/simulation.md`` says of each effect what the registry says."""

from darkmask.simulate.registry import EFFECTS, effects_table
from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")


def test_the_table_of_effects_is_that_of_the_registry():
    made = PAGE.partition("effects_table()` -->\n")[2].partition("<!-- end -->")[0]
    assert made.strip() == effects_table().strip(), "put the output of effects_table() between the two comments"
    assert made.count("\n| `") == len(EFFECTS)
