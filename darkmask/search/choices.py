"""Who searches and by whose rules: the choices of a command line, told without loading a search."""

# Our own code, or the published package.
ENGINES = ("native", "jwst_reffiles")
# By whose rules our own code searches: those of this package, or those of the published one.
SEARCHES = ("flight", "official")


def search_made(engine: str, search: str) -> str:
    """Return by whose rules an engine searches: jwst_reffiles knows the official ones alone, whatever was asked for."""
    return "official" if engine == "jwst_reffiles" else search
