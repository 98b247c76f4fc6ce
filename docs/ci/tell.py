#!/usr/bin/env python3
"""Tell people by mail, or in a chat, what a run of the checks came to (see docs/ci.md). Needs Python alone.

    tell.py mail REPORT_DIR --link=URL --to=ADDRESS --from=ADDRESS [--server=HOST:PORT] [--starttls]
    tell.py chat REPORT_DIR --link=URL

What is secret comes from the environment: DARKS_SMTP_USER and DARKS_SMTP_PASSWORD, where the mail server wants them;
DARKS_WEBHOOK, the address of an incoming webhook that takes {"text": ...} (Slack, Mattermost, Rocket.Chat and others).
Ends with 0 when the message was handed over and with 1 when it was not, whatever the verdict is.
"""

import argparse
import json
import os
import smtplib
import sys
import urllib.error
import urllib.request
from email.message import EmailMessage
from pathlib import Path

CAUSES = 6
PATIENCE = 30  # seconds


def main() -> int:
    """Send one message."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("how", choices=("mail", "chat"))
    parser.add_argument("report", type=Path, metavar="REPORT_DIR")
    parser.add_argument("--link", required=True, metavar="URL", help="where people find report.html")
    parser.add_argument("--to", metavar="ADDRESS")
    parser.add_argument("--from", dest="sender", metavar="ADDRESS")
    parser.add_argument("--server", default="localhost:25", metavar="HOST:PORT")
    parser.add_argument("--starttls", action="store_true", help="speak in secret with the mail server")
    chosen = parser.parse_args()
    if chosen.how == "mail" and not (chosen.to and chosen.sender):
        parser.error("a mail needs --to and --from")
    if os.environ.get("DARKS_SMTP_USER") and chosen.how == "mail" and not chosen.starttls:
        parser.error("a password is sent in secret only: add --starttls")
    subject, text = message(chosen.report, chosen.link)
    try:
        if chosen.how == "mail":
            mail(subject, text, chosen)
        else:
            chat(f"{subject}\n{text}")
    except (OSError, smtplib.SMTPException, ValueError) as error:
        # No more than the kind: the address of a webhook is a secret, and an error may repeat it.
        print(f"tell.py: nobody was told of {chosen.report} ({type(error).__name__}).", file=sys.stderr)
        return 1
    return 0


def message(report: Path, link: str) -> tuple[str, str]:
    """Return a subject and a text: verdict, scope, counts, causes and a link."""
    try:
        results = json.loads((report / "results.json").read_text(encoding="utf-8"))
        if results["schema"] != 1:
            raise ValueError("another schema")
        name, verdict, checks = results["delivery"]["name"], results["verdict"], results["checks"]
        if not results["complete"]:
            verdict = "incomplete"
        failed = [check for check in checks if check["blocking"]]
        if verdict == "pass" and failed:
            raise ValueError("a pass with failures")
        causes = [cause["message"] for cause in results.get("causes", [])]
        # Versions that named no causes have a sentence for each check.
        causes = causes or list(dict.fromkeys(check["message"] for check in failed))
        scope = results["scope"]
        passed = sum(check["outcome"] == "pass" for check in checks)
        waived = sum(check["outcome"] == "waived" for check in checks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"There is no results.json that can be read in {report.name} ({type(error).__name__}): nothing is known."
        return f"NIRCam dark checks: {_line(report.name)}: NO VERDICT", f"{_line(said)}\n{link}\n"
    lines = [_line(scope, 1000), f"{len(checks)} checks: {passed} passed, {waived} waived, {len(failed)} failed."]
    lines += [f"- {_line(cause)}" for cause in causes[:CAUSES]]
    lines += [f"- and {len(causes) - CAUSES} more" for _ in [0] if len(causes) > CAUSES]
    return f"NIRCam dark checks: {_line(name)}: {verdict.upper()}", "\n".join([*lines, link, ""])


def mail(subject: str, text: str, chosen: argparse.Namespace) -> None:
    """Hand a mail over to its server."""
    made = EmailMessage()
    made["Subject"], made["To"], made["From"] = subject, chosen.to, chosen.sender
    made.set_content(text)
    host, _, port = chosen.server.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=PATIENCE) as server:
        if chosen.starttls:
            import ssl

            server.starttls(context=ssl.create_default_context())
        if user := os.environ.get("DARKS_SMTP_USER"):
            server.login(user, os.environ.get("DARKS_SMTP_PASSWORD", ""))
        server.send_message(made)


def chat(text: str) -> None:
    """Post a text to a webhook."""
    address = os.environ.get("DARKS_WEBHOOK", "")
    if not address.startswith(("https://", "http://")):
        raise ValueError("DARKS_WEBHOOK is no address")
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        # Between these a chat looks for commands: a file name would call everybody.
        text = text.replace(sign, written)
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE):
        pass


def _line(value: object, most: int = 300) -> str:
    """Return a text from anywhere on one line, without control characters and not too long."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if len(text) <= most else text[: most - 3] + "..."


if __name__ == "__main__":
    sys.exit(main())
