"""The plan of a delivery, as it is written from what the archive lists, and as a delivery is compared with it."""

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from darkmask.acquire.fetch import ListedDark
from darkmask.acquire.plan import plan_text, planned_sets, unlisted
from darkmask.delivery import scan
from darkmask.delivery.planned import differences
from fixtures.criteria.profiles import CriteriaError, load_criteria


def dark(number: int, segment: str = "", **more) -> ListedDark:
    listed = ListedDark(
        name=f"jw01062001001_02101_{number:05d}{segment}_nrca1_uncal.fits",
        detector="NRCA1",
        subarray="FULL",
        readpatt="RAPID",
        observation="001",
        groups=108,
        integrations=2,
        day="2022-04-12",
        restricted=False,
    )
    return replace(listed, **more)


def test_segments_are_one_exposure():
    darks = [dark(1, "-seg001", integrations=10), dark(1, "-seg002", integrations=10), dark(2)]
    (planned,) = planned_sets(darks)
    assert (planned.exposures, planned.integrations) == (2, 12)


def test_each_readout_of_each_observation_is_a_set():
    darks = [dark(1), dark(2, groups=60), dark(3, observation="002", day="2022-05-01"), dark(4, subarray="SUB64P")]
    planned = planned_sets([*darks, dark(5, day="2022-04-11")])
    assert [(s.subarray, s.observation, s.groups, s.exposures) for s in planned] == [
        ("FULL", "001", 60, 1),
        ("FULL", "001", 108, 2),
        ("FULL", "002", 108, 1),
        ("SUB64P", "001", 108, 1),
    ]
    assert (planned[1].first, planned[1].last) == (date(2022, 4, 11), date(2022, 4, 12))


def test_what_is_written_can_be_read_as_criteria(tmp_path):
    darks = [dark(1), dark(2, restricted=True), dark(3, subarray="SUB64P")]
    path = tmp_path / "plan.toml"
    path.write_text(plan_text(1062, darks))
    criteria = load_criteria(str(path))
    assert list(criteria.plan.sets_of("NRCA1", "FULL")) == planned_sets(darks[:2])
    assert "public or not: 3 exposures" in path.read_text()
    assert len(criteria.plan.detectors) == 10
    assert unlisted(darks)[0] == "NRCA2"
    assert unlisted(darks, ["NRCA1"]) == ()
    # Without its sets a file has the digest that it had before there were any.
    assert criteria.sha256 != load_criteria("nircam").sha256
    excluding = path.read_text().replace("[plan]\n", '[plan]\nexcluded_observations = ["1"]\n')
    path.write_text(excluding)
    assert load_criteria(str(path)).plan.sets_of("NRCA1", "FULL") == ()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("first = 2022-04-12", "first = 2022-04-13", "is after the last"),
        (
            'subarrays = [\n    { detector = "NRCA1", name = "SUB64P" },\n]',
            "subarrays = []",
            "not one of the plan's subarrays",
        ),
        ("exposures = 1\n", "exposures = 0\n", "exposures"),
        ("groups = 108\n", "", "groups"),
        ('observation = "001"\n', 'observation = "1"\n', "observation"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(tmp_path, before, after, words):
    path = tmp_path / "plan.toml"
    text = plan_text(1062, [dark(1, subarray="SUB64P")])
    assert before in text
    path.write_text(text.replace(before, after))
    with pytest.raises(CriteriaError, match=words):
        load_criteria(str(path))


def test_a_set_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "plan.toml"
    text = plan_text(1062, [dark(1)])
    path.write_text(text + text[text.index("[[plan.sets]]") :])
    assert len(tomllib.loads(path.read_text())["plan"]["sets"]) == 2
    with pytest.raises(CriteriaError, match="stands twice"):
        load_criteria(str(path))


@pytest.fixture
def delivered(tiny_delivery):
    """Return the two exposures of two integrations of a detector, and the set that they are of."""
    index = scan(Path(tiny_delivery.delivery))
    exposures = index.main_set("NRCA1", "FULL")
    first = exposures[0].jump
    listed = dark(1, groups=first.ngroups, day=first.date_obs, integrations=exposures[0].integrations)
    (planned,) = planned_sets([listed, dark(2, groups=first.ngroups, day=first.date_obs)])
    return exposures, planned


def test_a_delivery_as_planned_differs_in_nothing(delivered):
    exposures, planned = delivered
    assert differences([planned], exposures) == (0, [])


@pytest.mark.parametrize(
    ("change", "number", "words"),
    [
        ({"exposures": 3, "integrations": 6}, 1, "was to have 3 exposures with 6 integrations and has 2 with 4"),
        ({"exposures": 1, "integrations": 2}, 1, "was to have 1 exposure with 2 integrations and has 2 with 4"),
        ({"integrations": 20}, 1, "was to have 2 exposures with 20 integrations and has 2 with 4"),
        ({"groups": 9}, 4, "not planned"),
        ({"observation": "007"}, 4, "not planned"),
        ({"first": date(2020, 1, 1), "last": date(2020, 1, 2)}, 4, "and 2 of other days"),
    ],
)
def test_what_differs_is_counted_and_said(delivered, change, number, words):
    exposures, planned = delivered
    counted, said = differences([replace(planned, **change)], exposures)
    assert counted == number
    assert words in "; ".join(said)


def test_a_delivery_without_a_plan_was_not_planned(delivered):
    exposures, _ = delivered
    counted, said = differences([], exposures)
    assert counted == 2
    assert said[0].startswith("2 exposures of observation 001")
