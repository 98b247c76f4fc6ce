"""``prepare``: raw darks to triplets that a search can use, with the pipeline's own steps."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask.acquire.prepare import PrepareSettings, prepare, read_given
from darkmask.cli import main
from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import Geometry
from darkmask.delivery import scan
from darkmask.simulate import DemoPaths, read_truth
from darkmask.simulate.spec import DEFAULT_FRACTIONS
from tests.support.raw_darks import references, run_prepare
from tests.support.segments import cut_exposure

pytestmark = pytest.mark.slow

FIRST = "jw01062001001_02101_00001_nrcblong"


def test_triplets_are_whole_and_nothing_else_is_there(raw, prepared):
    index = scan(prepared)
    assert not index.problems
    assert len(index.exposures) == 10
    assert index.simulated
    assert {path.name for path in prepared.iterdir() if path.suffix != ".fits"} == {"prepared"}


def test_planted_defects_are_found(raw, prepared, tmp_path):
    assert main(["search", str(prepared), str(tmp_path), "--frame", "128"]) == 0
    (path,) = tmp_path.glob("*_full_categories.fits")
    categories = fits.getdata(path, 1)
    truth = read_truth(raw.truth, "NRCBLONG")
    # Warm pixels lie below the detection limit of so short a delivery.
    for category in set(DEFAULT_FRACTIONS) - {Category.WARM}:
        planted = truth[truth["category"] == category.value]
        found = in_category(categories, category)[planted["y"], planted["x"]]
        assert len(planted) >= 6
        assert found.mean() > 0.85, category
        assert in_category(categories, category).sum() <= found.sum() + 2, category


def test_the_checks_pass(prepared, prepared_criteria, run_checks):
    ended = run_checks(f"--delivery={prepared}", f"--criteria={prepared_criteria}", expect=0)
    assert ended.checks["DLV-STEPS", "NRCBLONG", "FULL"]["outcome"] == "pass"
    assert ended.checks["CNT-HOT", "NRCBLONG", "FULL"]["outcome"] == "pass"


def test_the_ramps_are_those_of_the_dark_pipeline(raw, prepared, tmp_path):
    """The archive's own pipeline, with the same references, gives the same counts and flags before jumps."""
    code = f"""
from darkmask.pipeline.offline import offline_crds
with offline_crds():
    from darkmask.delivery.headers import read_record
    from darkmask.core.detectors import Geometry
    from darkmask.acquire.prepare.steps import reference_pixel_mask
    from jwst.pipeline import DarkPipeline
    from pathlib import Path
    folder, references = Path({str(raw.delivery)!r}), {str(references(raw))!r}
    path = folder / "{FIRST}_uncal.fits"
    mask = {str(tmp_path / "mask.fits")!r}
    reference_pixel_mask(read_record(path, folder), Geometry(128)).save(mask)
    given = lambda kind: {{"override_" + kind: f"{{references}}/NRCBLONG_{{kind}}.fits"}}
    result = DarkPipeline.call(str(path), configure_log=False, steps={{
        "dq_init": {{"override_mask": mask}},
        "saturation": given("saturation") | given("superbias"),
        "superbias": given("superbias"),
        "ipc": {{"skip": True}},
        "refpix": {{"override_refpix": "N/A", "override_sirskernel": "N/A"}},
        "linearity": given("linearity"),
        **{{step: {{"skip": True}} for step in ("emicorr", "reset", "rscd", "firstframe", "lastframe")}},
    }})
    result.save({str(tmp_path / "dark.fits")!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=300)
    ours = prepared / f"{FIRST}_jump.fits"
    assert np.array_equal(fits.getdata(ours, "SCI"), fits.getdata(tmp_path / "dark.fits", "SCI"), equal_nan=True)
    assert np.array_equal(fits.getdata(ours, "PIXELDQ"), fits.getdata(tmp_path / "dark.fits", "PIXELDQ"))
    jumps = 4
    before = fits.getdata(tmp_path / "dark.fits", "GROUPDQ")
    assert np.array_equal(fits.getdata(ours, "GROUPDQ") & ~np.uint8(jumps), before)


def test_headers_say_what_was_done_and_nothing_of_the_machine(raw, prepared):
    for path in sorted(prepared.glob("*_0000[12]_*.fits")):
        header = fits.getheader(path)
        assert header["S_SUPERB"] == header["S_REFPIX"] == header["S_LINEAR"] == header["S_JUMP"] == "COMPLETE"
        assert "S_DARK" not in header
        assert header["R_GAIN"] == "NRCBLONG_gain.fits"
        assert header["R_MASK"] == header["CRDS_CTX"] == "N/A"
        assert header["DATE"] == fits.getheader(raw.delivery / f"{FIRST}_uncal.fits")["DATE"]
        assert str(prepared.parent).encode() not in path.read_bytes()
        assert str(raw.delivery.parent).encode() not in path.read_bytes()


def test_a_second_run_does_nothing_and_a_changed_one_only_what_changed(raw, prepared, tmp_path):
    out, folder = tmp_path / "out", tmp_path / "some"
    folder.mkdir()
    for path in raw.delivery.glob("jw01062002001*_0000[12]_*"):
        shutil.copy(path, folder)
    shutil.copytree(prepared, out)
    half = out / ".part-prepare-killed"
    half.mkdir()
    (half / "x_jump.fits").write_bytes(b"half")
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.suffix == ".fits"}

    ended = run_prepare(raw, out, folder=folder)
    assert ended.stdout.count("finished before") == 2
    assert not half.exists()
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.suffix == ".fits"} == before

    # One product is damaged: only its exposure is made again, and to the same bytes.
    damaged = out / "jw01062002001_02101_00002_nrcblong_rate.fits"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-2880])
    ended = run_prepare(raw, out, "--jobs", "1", folder=folder)
    assert ended.stdout.count("finished before") == ended.stdout.count("made ") == 1
    assert damaged.read_bytes() == whole

    ended = run_prepare(raw, out, "--reference", "refpix=N/A", folder=folder)
    assert "refpix is N/A: the refpix step is left out." in ended.stdout
    assert ended.stdout.count("made ") == 2
    assert fits.getheader(damaged).get("S_REFPIX") is None
    record = json.loads((out / "prepared" / "jw01062002001_02101_00002_nrcblong.json").read_text())
    assert record["settings"]["refpix"] is False


def test_one_bad_exposure_does_not_stop_the_others(raw, tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    for path in raw.delivery.glob("jw01062002001*_0000[12]_*"):
        shutil.copy(path, folder)
    broken = folder / "jw01062002001_02101_00001_nrcblong_uncal.fits"
    with fits.open(broken, mode="update") as hdus:
        hdus[0].header["FRMDIVSR"] = "one"
    ended = run_prepare(raw, tmp_path / "out", folder=folder)
    assert ended.returncode == 1
    assert "made " in ended.stdout
    assert "the pipeline's steps failed on jw01062002001_02101_00001_nrcblong_uncal.fits" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sorted(path.name for path in (tmp_path / "out" / "prepared").iterdir()) == [
        "jw01062002001_02101_00002_nrcblong.json"
    ]
    assert not list((tmp_path / "out").glob("*_00001_*"))


def test_segments_become_segments_of_one_exposure(raw, tmp_path):
    folder, out = tmp_path / "some", tmp_path / "out"
    folder.mkdir()
    for path in raw.delivery.glob("jw01062002001*_00001_*"):
        shutil.copy(path, folder)
    cut_exposure(folder, 1, (1, 1), "nrcblong", ("uncal",), observation=2)
    ended = run_prepare(raw, out, folder=folder)
    assert ended.returncode == 0, ended.stderr
    index = scan(out)
    assert index.problems == ()
    (exposure,) = index.exposures
    assert [segment.jump.intstart for segment in exposure.segments] == [1, 2]
    assert exposure.integrations == 2


def _folder_of_one(raw: DemoPaths, tmp_path: Path) -> Path:
    folder = tmp_path / "some"
    folder.mkdir()
    shutil.copy(raw.delivery / f"{FIRST}_uncal.fits", folder)
    return folder


def _no_raw(raw, folder):
    (folder / f"{FIRST}_uncal.fits").unlink()


def _cut(raw, folder):
    path = folder / f"{FIRST}_uncal.fits"
    path.write_bytes(path.read_bytes()[:-8000])


def _not_a_dark(raw, folder):
    fits.setval(folder / f"{FIRST}_uncal.fits", "EXP_TYPE", value="NRC_IMAGE")


def _wrong_groups(raw, folder):
    fits.setval(folder / f"{FIRST}_uncal.fits", "NGROUPS", value=99)


def _twice(raw, folder):
    (folder / "again").mkdir()
    shutil.copy(folder / f"{FIRST}_uncal.fits", folder / "again")


def _packed(raw, folder):
    (folder / f"{FIRST}_uncal.fits").rename(folder / f"{FIRST}_uncal.fits.gz")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_raw, "holds no _uncal.fits files"),
        (_cut, f"{FIRST}_uncal.fits .*it is truncated"),
        (_not_a_dark, f"{FIRST}_uncal.fits has EXP_TYPE NRC_IMAGE where NRC_DARK was expected"),
        (_wrong_groups, "holds 16 groups and its header has NGROUPS 99"),
        (_twice, "have one name and their products would be one"),
        (_packed, "is compressed: decompress it"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(raw, tmp_path, capsys, spoil, said):
    folder = _folder_of_one(raw, tmp_path)
    spoil(raw, folder)
    assert main(["prepare", str(folder), str(tmp_path / "out"), "--references", str(references(raw))]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert re.search(said, error), error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("jobs", "memory", "together"), [(3, None, 3), (3, 1.3e9, 2), (1, 1.3e9, 1), (None, 0.7e9, 1)])
def test_no_more_exposures_at_a_time_than_the_memory_given_holds(raw, tmp_path, jobs, memory, together):
    # One exposure takes 0.6 GB.
    given, settings = read_given(references(raw), ["refpix=N/A"]), PrepareSettings(Geometry(128))
    lines = prepare(scan(raw.delivery), tmp_path / "out", given, settings, jobs=jobs, memory=memory)
    assert next(lines) == "refpix is N/A: the refpix step is left out."
    assert f": {together} at a time take up to" in next(lines)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_into_the_raw_folder(raw, tmp_path, capsys):
    folder = _folder_of_one(raw, tmp_path)
    assert main(["prepare", str(folder), str(folder / "out"), "--references", str(references(raw))]) == 4
    assert "which is never written to" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == [f"{FIRST}_uncal.fits"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--reference", "dark=x.fits"], "--reference dark=x.fits is not understood"),
        (["--reference", "gain=N/A"], "which the jump step and the ramp fit need"),
        (["--reference", "gain=no_such.fits"], "no_such.fits cannot be read as FITS"),
        (["--reference", "refpix=x.fits"], "the reference-pixel step has none"),
        (["--references", "{empty}"], "empty of reference files holds no FITS file"),
    ],
)
def test_a_reference_that_cannot_be_used_is_said_in_one_sentence(raw, tmp_path, capsys, arguments, said):
    folder = _folder_of_one(raw, tmp_path)
    (tmp_path / "empty").mkdir()
    given = [argument.format(empty=tmp_path / "empty") for argument in arguments]
    assert main(["prepare", str(folder), str(tmp_path / "out"), *given]) == 4
    assert not (tmp_path / "out").exists()
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_a_reference_of_another_kind_or_detector_is_refused(raw, tmp_path, capsys):
    folder = _folder_of_one(raw, tmp_path)
    saturation = references(raw) / "NRCBLONG_saturation.fits"
    assert main(["prepare", str(folder), str(tmp_path / "out"), "--reference", f"gain={saturation}"]) == 4
    assert "has REFTYPE SATURATION where GAIN was expected" in capsys.readouterr().err


def test_crds_chooses_from_a_cache_without_a_server(raw, tmp_path, monkeypatch):
    """Lay a cache out as the CRDS client does, in which only NRCBLONG has references."""
    cache = tmp_path / "cache"
    fill_crds_cache(cache, references(raw))
    monkeypatch.setenv("CRDS_PATH", str(cache))
    monkeypatch.setenv("CRDS_SERVER_URL", "https://crds-serverless-mode.invalid")
    monkeypatch.setenv("CRDS_IGNORE_MAPPING_CHECKSUM", "true")
    folder = _folder_of_one(raw, tmp_path)
    command = [sys.executable, "-W", "error", "-m", "darkmask", "prepare", folder, tmp_path / "out", "--frame", "128"]
    gain = references(raw) / "NRCBLONG_gain.fits"
    ended = subprocess.run(
        list(map(str, [*command, "--reference", f"gain={gain}"])), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    header = fits.getheader(tmp_path / "out" / f"{FIRST}_rate.fits")
    assert header["R_SUPERB"] == "jwst_nircam_superbias_0007.fits"
    assert header["R_GAIN"] == "NRCBLONG_gain.fits"
    assert header["CRDS_CTX"] == "jwst_0001.pmap"

    fits.setval(folder / f"{FIRST}_uncal.fits", "DETECTOR", value="NRCALONG")
    (folder / f"{FIRST}_uncal.fits").rename(folder / "nameless_uncal.fits")
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "reference for nameless_uncal.fits" in ended.stderr
    assert "--reference" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def fill_crds_cache(cache: Path, files: Path) -> None:
    """Write a context of one reference file per kind, valid for NRCBLONG."""
    kinds = ("gain", "linearity", "readnoise", "saturation", "superbias")
    mappings, stored, config = (cache / name / "jwst" for name in ("mappings", "references", "config"))
    for folder in (mappings, stored / "nircam", config):
        folder.mkdir(parents=True)

    def write(name: str, header: dict, selector: str) -> None:
        common = {"name": name, "observatory": "JWST", "sha1sum": "", "derived_from": "scratch"}
        (mappings / name).write_text(f"header = {header | common!r}\n\nselector = {selector}\n")

    write(
        "jwst_0001.pmap",
        {"mapping": "PIPELINE", "parkey": ("META.INSTRUMENT.NAME",)},
        "{'NIRCAM': 'jwst_nircam_0001.imap'}",
    )
    rmaps = {kind.upper(): f"jwst_nircam_{kind}_0001.rmap" for kind in kinds}
    write(
        "jwst_nircam_0001.imap", {"mapping": "INSTRUMENT", "instrument": "NIRCAM", "parkey": ("REFTYPE",)}, repr(rmaps)
    )
    keys = (("META.INSTRUMENT.DETECTOR",), ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME"))
    for kind in kinds:
        name = f"jwst_nircam_{kind}_0007.fits"
        header = {"mapping": "REFERENCE", "instrument": "NIRCAM", "filekind": kind.upper(), "parkey": keys}
        header["classes"] = ("Match", "UseAfter")
        selector = f"Match({{('NRCBLONG',): UseAfter({{'2015-01-01 00:00:00': {name!r}}})}})"
        write(rmaps[kind.upper()], header, selector)
        shutil.copy(files / f"NRCBLONG_{kind}.fits", stored / "nircam" / name)
    contexts = dict.fromkeys(("operational_context", "latest_context", "edit_context"), "jwst_0001.pmap")
    server = {"observatory": "jwst", **contexts, "bad_files": "", "bad_files_list": [], "last_synced": "offline"}
    server |= {"force_remote_mode": False, "crds_version": {"str": "offline"}, "reference_url": "", "mapping_url": ""}
    (config / "server_config").write_text(repr(server))


def test_a_raw_delivery_names_the_command(raw):
    (problem,) = scan(raw.delivery).problems
    assert f"make them with python -m darkmask prepare {raw.delivery} OUT" in problem.sentence
