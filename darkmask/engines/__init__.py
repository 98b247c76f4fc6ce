"""What turns a set of exposures into a category image: ``native`` (ours) or the published ``jwst_reffiles``."""

from .interface import ENGINES, SearchOutcome, SetRequest, search_set

__all__ = ["ENGINES", "SearchOutcome", "SetRequest", "search_set"]
