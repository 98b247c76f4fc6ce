"""Download one file of the archive: resume it where it broke off, and name it when it is whole."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from darkmask.core import fits_layout
from darkmask.core.atomic import sha256_file
from darkmask.core.errors import ArchiveError

from .query import NotGivenError, Product, network_reason

PREFIX = ".part-fetch-"
# After a failure that may pass, the server is asked again, with pauses that double.
ATTEMPTS, PAUSE_SECONDS = 4, 1.0
# Seconds to wait for a connection, and for the next byte.
_TIMEOUT = (30, 60)
# A transfer that breaks off loses the block that it was in.
_BLOCK = 1 << 16


def part_of(folder: Path, product: Product) -> Path:
    """Return the path where a product gathers until it is whole; a product whose size changed begins anew."""
    return folder / f"{PREFIX}{product.size}-{product.name}"


def gathered(part: Path, product: Product) -> int:
    """Return how many bytes of a product have come; more than there can be are removed."""
    have = part.stat().st_size if part.exists() else 0
    if have > product.size:
        part.unlink()
        return 0
    return have


def download(session, product: Product, folder: Path, advance: Callable[[int], None]) -> str:
    """Fetch one file, and give it its name when size and structure are right.

    Parameters
    ----------
    session : requests.Session
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
        When the archive does not give the file as it lists it; `NotGivenError` when asking again would not help.
    """
    part = part_of(folder, product)
    advance(gathered(part, product))
    failure = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        failure = _continue(session, product, part, advance)
        if not failure:
            break
    else:
        raise ArchiveError(
            f"The archive did not give {product.name} in {ATTEMPTS} attempts ({failure}): run the same command again; "
            "what has come is kept."
        )
    return finished(part, product, folder)


def finished(part: Path, product: Product, folder: Path) -> str:
    """Give a file its name when its structure is right; return its SHA-256.

    Parameters
    ----------
    part : Path
        What came, with as many bytes as are listed.
    product : Product
    folder : Path

    Raises
    ------
    ArchiveError
        When it is damaged; it is removed then.
    """
    damage = _damage(part)
    if damage:
        part.unlink()
        raise ArchiveError(
            f"{product.name} came with its {product.size} bytes and {damage}: run the same command again to fetch it "
            "anew."
        )
    digest = sha256_file(part)
    part.chmod(0o644)
    with part.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(part, folder / product.name)
    return digest


def _continue(session, product: Product, part: Path, advance: Callable[[int], None]) -> str:
    """Fetch what is missing; return what kept the file from being whole, or an empty string."""
    import requests

    have = gathered(part, product)
    if have == product.size:
        return ""
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with session.get(address(product), headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == 404:
                raise NotGivenError(
                    f"The archive lists {product.name} and does not have it (404): try again later, or leave it out "
                    "with --observations or --detectors."
                )
            if response.status_code in (401, 403):
                raise NotGivenError(
                    f"The archive refuses {product.name} ({response.status_code}): it is not public, or not yet."
                )
            if response.status_code == 416:
                part.unlink(missing_ok=True)
                return "it refused to go on where the transfer broke off"
            if response.status_code not in (200, 206):
                return f"it answered {response.status_code}"
            # A server that cannot continue sends the whole file, or another piece.
            goes_on = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
                f"bytes {have}-"
            )
            if response.status_code == 206 and not goes_on:
                part.unlink(missing_ok=True)
                return "it sent another piece than asked"
            have = have if goes_on else 0
            with part.open("ab" if goes_on else "wb") as file:
                for block in response.iter_content(_BLOCK):
                    file.write(block)
                    have += len(block)
                    advance(len(block))
                    if have > product.size:
                        break
    except requests.RequestException as error:
        return network_reason(error)
    if have > product.size:
        part.unlink()
        return f"it sent more than the {product.size} bytes that it lists"
    if have < product.size:
        return f"{have} of {product.size} bytes came"
    return ""


def address(product: Product) -> str:
    """Return the address at which the archive gives a file."""
    from astroquery.mast import conf

    return f"{conf.server}/api/v0.1/Download/file?uri={quote(product.uri, safe=':/')}"


def _damage(path: Path) -> str:
    """Return what is wrong with a fetched FITS file; empty when it is whole and its DATASUM, if any, is right."""
    from astropy.io import fits

    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            if file.read(len(fits_layout.SIGNATURE)) != fits_layout.SIGNATURE:
                return "is no FITS file"
            file.seek(0)
            with fits.open(file, memmap=False, lazy_load_hdus=False, disable_image_compression=True) as hdus:
                damage = fits_layout.damage(hdus, file, size)
                if damage:
                    return damage
                wrong = [hdu.name for hdu in hdus if "DATASUM" in hdu.header and hdu.verify_datasum() == 0]
                return f"has a wrong DATASUM in {', '.join(wrong)}" if wrong else ""
    except Exception as error:  # astropy raises many types for damaged headers
        return f"has damaged FITS headers ({type(error).__name__})"
