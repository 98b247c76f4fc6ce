"""Requests for deliveries that lie elsewhere, as they are sent: each process knows such a folder below its own cache.

What is sent is what was listed, so that workers list nothing, and mean the versions that whoever asks means.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from darkmask.build.request import BuildRequest
from darkmask.core.errors import DeliveryError
from darkmask.core.remote import listing_of, place_of, source_of

from .process import SeenElsewhere


class Sent(NamedTuple):
    """A request on its way.

    Attributes
    ----------
    request : BuildRequest
    listing : mapping of str to object, or None
        What was listed of a delivery that lies elsewhere; None for one that is a folder.
    """

    request: BuildRequest
    listing: Mapping[str, Any] | None

    @classmethod
    def of(cls, request: BuildRequest) -> "Sent":
        return cls(request, listing_of(request.index.folder))

    def here(self) -> BuildRequest:
        """Return the request as this process has to ask it.

        Raises
        ------
        StorageError
            When the cache cannot be written.
        """
        if self.listing is None:
            return self.request
        return replace(self.request, index=replace(self.request.index, folder=str(place_of(self.listing))))


def seen_elsewhere(path: Path) -> SeenElsewhere:
    """Return a file of a folder that lies elsewhere as workers have to see it.

    Raises
    ------
    DeliveryError
        When what was listed is gone, or the file lies here.
    """
    listing = listing_of(path)
    if listing is None:
        raise DeliveryError(f"{path} lies here, and nowhere else.")
    return SeenElsewhere(listing, source_of(path)[1])
