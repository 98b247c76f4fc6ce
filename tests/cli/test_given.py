"""Paths that commands are given: a wrong one is code 4, one sentence, and nothing is written."""

import os

import pytest

from darkmask.cli import main

FORMS = {
    "search": ["search", "{path}", "out"],
    "search --base": ["search", "{darks}", "out", "--base={path}"],
    "search --flats": ["search", "{darks}", "out", "--flats={path}"],
    "search --manual-flags": ["search", "{darks}", "out", "--manual-flags={path}"],
    "prepare": ["prepare", "{path}", "out"],
    "prepare --references": ["prepare", "{darks}", "out", "--references={path}"],
    "compare A": ["compare", "{path}", "{darks}"],
    "compare B": ["compare", "{darks}", "{path}"],
    "sign": ["sign", "{path}", "--reviewer=A. Reviewer", "--decision=accept", "--comment=fine"],
    "verify": ["verify", "{path}"],
    "remark": ["remark", "{path}", "CNT-HOT", "known"],
    "index": ["index", "{path}"],
    "submission": ["submission", "{path}", "out", "--deliverer=A. Maker", "--change-level=TRIVIAL"],
    "submission --replaces": [
        *("submission", "{darks}", "out", "--deliverer=A. Maker", "--change-level=TRIVIAL"),
        "--replaces={path}",
    ],
}
FILES = ("search --manual-flags", "submission --replaces")


def refused(arguments, capsys) -> str:
    """Return the one sentence with which a command ends."""
    assert main([str(argument) for argument in arguments]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith(f"darkmask {arguments[0]}: ")
    return said.err


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Work in a folder with two empty folders and a file, and see to it that nothing is added."""
    for name in ("darks", "others"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["darks", "file", "others"]


@pytest.mark.parametrize("form", FORMS)
def test_a_path_that_does_not_exist(form, place, capsys):
    arguments = [part.format(path="no/such", darks="darks") for part in FORMS[form]]
    assert "no/such does not exist: give " in refused(arguments, capsys)


@pytest.mark.parametrize("form", [form for form in FORMS if not form.startswith("compare")])
def test_a_path_of_the_wrong_kind(form, place, capsys):
    path, said = ("others", "is no file") if form in FILES else ("file", "is a file: give the folder")
    arguments = [part.format(path=path, darks="darks") for part in FORMS[form]]
    assert f"{path} {said}" in refused(arguments, capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "darks", "darks"], "darks is given twice, as DELIVERY and as OUT"),
        (["search", "darks", "others/../darks"], "given twice, as DELIVERY and as OUT"),
        (["search", "darks", "darks/found"], "darks/found (OUT) lies inside darks (DELIVERY), which is never written"),
        (["search", "darks", "others", "--base=others"], "others is given twice, as --base and as OUT"),
        (["search", "darks", "out", "--base=darks"], "darks is given twice, as DELIVERY and as --base"),
        (["search", "darks", "out", "--flats=darks"], "darks is given twice, as DELIVERY and as --flats"),
        (["prepare", "darks", "darks"], "darks is given twice, as UNCAL_DIR and as OUT"),
        (["prepare", "darks", "out", "--references=darks"], "darks is given twice, as UNCAL_DIR and as --references"),
        (["compare", "darks", "darks/"], "darks is given twice, as A and as B"),
        (["compare", "file", "./file"], "file is given twice, as A and as B"),
        (["compare", "file", "darks"], "are a file and a folder: give two of one kind"),
        (["submission", "darks", "darks", "--deliverer=M", "--change-level=TRIVIAL"], "as REPORT_DIR and as OUT"),
    ],
    ids=str,
)
def test_a_folder_given_twice(arguments, said, place, capsys):
    assert said in refused(arguments, capsys)


def test_a_link_is_the_folder_that_it_leads_to(place, capsys):
    os.symlink("darks", "link")
    assert "is given twice" in refused(["search", "darks", "link"], capsys)
    os.unlink("link")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["demo", "--detectors", "NRCA1", "NRCA2", "out"], "--detectors=NRCA1,NRCA2."),
        (["demo", "out", "--detectors", "nrca1,", "NRCA2"], "--detectors=nrca1,NRCA2."),
        (["demo", "out", "--detectors=NRCA1", "NRCA2", "NRCA3", "--seed=3"], "--detectors=NRCA1,NRCA2,NRCA3."),
        (["demo", "out", "--epochs", "30", "45"], "--epochs=30,45."),
        (["search", "darks", "--detectors", "NRCA1", "NRCALONG"], "--detectors=NRCA1,NRCALONG."),
        (["fetch", "--program=1062", "--observations", "1", "2", "out"], "--observations=1,2."),
        (["fetch", "out", "--program=1062", "--product", "uncal", "rate"], "--product=uncal,rate."),
    ],
    ids=str,
)
def test_lists_with_spaces_are_refused(given, said, place, capsys):
    assert f"takes one list with commas and no spaces: write {said}" in refused(given, capsys)


def test_what_follows_a_list_is_not_eaten(place, capsys):
    """Before the list and after it, OUT is OUT; the frame is refused when all of them were read."""
    for words in (["--detectors", "nrca1", "file"], ["file", "--detectors=NRCA1", "--detectors", "NRCALONG"]):
        assert main(["demo", *words, "--frame=16", "--groups=2", "--exposures=1", "--integrations=1"]) == 1
        assert "file exists and is not empty" in capsys.readouterr().err
