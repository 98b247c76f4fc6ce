"""What is prepared for CRDS is what CRDS's own client takes, and only of an accepted report."""

import json
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from astropy.io import fits

from darkmask.cli import main
from darkmask.core.atomic import sha256_file

# The form of CRDS, as far as its users' clients and its documentation tell its fields, and which values they take.
_BOOLEANS = "history_updated pedigree_updated keywords_checked descrip_updated useafter_updated etc_delivery"
_TEXTS = "calpipe_version modes_affected correctness_testing additional_considerations"
_OPTIONAL = "other_email old_reference_files jira_issue"
FORM = [
    {"key": "deliverer", "type": "CharField", "required": True, "label": "who"},
    {"key": "instrument", "type": "TypedChoiceField", "required": True, "label": "", "choices": ["NIRCAM", "NIRISS"]},
    {"key": "file_type", "type": "CharField", "required": True, "label": ""},
    *({"key": key, "type": "BooleanField", "required": True, "label": ""} for key in _BOOLEANS.split()),
    *({"key": key, "type": "BooleanField", "required": False, "label": ""} for key in ("replacement_files",)),
    {"key": "reprocess_affected", "type": "BooleanField", "required": False, "label": ""},
    *(
        {"key": key, "type": "TypedChoiceField", "required": True, "label": "", "choices": ["Yes", "No", "N/A"]}
        for key in ("useafter_matches", "compliance_verified", "replacing_badfiles", "table_rows_changed")
    ),
    *({"key": key, "type": "CharField", "required": True, "label": ""} for key in _TEXTS.split()),
    *({"key": key, "type": "CharField", "required": False, "label": ""} for key in _OPTIONAL.split()),
]
# In a process of its own: the client sets the environment of whoever imports it.
CLIENT = """
import sys, yaml
from crds.submit import rc_submit
rc_submit.BASE_URLS["test"]["jwst"] = sys.argv[1]
submission = rc_submit.Submission("jwst", "test", context="jwst_0000.pmap")
for key, value in yaml.safe_load(open(sys.argv[2])).items():
    submission[key] = value
for path in sys.argv[3:]:
    submission.add_file(path)
submission.validate()
missing = {key for key in submission.keys() if submission[key] == ""}
print("taken", len(submission.files), sorted(missing))
"""


@pytest.fixture
def accepted(judged_masks, tmp_path) -> Path:
    """Return an accepted report on masks, as if they were of real darks."""
    report = Path(shutil.copytree(judged_masks, tmp_path / "report"))
    results = json.loads((report / "results.json").read_text())
    results["delivery"]["simulated"] = False
    (report / "results.json").write_text(json.dumps(results))
    manifest = json.loads((report / "manifest.json").read_text())
    manifest["report"]["results.json"] = sha256_file(report / "results.json")
    (report / "manifest.json").write_text(json.dumps(manifest))
    assert sign(report, "accept") == 0
    return report


def sign(report: Path, decision: str) -> int:
    return main(["sign", str(report), "--reviewer=A. Reviewer", f"--decision={decision}", "--comment=seen"])


def prepare(report: Path, out: Path, *more: str) -> int:
    return main(["submission", str(report), str(out), "--deliverer=D. Liverer", "--change-level=MODERATE", *more])


@pytest.fixture
def form_server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(yaml.safe_dump(FORM).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_client_of_crds_takes_the_form(accepted, good_masks, tmp_path, form_server, capsys):
    out = tmp_path / "to_crds"
    assert prepare(accepted, out, "--ticket=ABC-12") == 0
    masks = sorted(out.glob("*.fits"))
    assert masks
    client = [sys.executable, "-W", "ignore", "-c", CLIENT, form_server, str(out / "submission.yml"), *map(str, masks)]
    said = subprocess.run(client, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr[-2000:]
    assert said.stdout.startswith(f"taken {len(masks)} ['old_reference_files', 'other_email']")
    assert {path.name: sha256_file(path) for path in masks} == {
        path.name: sha256_file(path) for path in sorted(good_masks.glob("*.fits")) if is_mask(path)
    }
    certified = (out / "certify.txt").read_text()
    assert all(path.name in certified for path in masks)
    command = shlex.split(capsys.readouterr().out.splitlines()[-1].partition("then: ")[2])
    assert command[:5] == ["python", "-m", "crds.submit.rc_submit", "--redcat-parameters", str(out / "submission.yml")]
    assert set(map(str, masks)) <= set(command)


def is_mask(path: Path) -> bool:
    return fits.getheader(path).get("REFTYPE") == "MASK"


def test_the_form_says_what_is_replaced(accepted, small, tmp_path):
    base = next(path for path in sorted(small.base.glob("*.fits")) if is_mask(path))
    assert prepare(accepted, tmp_path / "out", f"--replaces={base}") == 0
    form = yaml.safe_load((tmp_path / "out" / "submission.yml").read_text())
    assert (form["replacement_files"], form["old_reference_files"]) == (True, base.name)
    assert form["useafter_matches"] == "No", "the other detectors replace nothing that was named"
    assert form["change_level"] == "MODERATE"
    assert "NRCA1" in form["description"]


@pytest.mark.parametrize(
    "why",
    [
        "unsigned",
        "rejected",
        "changed",
        "mask changed",
        pytest.param("not certified", marks=pytest.mark.slow),
        "there already",
    ],
)
def test_nothing_is_prepared_of_what_nobody_accepted(why, accepted, judged_masks, tmp_path, capsys):
    report, out = accepted, tmp_path / "out"
    if why in ("unsigned", "rejected"):
        report = Path(shutil.copytree(judged_masks, tmp_path / "other"))
    if why == "rejected":
        assert sign(report, "reject") == 0
    if why == "changed":
        (report / "junit.xml").write_text("<testsuites/>")
    if why == "there already":
        out.mkdir()
    if why == "mask changed":
        with fits.open(next((report / "masks").glob("*_nrca1.fits")), mode="update") as hdus:
            hdus["DQ"].data[20, 20] ^= 1
    if why == "not certified":
        sign_with_a_bad_header(report)
    capsys.readouterr()
    assert prepare(report, out) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("darkmask submission: ")
    assert "Traceback" not in error
    assert not out.exists() or not list(out.iterdir())


def sign_with_a_bad_header(report: Path) -> None:
    """Let a report that was accepted hold a mask that CRDS refuses."""
    mask = next((report / "masks").glob("*_nrca1.fits"))
    with fits.open(mask, mode="update") as hdus:
        hdus[0].header["PEDIGREE"] = "INVENTED"
    manifest = json.loads((report / "manifest.json").read_text())
    manifest["masks"][mask.name] = sha256_file(mask)
    (report / "manifest.json").write_text(json.dumps(manifest))
    (report / "signoff.json").unlink()
    page = (report / "report.html").read_bytes()
    begin, end = page.index(b"<!-- sign-off begins -->"), page.index(b"<!-- sign-off ends -->\n")
    (report / "report.html").write_bytes(page[:begin] + page[end + len(b"<!-- sign-off ends -->\n") :])
    assert sign(report, "accept") == 0


def test_who_submits_is_told(accepted, tmp_path, capsys):
    assert prepare(accepted, tmp_path / "out", "--deliverer= ") == 4
    assert capsys.readouterr().err == (
        "darkmask submission: The deliverer is empty, longer than 200 characters, or not printable: give "
        "--deliverer=NAME.\n"
    )
    assert not (tmp_path / "out").exists()
