"""Two reports side by side: how they were run, what failed and why, counts, and pixels."""

from .compared import ReportDifference, compare_reports
from .page import page_of
from .text import text_of

__all__ = ["ReportDifference", "compare_reports", "page_of", "text_of"]
