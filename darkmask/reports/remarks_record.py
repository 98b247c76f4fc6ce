"""What reviewers remarked on the checks of a report, and the block of HTML that shows it on the page."""

from html import escape
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .anchors import row_anchor
from .results import RecordedCheck


class Remark(BaseModel):
    """A reviewer's remark.

    Attributes
    ----------
    check : str
        The criterion, e.g. ``CNT-HOT``.
    detector, subarray : str or None
        Of which detector and subarray; None means all of which it was asked.
    text, by : str
        What was remarked, and by whom, as it was typed.
    at : str
        When, ISO 8601, UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    detector: str | None
    subarray: str | None
    text: str
    by: str
    at: str

    @property
    def place(self) -> str:
        """The criterion and of what, in words."""
        return " ".join(filter(None, (self.check, self.detector, self.subarray)))

    def is_of(self, check: RecordedCheck) -> bool:
        """Return whether the remark is on a check."""
        wanted = ((self.check, check.id), (self.detector, check.detector), (self.subarray, check.subarray))
        return all(name is None or name == of for name, of in wanted)


class Remarks(BaseModel):
    """The content of ``remarks.json``.

    Attributes
    ----------
    results : str
        SHA-256 of the ``results.json`` that the remarks are on.
    remarks : tuple of Remark
        In the order in which they were made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = Field(alias="schema")
    results: str
    remarks: tuple[Remark, ...]


def block_html(remarks: Remarks, checks: tuple[RecordedCheck, ...]) -> str:
    """Return the remarks as they stand above the table of checks.

    Parameters
    ----------
    remarks : Remarks
    checks : tuple of RecordedCheck
        Checks of the results.

    Returns
    -------
    str
        HTML that depends on nothing else. A script in it puts each remark into the rows of its checks, which
        pytest-html builds in the browser and builds anew when they are sorted; it takes the texts from the list.
    """
    items = "".join(_item(remark, checks) for remark in remarks.remarks)
    number = len(remarks.remarks)
    return (
        '<section id="remarks" aria-label="Remarks" style="order:2;border:1px solid #00547f;border-left-width:6px;'
        'border-radius:6px;padding:6px 18px;margin:14px 0;overflow-wrap:anywhere">'
        f'<h2 style="margin:4px 0">{number} remark{"" if number == 1 else "s"} of reviewers</h2>'
        '<p style="margin:0;font-size:12px">Made after the run by <code>darkmask remark</code>; each stands beside its '
        f"checks too. The names are as they were typed.</p><ul>{items}</ul></section><script>{_SCRIPT}</script>"
    )


def _item(remark: Remark, checks: tuple[RecordedCheck, ...]) -> str:
    rows = [row_anchor(c.id, c.detector, c.subarray) for c in checks if remark.is_of(c)]
    text = "<br>".join(escape(line) for line in remark.text.split("\n"))
    link = f'<a href="#{escape(rows[0])}">{escape(remark.place)}</a>' if rows else escape(remark.place)
    return (
        f'<li data-rows="{escape(" ".join(rows))}">{link}: <span class="said">{text}</span> '
        f'<span class="by" style="font-size:12px">({escape(remark.by)}, {escape(remark.at[:16].replace("T", " "))} UTC)'
        "</span></li>"
    )


# Guarded by the attribute, since putting a remark into a row changes the page and calls it again.
_SCRIPT = """(() => {
const put = () => document.querySelectorAll("#remarks [data-rows]").forEach((item, index) => {
  item.dataset.rows.split(" ").filter(Boolean).forEach((id) => {
    const cell = document.getElementById(id)?.querySelector("td.col-finding");
    if (!cell || cell.querySelector(`[data-remark="${index}"]`)) { return; }
    const shown = document.createElement("span");
    shown.dataset.remark = index;
    shown.className = "remark";
    shown.style.cssText = "display:block;border-left:3px solid #00547f;padding-left:6px;margin-top:4px";
    const head = document.createElement("b");
    head.textContent = "Remark: ";
    shown.append(head, item.querySelector(".said").cloneNode(true), " ", item.querySelector(".by").cloneNode(true));
    cell.append(shown);
  });
});
new MutationObserver(put).observe(document.documentElement, {childList: true, subtree: true});
})();"""
