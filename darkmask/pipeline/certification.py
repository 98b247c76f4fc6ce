"""Certify a MASK file with ``crds.certify`` against a context, without a server if the user has none.

``crds`` reads its configuration from the environment once, at import, so only workers import this module.
"""

import gzip
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .steps import Heard, one_line

_HEADER = """header = {{
    'derived_from' : 'none',
    'mapping' : '{mapping}',
    'name' : '{name}',
    'observatory' : 'JWST',
    {more}
}}

selector = {selector}
"""
# The rules of a context that knows NIRCam's MASK files and holds none. CRDS chooses them by detector and subarray.
_STUB = {
    "jwst_0000.pmap": ("PIPELINE", "'parkey' : ('META.INSTRUMENT.NAME',),", "{'NIRCAM' : 'jwst_nircam_0000.imap'}"),
    "jwst_nircam_0000.imap": (
        "INSTRUMENT",
        "'instrument' : 'NIRCAM', 'parkey' : ('REFTYPE',),",
        "{'MASK' : 'jwst_nircam_mask_0000.rmap'}",
    ),
    "jwst_nircam_mask_0000.rmap": (
        "REFERENCE",
        "'instrument' : 'NIRCAM', 'filekind' : 'MASK', 'classes' : ('Match', 'UseAfter'),\n"
        "    'parkey' : (('META.INSTRUMENT.DETECTOR', 'META.SUBARRAY.NAME'),\n"
        "                ('META.OBSERVATION.DATE', 'META.OBSERVATION.TIME')),",
        "Match({})",
    ),
}
# A simulated mini frame cannot have the size that this constraint asks for.
_SHAPE = "Constraint (DQ_ARRAY.SHAPE"


def has_own_crds() -> bool:
    """Return whether the user configured CRDS: a server, or a cache that was synchronized with one."""
    if os.environ.get("CRDS_SERVER_URL"):
        return True
    cache = os.environ.get("CRDS_PATH")
    return bool(cache and (Path(cache) / "config" / "jwst" / "server_config").is_file())


def write_stub_context(cache: Path) -> None:
    """Put the rules of a context without files into a CRDS cache (see `darkmask.pipeline.offline.offline_crds`)."""
    from crds.core.rmap import Mapping

    folder = cache / "mappings" / "jwst"
    folder.mkdir(parents=True)
    for name, (mapping, more, selector) in _STUB.items():
        path = folder / name
        path.write_text(
            _HEADER.format(mapping=mapping, name=name, more=more, selector=selector),
            encoding="utf-8",
        )
        # As `crds checksum` does, which first looks for what stands there twice: it makes a parser, for 0.6 s.
        Mapping.from_file(str(path), ignore_checksum=True).write()


class CrdsError(Exception):
    """CRDS could not answer, and said why."""


@contextmanager
def _in_its_words() -> Iterator[None]:
    """Turn whatever CRDS raises into what it logged: without a server and a cache it ends the process."""
    said = Heard()
    logger = logging.getLogger("CRDS")
    logger.addHandler(said)
    try:
        yield
    except (Exception, SystemExit) as error:
        logged = [text for level, text in said.messages if level in ("error", "critical")]
        raise CrdsError(logged[-1] if logged else one_line(f"{type(error).__name__}: {error}")) from error
    finally:
        logger.removeHandler(said)


def context_name() -> str:
    """Return the context that CRDS would use now: ``CRDS_CONTEXT``, or the server's or the cache's operational one.

    Returns
    -------
    str
        A name like ``jwst_1293.pmap``.

    Raises
    ------
    CrdsError
        When there is neither a server nor a cache.
    """
    from crds.core import heavy_client

    with _in_its_words():
        return heavy_client.get_context_name("jwst")


def best_mask(detector: str, date: str) -> str:
    """Return the path of the MASK that CRDS chooses for full-frame darks, fetched into the user's cache if missing.

    Parameters
    ----------
    detector : str
    date : str
        ``YYYY-MM-DD``; the mask in force at the end of that day counts.

    Raises
    ------
    CrdsError
        When CRDS has no such mask, or it can be neither fetched nor found in the cache.
    """
    import crds

    dataset = {
        "META.INSTRUMENT.NAME": "NIRCAM",
        "META.INSTRUMENT.DETECTOR": detector,
        "META.SUBARRAY.NAME": "FULL",
        "META.EXPOSURE.TYPE": "NRC_DARK",
        "META.OBSERVATION.DATE": date,
        "META.OBSERVATION.TIME": "23:59:59",
    }
    with _in_its_words():
        path = str(crds.getreferences(dataset, reftypes=["mask"], observatory="jwst")["mask"])
        # CRDS logs what it could not fetch, and answers with the path all the same.
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} could not be fetched")
    return path


def certify(path: Path, context: str, mini_frame: bool = False) -> list[str]:
    """Ask CRDS whether it would accept a file.

    Parameters
    ----------
    path : Path
    context : str
    mini_frame : bool
        Whether to leave out what CRDS says of the array's size, which a simulated mini frame cannot have.

    Returns
    -------
    list of str
        Errors and warnings of CRDS, each with the word before it.
    """
    if path.suffix == ".gz":
        packed = "error: CRDS takes no gzipped file: unpack it"
        with TemporaryDirectory() as folder:
            unpacked = Path(folder) / path.stem
            with gzip.open(path) as source, unpacked.open("wb") as target:
                shutil.copyfileobj(source, target)
            return [packed, *certify(unpacked, context, mini_frame)]
    from crds import certify as crds_certify

    said = Heard()
    logger = logging.getLogger("CRDS")
    logger.addHandler(said)
    try:
        # Without check_rmap=False certify writes one fixed file in the temporary folder: a race between processes.
        crds_certify.certify_files([str(path)], context, skip_banner=True, observatory="jwst", check_rmap=False)
    finally:
        logger.removeHandler(said)
    messages = [f"{level}: {text}" for level, text in said.messages]
    return [message for message in messages if not (mini_frame and _SHAPE in message)]
