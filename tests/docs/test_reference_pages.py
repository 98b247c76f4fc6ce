"""The pages that explain words, flags and keys say what the code says."""

import re
import runpy
import tomllib

import pytest

from darkmask.core.categories import Category
from darkmask.core.flags import FLIGHT_FLAGS, MASK_MNEMONICS, pixel_flags
from darkmask.search.parameters import SearchParameters
from fixtures.criteria.profiles import load_criteria
from tests.support.project import ROOT

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "criteria-file.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def maker():
    with pytest.MonkeyPatch.context() as patch:
        # As where it runs as a script: what it imports lies beside it.
        patch.syspath_prepend(str(ROOT / "docs"))
        return runpy.run_path(str(ROOT / "docs" / "criteria_file.py"))


def rows(section: str) -> list[list[str]]:
    """Return the cells of the table below a heading of the glossary."""
    text = GLOSSARY.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")] for line in lines[2:]]


def test_the_page_of_the_criteria_file_says_what_the_models_say(maker):
    assert maker["page"]() == PAGE, "make the page again: PYTHONPATH=. python docs/criteria_file.py"


def test_the_page_explains_no_key_that_is_gone(maker):
    # Those that a model describes itself are not explained twice.
    models = {model.__name__: model for model, *_ in maker["_TABLES"]} | {"SearchParameters": SearchParameters}
    assert set(maker["MEANINGS"]) == set(models)
    for name, model in models.items():
        keys = {f.alias or key for key, f in model.model_fields.items() if not f.description}
        assert set(maker["MEANINGS"][name]) == keys, name


def test_every_example_of_the_page_is_a_criteria_file(tmp_path):
    examples = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(examples) > 10
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.toml"
        path.write_text(example if 'name = "nrc09"' in example else f'name = "example"\n{example}')
        criteria = load_criteria(str(path))
        SearchParameters.from_mapping(tomllib.loads(example).get("search", {}), str(path))
        assert criteria.criteria


def test_the_glossary_has_every_category_in_order():
    assert [name for name, _ in rows("Categories")] == [f"`{category.value}`" for category in Category]


def test_the_glossary_has_every_flag_of_a_mask_with_its_value_and_origin():
    found = {name: (int(value), origin) for name, value, origin, _ in rows("Flags of a mask")}
    measured = {name for names in FLIGHT_FLAGS.mnemonics.values() for name in names} | {"BAD_REF_PIXEL"}
    origins = dict.fromkeys(MASK_MNEMONICS, "carried")
    origins |= dict.fromkeys(measured, "measured") | {"DO_NOT_USE": "measured and carried"}
    assert found == {name: (pixel_flags()[name], origins[name]) for name in MASK_MNEMONICS}


def test_the_words_of_the_glossary_are_in_order_and_once():
    words = [name for name, _ in rows("Words")]
    assert words == sorted(set(words), key=str.lower)
