"""What turns a set of exposures into a category image: ``native`` (ours) or the published ``jwst_reffiles``."""

from .interface import ENGINES, search_set
from .outcome import SearchOutcome
from .request import SetRequest

__all__ = ["ENGINES", "SearchOutcome", "SetRequest", "search_set"]
