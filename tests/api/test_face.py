"""What ``import darkmask`` offers, and what it costs; how objects look at a prompt."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import darkmask
from darkmask.build.products import BuiltMask
from darkmask.core.display import LONGEST, html_table, one_line
from darkmask.core.flags import FLIGHT_FLAGS
from darkmask.delivery import DeliveryIndex
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.stacks import CombinedRows
from darkmask.search.outcome import SearchOutcome

NAMES = {"bad_pixels", "search_delivery", "scan_delivery", "compare_masks", "read_mask", "Category", "SearchParameters"}


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after some code."""
    listed = "import sys; before = set(sys.modules)\n" + code + "\nprint(*(set(sys.modules) - before))"
    ended = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


def test_importing_the_package_loads_next_to_nothing():
    loaded = modules_after("import darkmask")
    assert {name for name in loaded if name.startswith("darkmask")} == {"darkmask"}
    assert not {name.split(".")[0] for name in loaded} & {"numpy", "astropy", "pydantic", "scipy", "matplotlib", "rich"}
    assert len(loaded) < 10


def test_a_name_loads_what_it_needs_and_no_more():
    loaded = modules_after("import darkmask; darkmask.Category")
    assert "numpy" in loaded
    assert not loaded & {"astropy", "pydantic", "darkmask.api.search"}


def test_each_public_name_is_there():
    assert set(darkmask.__all__) == NAMES | {"__version__"}
    assert set(darkmask.__all__) <= set(dir(darkmask))
    assert all(getattr(darkmask, name).__doc__ for name in NAMES)
    # A package of that name would be found in place of the function, depending on what was imported before.
    folders = {path.name for path in Path(darkmask.__file__).parent.iterdir()}
    assert not NAMES & (folders | {name.removesuffix(".py") for name in folders})


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'hot_pixels'"):
        _ = darkmask.hot_pixels


def test_what_is_not_there_cannot_be_imported():
    with pytest.raises(ImportError):
        exec("from darkmask import hot_pixels")


def objects(small, found):
    index = darkmask.scan_delivery(small.delivery)
    exposure = index.exposures[0]
    images = {name: np.zeros((128, 128), np.float32) for name in CombinedRows._fields}
    maps = CombinedMaps(10, 16, 25.0, np.zeros(128, np.float32), **images)
    outcome = SearchOutcome(np.zeros((128, 128), np.uint16), FLIGHT_FLAGS, maps, maps.rate)
    built = found.products.built()
    mask = darkmask.read_mask(built.mask_path)
    comparison = darkmask.compare_masks(mask, found)
    everything = darkmask.search_delivery(small.delivery)
    return [
        *(index, exposure, exposure.jump, maps, outcome, built, built.set("FULL"), mask, comparison, everything),
        *(found, *everything["NRCBLONG"].subarrays.values(), found.explain(5, 5)),
        DeliveryIndex("/" + "long/" * 500),
        BuiltMask(Path("/nowhere")),
    ]


def test_each_object_has_a_short_repr_that_says_what_it_is(small, found):
    for shown in objects(small, found):
        text = repr(shown)
        assert type(shown).__name__ in text
        assert len(text) <= LONGEST
        assert "\n" not in text
        if not isinstance(shown, BuiltMask):
            assert any(letter.isdigit() for letter in text) or "equal" in text, text


def test_notebooks_show_small_tables(small, found):
    index = darkmask.scan_delivery(small.delivery)
    everything = darkmask.search_delivery(small.delivery)
    mask = darkmask.read_mask(found.products.built().mask_path)
    for shown in (index, found, everything, mask, darkmask.compare_masks(mask, mask), found.explain(5, 5)):
        html = shown._repr_html_()
        assert html.startswith("<table>")
        assert html.endswith("</table>")
        assert len(html) < 9000
    assert f"<td style='text-align:right'>{found.counts['hot']}</td>" in found._repr_html_()
    assert "NRCBLONG" in index._repr_html_()
    assert "SUB64P" in index._repr_html_()


def test_what_a_file_says_is_no_markup():
    assert "<script>" not in html_table("<script>", ("<script>",), [("<script>", 1)])


def test_a_long_line_is_cut():
    assert one_line("Thing", "x" * 500).endswith(" ...>")
    assert len(one_line("Thing", "x" * 500)) == LONGEST
