"""The jwst_reffiles engine leaves nothing behind, and says in one sentence what it cannot do."""

import importlib.util
import inspect
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.categories import Category, in_category
from darkmask.core.errors import ParameterError, SearchError
from darkmask.core.flags import FLIGHT_FLAGS, bits_of, pixel_flags
from darkmask.search.keywords import MASK_TABLE
from darkmask.search.parameters import SearchParameters
from darkmask.search.reffiles import darks as reffiles
from darkmask.search.reffiles.darks import Triplet, search_reffiles
from tests.support.official_flags import OFFICIAL_FLAGS

SATURATED_PIXEL = (7, 9)


def make_darks(folder: Path, exposures: int = 5, integrations: int = 1, rate_suffix: str = "rate") -> list[Triplet]:
    """Write exposures of 24x20 pixels and 8 groups: a border of 4 reference pixels, one pixel always saturated."""
    rng = np.random.default_rng(1)
    shape = (integrations, 24, 20)
    reference = np.pad(np.zeros((16, 12), dtype=np.uint32), 4, constant_values=pixel_flags()["REFERENCE_PIXEL"])
    triplets = []
    for i in range(exposures):
        groupdq = np.zeros((integrations, 8, 24, 20), dtype=np.uint8)
        pedestal = rng.normal(3, 4, shape).astype(np.float32)
        rate = rng.normal(0.01, 0.002, shape).astype(np.float32)
        groupdq[(..., *SATURATED_PIXEL)] = pixel_flags()["SATURATED"]
        pedestal[(..., *SATURATED_PIXEL)] = 0
        rate[(..., *SATURATED_PIXEL)] = np.nan
        slopes = rate[0] if rate_suffix == "rate" else rate
        images = {
            "jump": {"GROUPDQ": groupdq},
            "fitopt": {"PEDESTAL": pedestal},
            rate_suffix: {"SCI": slopes, "DQ": np.broadcast_to(reference, slopes.shape)},
        }
        for kind, planes in images.items():
            primary = fits.PrimaryHDU()
            primary.header.update(INSTRUME="NIRCAM", DETECTOR="NRCA1", FASTAXIS=-1, SLOWAXIS=2)
            hdus = [fits.ImageHDU(data, name=name) for name, data in planes.items()]
            fits.HDUList([primary, *hdus]).writeto(folder / f"dark{i}_{kind}.fits")
        triplets.append(Triplet(*(folder / f"dark{i}_{kind}.fits" for kind in images)))
    return triplets


def search(triplets, parameters=None):
    return search_reffiles(triplets, parameters or SearchParameters(), detector="NRCA1", subarray="FULL")


def is_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and "Traceback" not in text


# What the engine does


@pytest.mark.slow
def test_calls_do_not_change_each_other(tmp_path, monkeypatch):
    """The package itself writes SATURATED for DO_NOT_USE from the second call on, and writes files where it runs."""
    (tmp_path / "data").mkdir()
    empty = tmp_path / "cwd"
    empty.mkdir()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    triplets = make_darks(tmp_path / "data")
    before = sorted((tmp_path / "data").iterdir())
    monkeypatch.chdir(empty)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    # The package would add a DO_NOT_USE that is given twice up to SATURATED.
    flags = {"hot": ["HOT", "DO_NOT_USE"], "rc": ["RC"], "low_pedestal": ["OTHER_BAD_PIXEL"], "high_cr": ["TELEGRAPH"]}
    written = json.dumps(flags)
    parameters = SearchParameters.from_mapping({"flag_values": flags}, "demo.toml")
    dumped = parameters.model_dump_json()

    # A user may give paths relative to a directory that the worker is not in.
    triplets = [Triplet(*(Path("../data", path.name) for path in (t.jump, t.fitopt, t.rate))) for t in triplets]
    results = [search(triplets, parameters) for _ in range(3)]

    for result in results:
        assert result.version == "1.0.1"
        assert result.categories.shape == result.dq.shape == (24, 20)
        assert (result.categories.dtype, result.dq.dtype) == (np.uint16, np.uint32)
        assert not (result.dq & bits_of(["SATURATED"])).any()
        assert in_category(result.categories, Category.SATURATED).sum() == 1
        assert in_category(result.categories, Category.SATURATED)[SATURATED_PIXEL]
        # The pixel is saturated everywhere, so it has no slope, and is noisy as well.
        assert result.dq[SATURATED_PIXEL] == bits_of(["HOT", "TELEGRAPH", "DO_NOT_USE"])
        assert np.array_equal(result.dq, OFFICIAL_FLAGS.to_dq(result.categories))
        assert np.array_equal(result.dq, results[0].dq)
    assert list(empty.iterdir()) == []
    assert list(temporary.iterdir()) == []
    assert sorted((tmp_path / "data").iterdir()) == before
    assert json.dumps(flags) == written
    assert parameters.model_dump_json() == dumped


def test_failure_of_the_package_is_one_sentence(tmp_path):
    triplets = make_darks(tmp_path)
    triplets[3].jump.unlink()
    with pytest.raises(SearchError, match=r"failed on the 5 exposures of NRCA1 FULL \(.*dark3_jump.fits") as raised:
        search(triplets)
    assert is_sentence(str(raised.value))


# What it refuses before it starts


@pytest.fixture
def no_worker(monkeypatch):
    def refuse(*_):
        pytest.fail("the package was started")

    monkeypatch.setattr(reffiles, "run_worker", refuse)


def refusal(triplets, parameters=None) -> str:
    with pytest.raises(SearchError) as raised:
        search(triplets, parameters)
    assert is_sentence(str(raised.value))
    return str(raised.value)


def test_fewer_than_five_exposures(tmp_path, no_worker):
    message = refusal(make_darks(tmp_path, exposures=4))
    assert message == (
        "jwst_reffiles needs at least 5 exposures and the delivery has 4 of NRCA1 FULL: add exposures, or search with "
        "--engine=native."
    )


def test_rate_of_several_integrations(tmp_path, no_worker):
    message = refusal(make_darks(tmp_path, integrations=2))
    assert "dark0_rate.fits holds the rate of 1 integration and dark0_fitopt.fits has 2" in message
    assert "_rateints" in message


def test_unreadable_product(tmp_path, no_worker):
    triplets = make_darks(tmp_path)
    triplets[1].fitopt.write_bytes(b"not a FITS file")
    assert "dark1_fitopt.fits cannot be read" in refusal(triplets)


def test_kind_without_flag(tmp_path, no_worker):
    """The package turns the map of a kind into zeros when its flags add up to 0."""
    flags = {"hot": ["HOT"], "rc": ["RC"], "low_pedestal": [], "high_cr": ["TELEGRAPH"]}
    parameters = SearchParameters.from_mapping({"flag_values": flags, "dark_do_not_use": ["hot"]}, "demo.toml")
    assert "flag_values gives 'low_pedestal' no mnemonic" in refusal(make_darks(tmp_path), parameters)


def test_package_not_installed(tmp_path, no_worker, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "install jwst_reffiles==1.0.1" in refusal(make_darks(tmp_path))


# Parameters


def test_keywords_and_defaults_are_those_of_the_package():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from jwst_reffiles.bad_pixel_mask.bad_pixel_mask import bad_pixels
    theirs = {name: item.default for name, item in inspect.signature(bad_pixels).parameters.items()}
    ours = SearchParameters().model_dump(mode="json")
    assert {name: ours.get(name, "missing") for name in theirs if name not in MASK_TABLE} == {
        name: default for name, default in theirs.items() if name not in MASK_TABLE
    }


def test_every_flight_parameter_is_described():
    """We have to explain the parameters that bad_pixels() does not know."""
    fields = SearchParameters.model_fields
    ours = list(fields)[list(fields).index("hot_rate") :]
    assert len(ours) == 28
    for name in ours:
        assert "Source:" in (fields[name].description or ""), f"{name} has no description with a source"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hot_rat": 0.3}, "'hot_rat' is no parameter of the search: the nearest is 'hot_rate'"),
        ({"author": "me"}, "'author' describes the mask and not the search: move it to [mask]"),
        ({"hot_rate": -1.0}, "hot_rate = -1.0 cannot be used (should be greater than 0)"),
        ({"hot_rate": "0.3"}, "hot_rate = '0.3' cannot be used (should be a valid number)"),
        ({"hot_rate": 0.01}, "it must not exceed hot_rate = 0.01"),
        ({"rc_fraction_threshold": 1.5}, "rc_fraction_threshold = 1.5 cannot be used"),
        ({"dark_do_not_use": ["noisy"]}, "'noisy' is none of hot, rc, low_pedestal, high_cr"),
        ({"flight_do_not_use": ["dead"]}, "'dead' is none of saturated, hot,"),
        ({"flag_values": {"hot": ["HOT"]}}, "it must name each of hot, rc, low_pedestal, high_cr once"),
        (
            {"flag_values": {"hot": ["HOT"], "rc": ["RC"], "low_pedestal": ["LOW_PEDESTAL"], "high_cr": ["TELEGRAPH"]}},
            "'LOW_PEDESTAL' is no DQ mnemonic that belongs in a mask",
        ),
    ],
)
def test_bad_parameter_names_file_and_key(given, words):
    with pytest.raises(ParameterError) as raised:
        SearchParameters.from_mapping(given, "demo.toml")
    message = str(raised.value)
    assert message.startswith("demo.toml: in [search], ")
    assert words in message
    assert is_sentence(message)


def test_all_bad_parameters_in_one_sentence():
    with pytest.raises(ParameterError, match=r"hot_rate = -1 .*; 'nonsense' is no parameter of the search: remove it"):
        SearchParameters.from_mapping({"hot_rate": -1, "nonsense": 1}, "demo.toml")


def test_keywords_without_effect_are_said_to_be():
    given = {"dead_search": False, "quality_check": False, "dark_jump_files": None, "max_jump_limit": 12, "plot": False}
    sentences = SearchParameters.from_mapping(given, "demo.toml").ignored_keywords()
    assert len(sentences) == 4
    assert all(is_sentence(sentence) for sentence in sentences)
    text = " ".join(sentences)
    for words in (
        "dead_search, quality_check: without",
        "dark_jump_files:",
        "max_jump_limit = 12:",
        "10 fixed",
        "plot:",
    ):
        assert words in text
    silent = {"max_jump_limit": 10, "dark_noisy_threshold": 3, "hot_rate": 0.5}
    assert SearchParameters.from_mapping(silent, "demo.toml").ignored_keywords() == []


def test_flag_tables():
    default = SearchParameters()
    assert default.official_flags() == OFFICIAL_FLAGS
    assert default.flight_flags() == FLIGHT_FLAGS
    given = {
        "flag_values": {"HOT": ["HOT"], "rc": ["RC"], "low_pedestal": ["UNRELIABLE_BIAS"], "high_cr": ["TELEGRAPH"]},
        "dark_do_not_use": ["Hot"],
        "flight_do_not_use": ["warm"],
    }
    parameters = SearchParameters.from_mapping(given, "demo.toml")
    official, flight = parameters.official_flags(), parameters.flight_flags()
    assert official.value(Category.LOW_PEDESTAL) == bits_of(["UNRELIABLE_BIAS"])
    assert official.do_not_use == {Category.SATURATED}
    assert flight.do_not_use == {Category.WARM}
    assert flight.mnemonics == FLIGHT_FLAGS.mnemonics
