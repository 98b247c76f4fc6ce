"""What a call may say: the keywords of jwst_reffiles as they stand, and a sentence for whatever cannot be."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from darkmask import SearchParameters, bad_pixels, search_delivery
from darkmask.api.keywords import KEYWORDS, read_call
from darkmask.core.errors import ParameterError
from darkmask.search.keywords import FILE_KEYWORDS, MASK_TABLE


def call(search="flight", parameters=None, **keywords):
    return read_call(keywords, search, ("detector", "base"), parameters)


def test_every_keyword_of_the_package_and_of_the_flight_search_is_taken():
    package = pytest.importorskip("jwst_reffiles.bad_pixel_mask.bad_pixel_mask")
    theirs = set(inspect.signature(package.bad_pixels).parameters)
    assert set(KEYWORDS) == theirs | set(SearchParameters.model_fields)
    assert len(KEYWORDS) == len(set(KEYWORDS))


@pytest.mark.parametrize("function", [bad_pixels, search_delivery])
def test_the_signature_names_them_for_completion(function):
    parameters = inspect.signature(function).parameters
    assert set(KEYWORDS) < set(parameters)
    assert parameters["hot_rate"].default == 0.275
    assert "keywords" not in parameters


def test_values_reach_the_search():
    parameters = call(hot_rate=0.3, dark_noisy_threshold=4, flag_values=None).parameters
    assert (parameters.hot_rate, parameters.dark_noisy_threshold) == (0.3, 4)
    assert parameters.flag_values == SearchParameters().flag_values


def test_keywords_go_before_parameters_given_as_a_whole():
    whole = SearchParameters(hot_rate=0.4, warm_rate=0.1)
    parameters = call(parameters=whole, hot_rate=0.5).parameters
    assert (parameters.hot_rate, parameters.warm_rate) == (0.5, 0.1)


def test_numbers_of_numpy_are_numbers():
    parameters = call(hot_rate=np.float32(0.5), min_differences=np.int64(12)).parameters
    assert (parameters.hot_rate, parameters.min_differences) == (0.5, 12)
    assert type(parameters.min_differences) is int


def test_files_are_strings_or_paths_one_or_several():
    darks = call(dark_jump_files="a_jump.fits", dark_slope_files=[Path("a_rate.fits"), "b_rate.fits"]).darks
    assert darks == {
        "dark_jump_files": (Path("a_jump.fits"),),
        "dark_slope_files": (Path("a_rate.fits"), Path("b_rate.fits")),
    }


def test_the_header_is_that_of_the_notebook():
    header = call(author="A", description="D", pedigree="GROUND", useafter="2019-04-01 00:00:00", history="").header
    assert header == {
        "author": "A",
        "description": "D",
        "pedigree": "GROUND",
        "useafter": "2019-04-01T00:00:00",
        "history": (),
    }
    assert call(history="one\ntwo").header["history"] == ("one", "two")


def test_what_is_not_given_leaves_the_defaults():
    assert call(history=None, author=None, output_file=None, dark_uncal_files=None) == call()
    assert call().parameters == SearchParameters()
    assert call().idle == ()


@pytest.mark.parametrize(
    ("search", "keywords", "names", "why"),
    [
        ("flight", {"dark_noisy_threshold": 5}, "dark_noisy_threshold", "search='official' goes by these"),
        ("official", {"hot_rate": 0.3}, "hot_rate", "search='flight' goes by these"),
        ("official", {"max_jump_limit": 12}, "max_jump_limit", "fixed in its code"),
        ("flight", {"dead_search": True, "flux_check": 9.0}, "dead_search, flux_check", "no flats are given"),
        ("flight", {"flat_slope_files": ["f"], "flat_do_not_use": ["DEAD"]}, "flat_do_not_use", "get DO_NOT_USE"),
        ("flight", {"dark_uncal_files": ["a"]}, "dark_uncal_files", "ramps are read from dark_jump_files"),
        ("flight", {"plot": True}, "plot", ".plot() of the result"),
    ],
)
def test_a_keyword_without_effect_is_told_with_the_reason(search, keywords, names, why):
    (sentence,) = call(search, **keywords).idle
    assert sentence.startswith(f"{names}: without effect, as ")
    assert sentence.endswith(".")
    assert why in sentence


@pytest.mark.parametrize(
    ("search", "keywords"),
    [
        ("flight", {"hot_rate": 0.3, "max_saturated_fraction": 0.4}),
        ("official", {"dark_noisy_threshold": 4, "max_jump_limit": 10, "flag_values": SearchParameters().flag_values}),
        ("flight", {"flat_slope_files": ["f"], "dead_search": True, "dead_search_type": "absolute_rate"}),
        ("flight", {"plot": False, "quality_check": False, "run_dead_flux_check": False}),
    ],
)
def test_a_keyword_that_works_or_asks_for_nothing_is_not_told(search, keywords):
    assert call(search, **keywords).idle == ()


def test_each_keyword_works_or_is_told_in_one_of_the_searches():
    """None is swallowed: what neither search goes by, nor the mask, nor flats, has a sentence."""
    defaults = SearchParameters().model_dump()
    values = {name: value for name, value in defaults.items() if value is not None and value is not False}
    for name, value in values.items():
        told = [search for search in ("flight", "official") if call(search, **{name: value}).idle]
        used = [search for search in ("flight", "official") if name in SearchParameters().of_search(search)]
        assert set(told) | set(used) == {"flight", "official"}, name
    assert set(KEYWORDS) - set(values) == {
        *(*MASK_TABLE, *FILE_KEYWORDS, "dead_flux_check_files", "max_dead_norm_signal"),
        *("plot", "run_dead_flux_check", "quality_check"),
    }


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"hot_rte": 0.3}, "There is no keyword 'hot_rte': the nearest is 'hot_rate'."),
        ({"detektor": "NRCA1"}, "There is no keyword 'detektor': the nearest is 'detector'."),
        ({"hot_rate": "high"}, "hot_rate = 'high' cannot be used (should be a valid number)."),
        ({"hot_rate": 0.01}, "warm_rate = 0.05 cannot be used (it must not exceed hot_rate = 0.01)."),
        ({"dark_do_not_use": ["hott"]}, "'hott' is none of hot, rc, low_pedestal, high_cr"),
        ({"flag_values": {"hot": ["HOTT"]}}, "flag_values = {'hot': ['HOTT']} cannot be used"),
        ({"dark_jump_files": []}, "dark_jump_files is an empty list: give at least one file"),
        ({"dark_jump_files": [7]}, "dark_jump_files holds 7, which is no path: give strings or Paths."),
        ({"dark_jump_files": 7}, "dark_jump_files is a int: give a path, or a list of paths."),
        ({"useafter": "soon"}, "useafter = 'soon' is no date: write it as 2019-04-01T00:00:00."),
        ({"pedigree": "FLIGHT"}, "pedigree = 'FLIGHT' is none of CRDS"),
        ({"author": 7}, "author = 7 is no text: a mask's header needs one."),
        ({"history": [7]}, "history = [7] is no text: give a string, or a list of lines."),
        ({"output_file": 7}, "output_file is a int: give a path."),
    ],
)
def test_what_cannot_be_is_one_sentence(keywords, said):
    with pytest.raises(ParameterError) as raised:
        call(**keywords)
    assert said in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_parameters_by_themselves_answer_with_the_nearest_name_too():
    with pytest.raises(ParameterError, match="'hot_rat' is no parameter of the search: the nearest is 'hot_rate'"):
        SearchParameters(hot_rat=0.3)
