"""A mask with one thing wrong has one cause, whatever follows from it."""

import pytest

from tests.support.handmade_masks import CRITERIA, good_mask

from .mask_file_faults import without_row_of_dq_def


@pytest.mark.slow
def test_a_table_that_lacks_a_flag_is_one_cause_and_what_decoding_loses_follows(run_checks, tmp_path):
    criteria = tmp_path / "handmade.toml"
    criteria.write_text(CRITERIA)
    path = good_mask(tmp_path / "masks", "NRCA1")
    without_row_of_dq_def(path, "HOT")
    run = run_checks(f"--masks={path.parent}", f"--criteria={criteria}", "--detectors=NRCA1")
    table, decoding = (run.checks[name, "NRCA1", "FULL"] for name in ("DQ-DEF", "DQ-RAW"))
    assert (table["outcome"], decoding["outcome"], run.results["verdict"]) == ("fail", "fail", "fail")
    assert table["cause"] == decoding["cause"] == "DQ-DEF-NRCA1-FULL"
    told = {cause["checks"][0] for cause in run.results["causes"]}
    assert "DQ-DEF-NRCA1-FULL" in told
    assert "DQ-RAW-NRCA1-FULL" not in told
    assert "does not define" in table["message"]
