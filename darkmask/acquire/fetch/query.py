"""Ask the archive for the files of a program's NIRCam exposures."""

import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass

from darkmask.core.errors import ArchiveError, CommandError

PRODUCTS = ("uncal", "dark", "rate", "rateints")
# The archive names files of one exposure like this; a file with any other name is never written to disk.
NAME = re.compile(
    r"jw(?P<program>\d{5})(?P<observation>\d{3})\d{3}_\d{5}_\d{5}(?:-seg\d{3})?_(?P<detector>nrc(?:[ab][1-4]|[ab]long))"
    rf"_(?P<product>{'|'.join(PRODUCTS)})\.fits"
)


class NotGivenError(ArchiveError):
    """The archive has a file, and does not give it: it is not public, or not there."""


@dataclass(frozen=True, order=True)
class Product:
    """One file of the archive.

    Attributes
    ----------
    name : str
    uri : str
        Address that the archive's download takes.
    size : int
        Size in bytes.
    """

    name: str
    uri: str
    size: int


def archive():
    """Return the archive's client, which asks the address that ``astroquery.mast.conf.server`` gives.

    Returns
    -------
    astroquery.mast.ObservationsClass

    Raises
    ------
    ArchiveError
        When astroquery is not installed.
    """
    try:
        from astroquery.mast import Observations
    except ImportError as error:
        raise ArchiveError(
            "astroquery, the archive's client, is not installed: install it with pip install 'darkmask[fetch]'."
        ) from error
    return Observations


def find_products(
    program: int,
    *,
    products: Collection[str] = ("uncal",),
    detectors: Collection[str] = (),
    observations: Collection[int] = (),
) -> tuple[Product, ...]:
    """List files of a program's NIRCam exposures.

    Parameters
    ----------
    program : int
        APT program, e.g. 1062.
    products : collection of str
        Any of ``uncal``, ``dark``, ``rate``, ``rateints``.
    detectors : collection of str
        Detectors to list; all by default.
    observations : collection of int
        Observation numbers; all by default.

    Returns
    -------
    tuple of Product
        Ordered by name. Only the header, after the download, tells whether an exposure is a dark.

    Raises
    ------
    ArchiveError
        When the archive cannot be asked, answers with an error, or has no such file.
    CommandError
        When it has nothing of the program.
    """
    number, listed = _ask(program)
    if not number:
        raise CommandError(f"The archive has no NIRCam observation of program {program}: correct --program.")
    chosen: dict[str, Product] = {}
    for row in listed:
        product = _product(row)
        match = NAME.fullmatch(product.name)
        if (
            match
            and int(match["program"]) == program
            and match["product"] in products
            and (not detectors or match["detector"].upper() in detectors)
            and (not observations or int(match["observation"]) in observations)
        ):
            chosen[product.name] = product
    if not chosen:
        filters = [f"detectors {', '.join(sorted(detectors))}"] if detectors else []
        filters += [f"observations {', '.join(map(str, sorted(observations)))}"] if observations else []
        raise ArchiveError(
            f"The archive lists {number} NIRCam observations of program {program} and no "
            f"_{' or _'.join(sorted(products))} file of them{' for ' + ' and '.join(filters) if filters else ''}: "
            "correct the program or the filters."
        )
    return tuple(sorted(chosen.values()))


def _ask(program: int):
    """Return how many observations the archive has of a program, and the rows of all their files."""
    client = archive()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astroquery warns of empty results, which find_products reports
        try:
            found = client.query_criteria(
                obs_collection="JWST", instrument_name="NIRCAM*", proposal_id=str(program), pagesize=10_000
            )
            return len(found), client.get_product_list(found) if len(found) else []
        except Exception as error:  # requests, astroquery and json each have types of their own
            raise unreachable(error) from error


def _product(row) -> Product:
    try:
        return Product(str(row["productFilename"]), str(row["dataURI"]), int(row["size"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ArchiveError(
            f"The archive lists a product without its name, address or size ({error}): its answers have changed; look "
            "for a newer astroquery."
        ) from error


def unreachable(error: Exception) -> ArchiveError:
    """Return the error for an archive that cannot be asked."""
    from astroquery.mast import conf

    return ArchiveError(
        f"The archive at {conf.server} cannot be asked ({network_reason(error)}): check the network, or try again "
        "later."
    )


def network_reason(error: Exception) -> str:
    """Return what an error of the network says, without the objects that it went through, which come first."""
    said = " ".join(str(error).split()).rsplit(": ", 1)[-1][:160].strip(" .'\")(>")
    said += ")" * (said.count("(") - said.count(")"))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
