"""The record of a sign-off, and the block of HTML that shows it on the page of a report."""

from html import escape
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .files import RECORD

Decision = Literal["accept", "reject"]


class Signoff(BaseModel):
    """The content of ``signoff.json``.

    Attributes
    ----------
    criteria_sha256 : str
        The digest of the criteria that the report was judged by.
    files : dict of str to str
        SHA-256 by path relative to the report folder; that of the page is without the block of the sign-off.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = Field(alias="schema")
    decision: Decision
    reviewer: str
    comment: str
    signed: str
    delivery: str
    verdict: str
    scope: str
    criteria: str
    criteria_sha256: str
    files: dict[str, str]


def block_html(record: Signoff) -> str:
    """Return the sign-off as it stands at the top of the page.

    Returns
    -------
    str
        HTML with styles of its own, so that the page is the same with and without it.
    """
    accepted = record.decision == "accept"
    colour, symbol, word = ("#00664b", "✓", "ACCEPTED") if accepted else ("#a33c00", "✗", "REJECTED")
    comment = "<br>".join(escape(line) for line in record.comment.split("\n"))
    return (
        f'<section id="sign-off" aria-label="Sign-off" style="order:0;border:2px solid {colour};border-left-width:12px;'
        'border-radius:8px;padding:10px 18px;margin:0 0 14px;overflow-wrap:anywhere">'
        f'<p style="margin:0;font-size:18px"><b><span aria-hidden="true">{symbol}</span> {word}</b> by '
        f"<b>{escape(record.reviewer)}</b> on {escape(record.signed[:16].replace('T', ' '))} UTC</p>"
        f'<p style="margin:4px 0">{comment}</p>'
        f'<p style="margin:4px 0 0;font-size:12px">Verdict of the run: {escape(record.verdict)}; criteria '
        f"{escape(record.criteria)}. The SHA-256 of this page (without this block) and of {len(record.files) - 1} "
        f"other files stand in {RECORD}. A hash shows what was signed, not who signed: the name is as it was typed. "
        "<code>python -m darkmask verify</code> on this folder says whether all is still what was signed.</p></section>"
    )
