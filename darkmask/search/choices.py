"""The choices of engine and search on a command line, named here without loading a search."""

# Either our own code searches, or the published package.
ENGINES = ("native", "jwst_reffiles")
# Our own code follows the rules of this package, or those of the published one.
SEARCHES = ("flight", "official")


def search_made(engine: str, search: str) -> str:
    """Return the rules that an engine searches by: jwst_reffiles has only the official ones, whatever was asked for."""
    return "official" if engine == "jwst_reffiles" else search
