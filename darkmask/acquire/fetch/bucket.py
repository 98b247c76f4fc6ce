"""Take files from the archive's public bucket, anonymously, by the addresses that astroquery names."""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from darkmask.core.errors import ArchiveError, DeliveryError, in_one_line
from darkmask.core.remote.copies import IN_FLIGHT, PIECE
from darkmask.core.remote.server import Server

from .download import finished, gathered, part_of
from .query import Product, archive, network_reason


def bucket_addresses(products: Sequence[Product]) -> dict[str, str]:
    """Return where products lie in the public bucket, by name; those that it does not hold are left out.

    Parameters
    ----------
    products : sequence of Product

    Raises
    ------
    ArchiveError
        When the packages for it are not installed, or nobody answers.
    """
    client = archive()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astroquery warns of each file that is not in the bucket
        try:
            client.enable_cloud_dataset(verbose=False)
            found = client.get_cloud_uris([product.uri for product in products], verbose=False)
        except ImportError as error:
            raise ArchiveError(
                f"{error.name or 'boto3'} is not installed, which reads the archive's bucket: run pip install "
                "'darkmask[cloud]', or leave --cloud out."
            ) from error
        except Exception as error:  # requests and botocore each have types of their own
            raise ArchiveError(
                f"The archive's public bucket cannot be asked ({network_reason(error)}): check the network, or leave "
                "--cloud out to ask the archive itself."
            ) from error
        finally:
            client.disable_cloud_dataset()
    by_name = {str(address).rpartition("/")[2]: str(address) for address in found or () if address}
    return {product.name: by_name[product.name] for product in products if product.name in by_name}


def download_from_bucket(address: str, product: Product, folder: Path, advance: Callable[[int], None]) -> str:
    """Fetch one file by ranges, and give it its name when size and structure are right.

    Parameters
    ----------
    address : str
        As :func:`bucket_addresses` returns it.
    product : Product
    folder : Path
    advance : callable
        Told of the bytes that have come.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    ArchiveError
        When the bucket does not give the file as the archive lists it.
    """
    place, _, name = address.rpartition("/")
    server = Server(place, anonymous=True)
    part = part_of(folder, product)
    try:
        version = server.version(name)
        if version.size != product.size:
            raise ArchiveError(
                f"The archive lists {product.name} with {product.size} bytes and its bucket has {version.size}: leave "
                "--cloud out to ask the archive itself."
            )
        have = gathered(part, product)
        advance(have)
        with part.open("ab") as file, ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="bucket") as pool:
            # Some pieces at a time and in order, so that a transfer that breaks off goes on where it was.
            for first in range(have, product.size, IN_FLIGHT * PIECE):
                starts = range(first, min(first + IN_FLIGHT * PIECE, product.size), PIECE)
                for piece in pool.map(lambda at: server.read(name, at, min(at + PIECE, product.size)), starts):
                    file.write(piece)
                    advance(len(piece))
        if server.version(name) != version:
            part.unlink()
            raise ArchiveError(f"{address} was replaced while it was read: run the same command again.")
    except DeliveryError as error:
        raise ArchiveError(f"{in_one_line(error).rstrip('.')}; what has come of {product.name} is kept.") from error
    return finished(part, product, folder)
