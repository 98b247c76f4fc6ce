"""What a worker makes of the mask of a detector: all of it, the rows that are its share, or the mask of such shares."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from darkmask.build.cached import build_cached, hash_inputs
from darkmask.build.request import BuildRequest
from darkmask.core.cache_content import read_content
from darkmask.core.errors import DeliveryError

from .others import helped_by_workers
from .places import Sent
from .process import settle_in
from .told import Told, identities, take, told

if TYPE_CHECKING:
    from darkmask.search.maps.parts import SetRows


class Made(NamedTuple):
    """A mask that a worker made.

    Attributes
    ----------
    key : str
        Of its entry in the cache, which says of what bytes it was made.
    content : dict of str to bytes
        Of the entry.
    known : mapping
        The digests of its inputs, see :mod:`darkmask.cluster.told`.
    """

    key: str
    content: dict[str, bytes]
    known: Told


class Block(NamedTuple):
    """What a worker measured of a detector that several share.

    Attributes
    ----------
    digests : dict of str to str
        Of some inputs, by name.
    known : mapping
        The same, as told to others.
    rows : SetRows
        The maps of some rows of the full frames.
    """

    digests: dict[str, str]
    known: Told
    rows: "SetRows"


def make_mask(request: Sent, keep: bool) -> Made:
    """Make the mask of a detector in a worker, or take it from its cache.

    Parameters
    ----------
    request : Sent
    keep : bool
        See :func:`darkmask.build.cached.build_cached`.

    Raises
    ------
    DarkmaskError
        When the detector cannot be searched.
    """
    settle_in()
    here = request.here()
    before = identities(here)
    built = build_cached(here, keep)
    return Made(built.folder.name, read_content(built.folder), told(here, built.summary["inputs"], before))


def make_block(request: Sent, names: Sequence[str], rows: tuple[int, int], keep: bool) -> Block:
    """Hash some inputs of a mask in a worker, and measure some rows of its full frames.

    Parameters
    ----------
    request : Sent
    names : sequence of str
        Some of the names of its inputs. A file is hashed whole, whatever rows are measured.
    rows : (int, int)
        The first row and the one behind the last.
    keep : bool
        Keep the maps of these rows of each integration, for questions that this worker answers later.

    Raises
    ------
    DarkmaskError
        When the detector cannot be searched.
    """
    from darkmask.search.engines import measure_some_rows

    settle_in()
    here = request.here()
    before = identities(here, names)
    digests = hash_inputs(here, names)
    return Block(digests, told(here, digests, before), measure_some_rows(here.set_request("FULL"), *rows, keep))


def make_of_blocks(request: Sent, others: int, *blocks: Block) -> Made:
    """Make the mask of a detector of blocks that workers hashed and measured, the same bytes as `make_mask`.

    Parameters
    ----------
    request : Sent
    others : int
        How many other workers do parts of what is left, ramps of single pixels mostly.
    *blocks : Block
        Each input and each row once.

    Raises
    ------
    DarkmaskError
        When the detector cannot be searched.
    """
    settle_in()
    found = {name: digest for block in blocks for name, digest in block.digests.items()}
    known = {name: one for block in blocks for name, one in block.known.items()}
    here = request.here()
    take(here, known)
    inputs = {name: found[name] for name in here.input_files()}
    with helped_by_workers(others):
        built = build_cached(here, inputs=inputs, measured=[block.rows for block in blocks])
    return Made(built.folder.name, read_content(built.folder), known)


def require_same(request: BuildRequest, key: str, theirs: str) -> None:
    """Refuse the mask of a worker that read other bytes than this process.

    Parameters
    ----------
    request : BuildRequest
    key, theirs : str
        Keys of the mask, by the bytes that this process and that the worker read.

    Raises
    ------
    DeliveryError
    """
    if key != theirs:
        raise DeliveryError(
            f"A worker reads other bytes of {request.detector} in {request.index.folder} than this process does: let "
            "the same paths lead to the same files."
        )
