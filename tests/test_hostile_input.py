"""Input from a stranger: text stays text, in the report and in the terminal, and nothing of it is run."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from astropy.io import fits

from tests.browser import needs_chromium, opened
from tests.meta.planting import edit, one, unlinked

ROOT = Path(__file__).resolve().parent.parent
PWNED = "document.documentElement.dataset.pwned"
IN_HEADERS = {
    "EXP_TYPE": f'<script>{PWNED}=1</script>"><img src=x onerror="{PWNED}=2">',
    "S_JUMP": f"'><svg onload={PWNED}=3>",
    "TITLE": f"</script><script>{PWNED}=4</script>",
}
FILE_NAME = f"x<svg onload={PWNED}=5>\x1b[31m\u202e\n_nrca1_jump.fits"
FOLDER_NAME = f"darks'><img src=x onerror={PWNED}=6>"
REASON = f"<b onmouseover={PWNED}=7>known</b> javascript:{PWNED}=8 \u202e"
SOURCE = f"<script>{PWNED}=9</script> and <a href='javascript:{PWNED}=10'>a table</a>"
LONG = "A" * 10_000

# Every process of the run tells of each connection that it tries to make.
LISTENER = """
import os, sys
def hear(event, arguments, log=os.environ["CONNECTIONS"]):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"):
        with open(log, "a") as file:
            file.write(f"{event} {arguments[1:]}\\n")
sys.addaudithook(hear)
"""


@pytest.fixture(scope="module")
def listening(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("listening")
    (folder / "sitecustomize.py").write_text(LISTENER)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return {"PYTHONPATH": path, "CONNECTIONS": str(folder / "connections")}


def text_of(page: Path) -> str:
    """All that a page says, hidden rows included, once its scripts have run; nothing else may have happened in it."""
    with opened(page) as shown:
        assert shown.page.evaluate(PWNED) is None
        assert shown.complaints == []
        assert shown.requests == []
        assert shown.page.locator("td.col-check").count() > 0, "pytest-html has built its rows"
        return shown.page.evaluate("document.body.textContent")


@pytest.fixture
def hostile(small, tmp_path):
    """The options of a run in which every text that somebody else writes is hostile."""
    folder = small.copy(tmp_path, FOLDER_NAME)
    jump = one(folder, "*_00001_nrca1_jump.fits")
    edit(jump, EXP_TYPE=IN_HEADERS["EXP_TYPE"], TITLE=IN_HEADERS["TITLE"])
    edit(one(folder, "*_00002_nrca1_jump.fits"), S_JUMP=IN_HEADERS["S_JUMP"])
    edit(one(folder, "*_00003_nrca1_rateints.fits"), READPATT=LONG)
    (folder / FILE_NAME).write_text("no FITS")
    criteria = tmp_path / "criteria.toml"
    text = small.criteria.read_text().replace('name = "small"', 'name = "strict"')
    criteria.write_text(f'{text}\n[criteria.CNT-HOT]\nhigh = 0.0003\nsource = """{SOURCE}"""\n')
    waivers = tmp_path / "waivers.toml"
    waivers.write_text(
        'schema = 1\n[[waiver]]\ncriterion = "CNT-HOT"\ndetector = "NRCA1"\n'
        f'reason = """{REASON}"""\napprover = """{SOURCE}"""\n'
        "date = 2022-04-01\nexpires = 2999-01-01\nlimit = 0.02\n"
    )
    return [f"--delivery={folder}", f"--criteria={criteria}", f"--waivers={waivers}", "--detectors=NRCA1"]


@needs_chromium
def test_the_test_sees_a_script_that_runs(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(f"<html><body><p>{IN_HEADERS['EXP_TYPE']}</p></body></html>")
    with opened(page) as shown:
        assert shown.page.evaluate(PWNED) == "2"  # of the picture, after the script


@pytest.mark.slow
@needs_chromium
def test_hostile_text_is_shown_and_never_run(run_checks, hostile, listening, tmp_path):
    run = run_checks(*hostile, environment=listening, expect=1)
    page = run.folder / "report.html"
    text = text_of(page)
    for payload in (IN_HEADERS["EXP_TYPE"], IN_HEADERS["S_JUMP"], FOLDER_NAME, SOURCE):
        assert payload in text, payload
    assert REASON.replace("\u202e", "\ufffd").rstrip() in text
    assert f"x<svg onload={PWNED}=5>" in text
    # Long values are cut, with a mark, and none is repeated in every row.
    assert LONG not in text
    assert "A" * 1000 in text
    assert "more characters)" in text
    assert page.stat().st_size < 3_000_000
    # The terminal gets no escapes, XML no characters that it does not know.
    assert "\x1b[31m" not in run.output
    assert "\u202e" not in run.output
    ElementTree.parse(run.folder / "junit.xml")
    assert run.checks["CNT-HOT", "NRCA1", "FULL"]["outcome"] == "waived"
    json.loads((run.folder / "manifest.json").read_text())
    # Nothing lies anywhere else, and nobody was asked anything.
    assert {path.name for path in run.reports.iterdir() if not path.name.startswith(".")} == {run.folder.name}
    assert not Path(listening["CONNECTIONS"]).exists()


def test_the_test_hears_a_connection(listening):
    code = "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError: pass"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **listening}, check=True)
    log = Path(listening["CONNECTIONS"])
    assert "socket.connect" in log.read_text()
    log.unlink()


@needs_chromium
def test_hostile_masks(run_checks, small, tmp_path):
    masks = Path(shutil.copytree(small.base, tmp_path / "masks"))
    mask = one(masks, "*nrca1*.fits")
    edit(mask, **dict.fromkeys(("AUTHOR", "DESCRIP", "PEDIGREE", "HISTORY"), IN_HEADERS["EXP_TYPE"]))
    with fits.open(mask, mode="update") as hdus:
        hdus["DQ_DEF"].data["NAME"][:] = IN_HEADERS["EXP_TYPE"][:40]
    mask = mask.rename(mask.with_name(f"x<svg onload={PWNED}=5>_nrca1.fits"))
    run = run_checks(f"--masks={masks}", f"--criteria={small.criteria}", "--detectors=NRCA1", expect=1)
    assert mask.name in text_of(run.folder / "report.html")
    assert sorted(path.name for path in (run.folder / "masks").iterdir()) == sorted(
        p.name for p in masks.glob("*nrca1*")
    )


@pytest.mark.parametrize("name", ["numpy.py", "sitecustomize.py", "darkmask/__init__.py", "fixtures/__init__.py"])
def test_modules_in_a_delivery_are_not_imported(small, tmp_path, name):
    """As long as it is `pytest` that is called: `python -m pytest` puts the current folder first (SECURITY.md)."""
    folder = small.copy(tmp_path, "hostile")
    proof = tmp_path / "executed"
    bomb = folder / name
    bomb.parent.mkdir(exist_ok=True)
    bomb.write_text(f"open({str(proof)!r}, 'w').write('x')\n")
    pytest_script = Path(sys.executable).with_name("pytest")
    command = [pytest_script, "-c", ROOT / "pytest.ini", ROOT / "checks", "--delivery=.", "-k", "DLV-FILES", "-q"]
    # Nor may the environment name the current folder.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHONPATH"))}
    command += [f"--reports={tmp_path / 'reports'}", f"--criteria={small.criteria}"]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr  # a selected run is never a pass
    assert "incomplete" in ended.stdout.lower()
    assert not proof.exists()


NETWORK = {"socket", "urllib", "http", "requests", "ftplib", "smtplib", "aiohttp", "httpx", "astroquery"}


def test_nothing_of_ours_evaluates_unpickles_or_asks_the_network():
    """numba keeps compiled kernels in the user's own cache as pickles; SECURITY.md says so, and who asks."""
    sources = [path for name in ("darkmask", "fixtures", "checks") for path in (ROOT / name).rglob("*.py")]
    assert len(sources) > 80
    wrong = []
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Call):
                called = node.func
                names = [called.id] if isinstance(called, ast.Name) else [getattr(called, "attr", "")]
                if ast.unparse(called) == "re.compile":  # of a pattern, not of code
                    names = []
                asked = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
                if asked.get("shell") or asked.get("allow_pickle"):
                    wrong.append((path.name, node.lineno, "shell or pickle"))
                if isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "yaml":
                    wrong.append((path.name, node.lineno, "yaml"))
            banned = {"eval", "exec", "compile", "__import__", "pickle", "marshal", "shelve", "dill"}
            if path.parent != ROOT / "darkmask" / "fetch":  # the command that downloads, and that no check calls
                banned |= NETWORK
            wrong += [(path.name, node.lineno, name) for name in names if name.partition(".")[0] in banned]
    assert wrong == []


@pytest.mark.parametrize("what", ["criteria", "waivers"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x = " + "[" * 20_000 + "]" * 20_000, "nested too deeply"),
        ("# " + "x" * 2_000_000, "has more than"),
        ("x = 1" + "0" * 5000, "cannot be read as TOML"),
    ],
    ids=["deep", "large", "digits"],
)
def test_files_of_a_stranger_are_data(run_checks, small, tmp_path, what, content, said):
    path = tmp_path / "stranger.toml"
    path.write_text(content)
    run = run_checks(f"--masks={small.base}", f"--{what}={path}", expect=4)
    assert said in run.output
    assert "Traceback" not in run.output


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "../../../../etc/passwd"])
def test_criteria_extend_profiles_and_files_alone(run_checks, small, tmp_path, target):
    path = tmp_path / "stranger.toml"
    path.write_text(f'schema = 1\nname = "x"\nextends = "{target}"\n')
    run = run_checks(f"--masks={small.base}", f"--criteria={path}", expect=4)
    assert "root:" not in run.output
    assert "Traceback" not in run.output


def test_a_pipe_is_no_waiver_file(run_checks, small, tmp_path):
    os.mkfifo(tmp_path / "waivers.toml")
    run = run_checks(f"--masks={small.base}", f"--waivers={tmp_path / 'waivers.toml'}", expect=4)
    assert "it is no regular file" in run.output


def test_long_lines_of_a_header_reach_no_log(small, tmp_path):
    """What is kept of a header is what is asked of it."""
    from darkmask.delivery import scan

    folder = small.copy(tmp_path)
    with fits.open(unlinked(one(folder, "*_00001_nrca1_jump.fits")), mode="update") as hdus:
        hdus[0].header["HISTORY"] = "plugin: os.system('x')"
        hdus[0].header["LONGTEXT"] = LONG
        hdus["SCI"].data = hdus["SCI"].data.astype(np.float32)
    assert LONG not in json.dumps(scan(folder).to_json())
