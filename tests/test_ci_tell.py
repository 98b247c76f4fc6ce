"""The message after a run (docs/ci/tell.py), as a mail server and a chat's webhook get it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.listeners import mail_server, webhook
from tests.support.project import ROOT

LINK = "https://example.org/reports/today/report.html"


def tell(how: str, report: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-I",
        str(ROOT / "docs" / "ci" / "tell.py"),
        how,
        str(report),
        f"--link={LINK}",
        *options,
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DARKS_")}
    return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, timeout=60, check=False)


def mailed(report: Path) -> tuple[str, str]:
    with mail_server() as (address, mails):
        ended = tell("mail", report, f"--server={address}", "--to=team@example.org", "--from=darks@example.org")
    assert (ended.returncode, ended.stderr) == (0, "")
    (mail,) = mails
    assert (mail["To"], mail["From"]) == ("team@example.org", "darks@example.org")
    return mail["Subject"], mail.get_content().replace("\r\n", "\n")


def posted(report: Path) -> str:
    with webhook() as (address, texts):
        ended = tell("chat", report, DARKS_WEBHOOK=address)
    assert (ended.returncode, ended.stderr) == (0, "")
    (text,) = texts
    return text


@pytest.fixture
def report(judged_masks, tmp_path) -> Path:
    return Path(shutil.copytree(judged_masks, tmp_path / "report", ignore=shutil.ignore_patterns("masks", "*.html")))


def rewrite(report: Path, change) -> dict:
    results = json.loads((report / "results.json").read_text())
    change(results)
    (report / "results.json").write_text(json.dumps(results))
    return results


def fail(results: dict) -> None:
    results["verdict"] = "fail"
    for number, check in enumerate(results["checks"][:8]):
        check |= {"outcome": "fail", "blocking": True, "message": f"cause {number}"}


def test_a_pass_is_told_with_scope_counts_and_link(report):
    results = rewrite(report, lambda _: None)
    subject, text = mailed(report)
    assert subject == f"NIRCam dark checks: {results['delivery']['name']}: PASS"
    passed = sum(check["outcome"] == "pass" for check in results["checks"])
    counts = f"{len(results['checks'])} checks: {passed} passed, 0 waived, 0 failed."
    assert text == f"{results['scope']}\n{counts}\n{LINK}\n"
    assert "not for delivery" in text
    assert posted(report) == f"{subject}\n{text}"


def test_a_failure_is_told_with_its_causes(report):
    rewrite(report, fail)
    subject, text = mailed(report)
    assert subject.endswith(": FAIL")
    assert ", 8 failed." in text
    assert [line for line in text.splitlines() if line.startswith("- ")] == [
        *(f"- cause {number}" for number in range(6)),
        "- and 2 more",
    ]


def test_causes_that_the_run_named_stand_for_what_follows_from_them(report):
    rewrite(report, lambda results: (fail(results), results.update(causes=[{"message": "NRCA2 was not delivered"}])))
    text = posted(report)
    assert [line for line in text.splitlines() if line.startswith("- ")] == ["- NRCA2 was not delivered"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: (report / "results.json").unlink(),
        lambda report: (report / "results.json").write_text("{"),
        lambda report: (report / "results.json").write_text("[]"),
        lambda report: rewrite(report, lambda results: results.update(schema=2)),
        lambda report: rewrite(report, lambda results: results["checks"][0].update(blocking=True)),
    ],
)
def test_without_results_no_verdict_is_told(report, spoil):
    spoil(report)
    subject, text = mailed(report)
    assert subject == "NIRCam dark checks: report: NO VERDICT"
    assert LINK in text


def test_an_incomplete_run_is_told_as_one(report):
    rewrite(report, lambda results: results.update(complete=False))
    assert mailed(report)[0].endswith(": INCOMPLETE")


def test_a_name_from_elsewhere_commands_nothing(report):
    rewrite(report, lambda results: results["delivery"].update(name="a\r\nBcc: all@example.org <!channel> \u202e"))
    subject, _ = mailed(report)
    assert subject == "NIRCam dark checks: a Bcc: all@example.org <!channel>: PASS"
    assert "&lt;!channel&gt;" in posted(report)


def test_a_password_is_sent_in_secret_only(report):
    with mail_server() as (address, mails):
        options = (f"--server={address}", "--to=a@example.org", "--from=b@example.org")
        ended = tell("mail", report, *options, DARKS_SMTP_USER="me", DARKS_SMTP_PASSWORD="secret")
    assert (ended.returncode, mails) == (2, [])
    assert "add --starttls" in ended.stderr


def test_who_could_not_be_told_is_said_without_a_secret(report):
    with webhook(status=500) as (address, _):
        ended = tell("chat", report, DARKS_WEBHOOK=address)
    nowhere = tell("chat", report)
    closed = tell("mail", report, "--server=127.0.0.1:1", "--to=a@example.org", "--from=b@example.org")
    for one in (ended, nowhere, closed):
        assert one.returncode == 1
        (line,) = one.stderr.splitlines()
        assert "nobody was told of" in line
        assert "secret-token" not in line
