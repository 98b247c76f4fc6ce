"""An explanation agrees with what the search called a pixel, and its numbers are those of the maps."""

import numpy as np
import pytest
from astropy.io import fits

from darkmask import Category, bad_pixels
from darkmask.core.categories import NO_DEFECT, in_category
from darkmask.core.errors import DarkmaskError, DeliveryError, ParameterError
from darkmask.search.flight.evidence import QUESTIONS
from darkmask.search.official.questions import QUESTIONS as OFFICIAL_QUESTIONS

MOST = 12


def named_by(tests) -> set[Category]:
    """Return what the outcomes of the tests make of a pixel, as docs/categories.md says it."""

    def passes(name: str) -> bool:
        return name in tests and tests[name].outcome

    named = set()
    if passes("saturated") and (passes("level") or passes("stuck")):
        return {Category.SATURATED}
    unknown = not passes("differences") or not passes("has_rate")
    if unknown and passes("full_early"):
        return {Category.HOT}
    if passes("differences") and passes("varies") and not passes("lost"):
        unknown = False
    if unknown or passes("lost"):
        return {Category.UNDETERMINED}
    if passes("late") and passes("falling"):
        return {Category.INVERSE_RC}
    if passes("bend") and (passes("early") or (passes("first_group") and passes("change"))):
        return {Category.RC}
    if passes("below") and passes("sinking"):
        return {Category.INVERSE_RC}
    detected = passes("detected") and all(name not in tests or passes(name) for name in ("late_rate", "steady_rate"))
    if detected and passes("hot"):
        named.add(Category.HOT)
    elif detected and passes("warm"):
        named.add(Category.WARM)
    unstable = passes("falls") or passes("noise")
    changing = passes("varies") or passes("fills") or (not unstable and (passes("switches") or passes("levels")))
    if changing and not passes("telegraph"):
        named.add(Category.INTERMITTENT)
        if passes("high_state") or passes("fills"):
            named = named - {Category.WARM} | {Category.HOT}
    elif passes("telegraph") and (
        unstable
        or changing
        or any(map(passes, ("faint_rates", "jump_noise", "scatter_ratio", "own_jumps", "column_noise")))
    ):
        named.add(Category.TELEGRAPH)
    elif (
        any(map(passes, ("falls", "own_jumps")))
        or (passes("noise") and passes("noise_ratio"))
        or (passes("scatter") and passes("scatter_ratio"))
        or (passes("column_jumps") and passes("column_noise"))
    ):
        named.add(Category.NOISY)
    if passes("pedestal"):
        named.add(Category.LOW_PEDESTAL)
    if passes("few_quiet") and not named:
        named.add(Category.UNDETERMINED)
    return named


def own_copy(path) -> None:
    """Put a file in the place of a link to its bytes."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def some_of(where: np.ndarray, seed: int = 1):
    """Choose a few (y, x) of an image."""
    places = np.argwhere(where)
    return np.random.default_rng(seed).permutation(places)[:MOST]


@pytest.fixture(params=["found", "with_subarray", "subarray"])
def searched(request, with_subarray):
    return with_subarray.subarrays["SUB64P"] if request.param == "subarray" else request.getfixturevalue(request.param)


SIMULATED = [c for c in Category if c not in (*NO_DEFECT, Category.INTERMITTENT)]


@pytest.mark.parametrize("category", SIMULATED)
def test_the_tests_of_a_bad_pixel_give_its_categories(searched, category):
    for y, x in some_of(in_category(searched.categories, category)):
        explanation = searched.explain(x, y)
        assert named_by(explanation) == {Category(name) for name in explanation.categories}, str(explanation)
        assert category in explanation.categories


def test_every_category_that_is_simulated_was_explained(found, with_subarray):
    every = found.categories | with_subarray.categories
    assert {c for c in Category if in_category(every, c).any()} >= set(SIMULATED)


def test_the_tests_of_a_good_pixel_name_nothing(searched):
    science = ~searched.products.request.set_request(searched.subarray).reference_pixels()
    for y, x in some_of(science & (searched.categories == 0)):
        explanation = searched.explain(x, y)
        assert explanation.categories == ()
        assert named_by(explanation) == set(), str(explanation)
        assert "good" in str(explanation)


def test_a_neighbour_of_a_saturated_pixel_is_explained_by_its_own_ramp(found):
    saturated = np.argwhere(in_category(found.categories, Category.SATURATED))
    y, x = next((y, x) for y, x in saturated if not found.categories[y, x - 1])
    explanation = found.explain(x - 1, y)
    assert explanation["saturated"].outcome
    assert not explanation["level"].outcome
    assert named_by(explanation) == set()


def test_a_pixel_without_a_rate_is_undetermined(small, tmp_path):
    folder, place = small.copy(tmp_path), (60, 70)
    for path in folder.glob("*_nrca1_*"):
        kind = path.stem.rsplit("_", 1)[1]
        own_copy(path)
        with fits.open(path, mode="update") as hdus:
            if kind in ("rate", "rateints"):
                hdus["SCI"].data[(..., *place)] = np.nan
            elif kind == "fitopt":
                hdus["PEDESTAL"].data[(..., *place)] = 0
    taken_out = bad_pixels(folder, detector="NRCA1")
    explanation = taken_out.explain(place[1], place[0])
    assert explanation["lost"].outcome
    assert named_by(explanation) == {Category.UNDETERMINED} == {Category(name) for name in explanation.categories}


def test_values_are_those_of_the_pixel_in_the_units_they_name(found):
    y, x = np.argwhere(in_category(found.categories, Category.HOT))[0]
    hot = found.explain(x, y)["hot"]
    assert hot.value == pytest.approx(found.rate[y, x])
    assert (hot.unit, hot.limit, hot.relation) == ("electron/s", 0.275, ">=")
    row = found.table()[(found.table()["x"] == x) & (found.table()["y"] == y)][0]
    assert found.explain(x, y)["pedestal"].value == pytest.approx(row["pedestal"].value)
    detected = found.explain(x, y)["detected"]
    assert detected.outcome == (detected.value >= detected.limit)


def test_limits_follow_the_parameters(small, found):
    y, x = np.argwhere(in_category(found.categories, Category.HOT))[0]
    higher = bad_pixels(small.delivery, detector="NRCA1", hot_rate=1e4)
    assert higher.explain(x, y)["hot"].limit == 1e4
    assert not higher.explain(x, y)["hot"].outcome
    assert higher.explain(x, y).categories == ("warm",)
    assert "warm" not in found.explain(x, y)


def test_each_kind_of_test_is_shown_somewhere(found, with_subarray):
    shown = set()
    for searched in (found, with_subarray):
        for y, x in np.argwhere(searched.categories):
            shown |= {test.test for test in searched.explain(x, y)}
    # Hardly a simulated pixel has a rate below zero that is significant, comes and goes, or decays;
    # tests/search/test_changes.py explains such. A faint telegraph pixel of tests/search/test_flight_naming.py is asked
    # for its rates. tests/search/test_structures.py has pixels of columns that wander.
    scattering = {"scatter_ratio", "unusable_scatter", "column_jumps", "column_noise", "unusable_column"}
    assert shown >= set(QUESTIONS) - {"sinking", "high_state", "late_rate", "steady_rate", "faint_rates"} - scattering


def test_a_reference_pixel_is_put_to_no_test(found):
    explanation = found.explain(0, 0)
    assert len(explanation) == 0
    assert "reference pixel" in str(explanation)
    assert len(explanation.table()) == 0


def test_it_is_a_table_a_sequence_and_a_text(found):
    y, x = np.argwhere(in_category(found.categories, Category.TELEGRAPH))[0]
    explanation = found.explain(x, y)
    table = explanation.table()
    assert len(table) == len(explanation) == len(list(explanation))
    assert list(table["outcome"]) == [test.outcome for test in explanation]
    assert explanation[0] is explanation["saturated"]
    about, tests, neighbours, ramps = (part.splitlines() for part in str(explanation).split("\n\n"))
    assert about[0] == f"NRCA1 FULL, x = {x}, y = {y}: {', '.join(explanation.categories)}"
    assert about[1:] == [f"{name}: {text}" for name, text in explanation.facts]
    assert len(tests) == len(explanation) + 1
    assert len(neighbours) == 5
    assert len(ramps) == len(explanation.ramps.names) + 1
    assert all(test.sentence in explanation._repr_html_() for test in explanation)


def test_it_says_rate_error_noise_and_the_flags_of_the_mask(found):
    y, x = np.argwhere(in_category(found.categories, Category.HOT))[0]
    told = dict(found.explain(x, y).facts)
    row = found.table()[(found.table()["x"] == x) & (found.table()["y"] == y)][0]
    rate, _, error = told["rate"].removesuffix(" electron/s").split()
    assert float(rate) == pytest.approx(row["rate_electrons"].value, rel=1e-3)
    assert float(error) == pytest.approx(row["rate_electrons_error"].value, rel=0.05)
    assert float(told["noise"].split()[0]) == pytest.approx(row["noise"].value, rel=1e-3)
    assert float(told["pedestal"].split()[0]) == pytest.approx(row["pedestal"].value, rel=1e-3)
    assert told["jumps"].startswith(f"{row['jumps']} groups flagged, {row['falls']} ")
    assert "HOT" in told["mask"].split(", ")
    good = np.argwhere(found.dq == 0)[0]
    assert dict(found.explain(good[1], good[0]).facts)["mask"] == "nothing"


def test_its_ramps_are_those_of_the_files_with_their_jumps(found, small):
    (y, x), ramps = max(
        ((place, found.explain(place[1], place[0]).ramps) for place in np.argwhere(found.categories)[:40]),
        key=lambda one: one[1].jumps.sum(),
    )
    assert ramps.jumps.any()
    seen = 0
    for path in small.delivery.glob("*_nrca1_jump.fits"):
        with fits.open(path) as hdus:
            if hdus["SCI"].data.shape[2:] != (128, 128):
                continue
            for i in range(len(hdus["SCI"].data)):
                number = ramps.names.index(f"integration {i + 1} of {path.name}")
                assert (ramps.counts[number] == hdus["SCI"].data[i, :, y, x]).all()
                assert (ramps.jumps[number] == ((hdus["GROUPDQ"].data[i, :, y, x] & 4) != 0)).all()
                jumps = ramps.rows()[number][3]
                assert (jumps == "") == (not ramps.jumps[number].any())
                seen += 1
    assert seen == len(ramps.names)


def test_neighbours_are_those_of_the_image(found):
    head, rows = found.explain(0, 5).neighbours()
    assert head == ("y \\ x", "-1", "0", "1")
    assert [row[0] for row in rows] == ["6", "5", "4"]
    assert [row[1] for row in rows] == ["nan"] * 3
    for y, row in zip((6, 5, 4), rows, strict=True):
        assert [float(rate) for rate in row[2:]] == pytest.approx(list(found.rate[y, :2]), rel=1e-3, nan_ok=True)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ((128, 0), "x = 128 lies outside the frame: give a number from 0 to 127."),
        ((0, -1), "y = -1 lies outside the frame: give a number from 0 to 127."),
        ((1.5, 0), "x = 1.5 is no whole number: pixels are counted from 0."),
    ],
)
def test_a_place_that_is_none_is_one_sentence(found, place, said):
    with pytest.raises(ParameterError) as raised:
        found.explain(*place)
    assert str(raised.value) == said


def named_by_release(tests) -> set[Category]:
    """Return what the outcomes of the tests of the official search make of a pixel."""
    made = {
        Category.SATURATED: ("saturated",),
        Category.RC: ("high_pedestal", "early_jumps"),
        Category.LOW_PEDESTAL: ("low_pedestal",),
        Category.TELEGRAPH: ("many_jumps",),
        Category.NOISY: ("scatter", "few_slopes"),
    }
    return {category for category, names in made.items() if any(n in tests and tests[n].outcome for n in names)}


@pytest.mark.slow
def test_the_official_search_is_explained_too(small):
    searched = bad_pixels(small.delivery, detector="NRCA1", search="official")
    shown, every = set(), set()
    places = [*np.argwhere(searched.categories), *some_of(searched.categories[4:-4, 4:-4] == 0) + 4]
    for y, x in places:
        explanation = searched.explain(x, y)
        categories = {Category(name) for name in explanation.categories}
        assert named_by_release(explanation) == categories, str(explanation)
        every |= categories
        shown |= {test.test for test in explanation}
    assert every == {
        Category.SATURATED, Category.RC, Category.LOW_PEDESTAL, Category.TELEGRAPH, Category.NOISY
    }  # fmt: skip
    assert shown == set(OFFICIAL_QUESTIONS)
    assert "reference pixel" in str(searched.explain(0, 0))
    low = searched.explain(*np.argwhere(in_category(searched.categories, Category.LOW_PEDESTAL))[0][::-1])
    assert low["low_pedestal"].value >= low["low_pedestal"].limit >= 0.8 * 5
    assert str(low).splitlines()[0].endswith(", ".join(low.categories))


@pytest.mark.slow
def test_the_published_package_keeps_nothing_to_explain(small):
    published = bad_pixels(small.delivery, detector="NRCA1", engine="jwst_reffiles")
    with pytest.raises(ParameterError, match="engine='native', whose search='official' follows the same rules"):
        published.explain(5, 5)


def test_another_test_is_answered_with_the_nearest(found):
    with pytest.raises(DarkmaskError, match="the nearest is 'detected'"):
        found.explain(64, 64)["detectd"]


def test_darks_that_changed_are_one_sentence(small, tmp_path):
    folder = small.copy(tmp_path)
    searched = bad_pixels(folder, detector="NRCA1")
    path = next(folder.glob("*_nrca1_jump.fits"))
    own_copy(path)
    with path.open("ab") as file:
        file.write(bytes(2880))
    with pytest.raises(DeliveryError, match="has changed since the delivery was scanned"):
        searched.explain(64, 64)
