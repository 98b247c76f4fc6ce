"""``docs/nrc09_darks.ipynb`` runs from the first cell to the last, and says what the NRC-09 notebook was to say."""

import os
import re

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.notebook_call import NOTEBOOK_CALL
from tests.support.project import ROOT

pytestmark = pytest.mark.slow

NOTEBOOK = ROOT / "docs" / "nrc09_darks.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Return the notebook after a run in a folder and a kernel of its own; a cell that raises ends the test."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("TMPDIR", str(folder))
        client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}})
        return client.execute()


def printed(notebook) -> str:
    """All that the cells wrote or showed as text."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_it_is_short_and_lies_there_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells) <= 30
    assert not any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert NOTEBOOK.stat().st_size < 200_000


def test_its_call_has_the_keywords_of_the_commissioning_notebook():
    calls = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if "dead_search =True" in cell.source]
    (call,) = calls
    given = {}
    names = {"dark_rate_files": [], "dark_jump_files": [], "dark_fitopt_files": [], "analysis_dir": "./", "found": None}
    exec(call.removesuffix("found"), {"bad_pixels": lambda **keywords: given.update(keywords), **names})
    assert given.pop("output_file") == "./test_bpm.fits"
    files = {name: given.pop(name) for name in ("dark_slope_files", "dark_jump_files", "dark_fitopt_files")}
    assert list(files.values()) == [[], [], []]
    assert given == NOTEBOOK_CALL


@pytest.mark.parametrize("count", ["hot flags", "noisy pixels", "rc flags", "telegraph flags", "low_pedestal pixels"])
def test_each_of_the_five_counts_is_named_and_is_one(executed, count):
    (number,) = re.findall(rf"Found (\d+) {count}\.", printed(executed))
    assert int(number) > 0


def test_each_section_shows_what_it_is_for(executed):
    text = printed(executed)
    for said in (
        "<DeliveryIndex: 15 exposures of 2 detectors",
        "<BadPixels: NRCA1 FULL, 128x128 pixels",
        "dark_noisy_threshold",
        "<Explanation: NRCA1 FULL",
        "'additional'",
        "<MaskComparison: different in",
        "pixels with an unreliable bias",
        "<MaskFile: NRCA1, 128x128 pixels",
    ):
        assert said in text, said
    shown = [set(output.get("data", {})) for cell in executed.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in kinds for kinds in shown) == 2
    assert sum("text/html" in kinds for kinds in shown) >= 6


def test_its_outputs_are_small(executed):
    assert len(nbformat.writes(executed)) < 400_000
