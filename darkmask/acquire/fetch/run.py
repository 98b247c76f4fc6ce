"""Fetch a program's files into a folder, except those that are there and whole."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from darkmask.core.atomic import sha256_file, write_text
from darkmask.core.errors import ArchiveError
from darkmask.core.progress import progress_bar

from .bucket import bucket_addresses, download_from_bucket
from .download import download, gathered, part_of
from .query import NotGivenError, Product, archive

# This file holds size and SHA-256 of every file that came, by name.
RECORD = "fetched.json"


def fetch(products: Sequence[Product], out: Path, *, cloud: bool = False, progress: bool = True) -> Iterator[str]:
    """Download files of the archive.

    Parameters
    ----------
    products : sequence of Product
    out : Path
        Folder for the files and for ``fetched.json``, which holds the size and SHA-256 of each. A recorded file that is
        unchanged is kept; a transfer that broke off continues.
    cloud : bool
        Whether to take from the archive's public bucket what lies there, without logging in.
    progress : bool
        Whether to show a bar on standard error.

    Yields
    ------
    str
        One line for each file.

    Raises
    ------
    ArchiveError
        When ``out`` cannot be written or has too little room, or when a file did not come, after all others came;
        `NotGivenError` when all that is missing is what the archive does not give.
    """
    from filelock import FileLock, Timeout

    out = Path(os.path.abspath(out))
    lock = FileLock(out / ".fetch.lock")
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise ArchiveError(f"Another fetch is writing into {out}: wait for it, or give another folder.") from None
    except OSError as error:
        raise ArchiveError(f"{out} cannot be written ({error.strerror}): give another folder.") from error
    try:
        yield from _fetch_all(products, out, cloud, progress)
    except OSError as error:
        raise ArchiveError(
            f"{error.filename or out} cannot be written ({error.strerror}): make room, and run the same command again."
        ) from error
    finally:
        lock.release()
        (out / ".fetch.lock").unlink(missing_ok=True)


def _fetch_all(products: Sequence[Product], out: Path, cloud: bool, progress: bool) -> Iterator[str]:
    record = _fetched_before(out / RECORD)
    missing = []
    for product in products:
        if _is_there(product, out, record):
            yield f"{product.name}: there before"
        else:
            missing.append(product)
    here = sum(gathered(part_of(out, product), product) for product in missing)
    need, free = sum(product.size for product in missing) - here, shutil.disk_usage(out).free
    if need > free:
        raise ArchiveError(
            f"{len(missing)} files of {need / 1e9:.1f} GB are to come and {out} has room for {free / 1e9:.1f} GB: give "
            "a folder with room, or ask for fewer."
        )
    addresses = bucket_addresses(missing) if cloud and missing else {}
    if cloud and len(addresses) < len(missing):
        yield f"{len(missing) - len(addresses)} files are not in the public bucket, and come from the archive itself."
    # The client's own session holds the login if there is one.
    session = archive()._session
    failed: list[ArchiveError] = []
    with progress_bar("fetching", need + here, progress, counts_bytes=True) as advance:
        for product in missing:
            try:
                if product.name in addresses:
                    digest = download_from_bucket(addresses[product.name], product, out, advance)
                else:
                    digest = download(session, product, out, advance)
            except ArchiveError as error:
                failed.append(error)
                continue
            record[product.name] = {"size": product.size, "sha256": digest}
            write_text(out / RECORD, json.dumps(dict(sorted(record.items())), indent=1) + "\n")
            yield f"{product.name}: {product.size} bytes, SHA-256 {digest}"
    if failed:
        # What may still come is told before what will not.
        failed.sort(key=lambda error: isinstance(error, NotGivenError))
        more = f" (and {len(failed) - 1} more failed)" if len(failed) > 1 else ""
        raise type(failed[0])(str(failed[0]) + more)


def _is_there(product: Product, out: Path, record: dict) -> bool:
    path = out / product.name
    try:
        if path.stat().st_size != product.size or record[product.name]["size"] != product.size:
            return False
        return sha256_file(path) == record[product.name]["sha256"]
    except (OSError, KeyError, TypeError):
        return False


def _fetched_before(path: Path) -> dict:
    """Return the record of an earlier run; one that cannot be read counts as empty, and files are fetched again."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
