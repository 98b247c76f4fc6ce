"""What went wrong with a question to a server: what may pass, and what is said of the rest."""

import asyncio
import re
from typing import Any

from darkmask.core.errors import DeliveryError

_REFUSED = (401, 403)
# The server is busy, or in trouble that may pass (RFC 9110, 6585).
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class NotThePartError(Exception):
    """A web server answered with something else than a part of a file; the words say with what."""


class Part:
    """The part of a file that a web server is asked for, from byte ``start`` to before ``stop``."""

    def __init__(self, start: int, stop: int):
        self._start, self._stop = start, stop

    async def require(self, answer: Any) -> None:
        """Raise `NotThePartError` for an answer that is no part of a file, before its content comes."""
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        # Who asks for all of a file may be given all of it.
        more = self._start > 0 or (answer.content_length or 0) > self._stop
        if answer.status == 200 and (more or kind == "text/html"):
            answer.close()
            raise NotThePartError("a page (text/html)" if kind == "text/html" else "a whole file")
        said = answer.headers.get("Content-Range", "")
        if answer.status == 206 and said and not re.match(rf"bytes {self._start}-", said):
            answer.close()
            raise ConnectionError("another part came than was asked for")


def reason_of(error: Exception, where: str) -> str:
    """Return what went wrong, where asking again may help.

    Raises
    ------
    DeliveryError
        Where it will not. What an error of a package says may hold an address with all its parts, and is not quoted.
    ValueError
        As it is: the server sent more than was asked for.
    """
    if isinstance(error, FileNotFoundError) and error.__cause__ is not None:
        # fsspec says so of whatever kept it from knowing the size.
        error = error.__cause__  # type: ignore[assignment]
    # s3fs says OSError of what it does not know, and what botocore said stands behind that.
    status = _status(error) or _status(error.__cause__)
    if isinstance(error, ValueError):
        raise error
    if isinstance(error, NotThePartError):
        raise DeliveryError(
            f"{where} was answered with {error} where a part of the file was asked for: look what that page says (a "
            "login, a proxy), or copy the folder, and give the copy."
        ) from error
    if isinstance(error, ImportError):
        raise DeliveryError(
            f"{where} needs {error.name or 'a package'}, which is not installed: run pip install 'darkmask[cloud]'."
        ) from error
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        raise DeliveryError(
            f"{where} does not exist: correct the address, or run again if the file was moved."
        ) from error
    if status in _REFUSED or isinstance(error, PermissionError) or type(error).__name__ in _WITHOUT_RIGHTS:
        raise DeliveryError(f"{where} may not be read with the rights that you have there: ask for them.") from error
    if type(error).__name__ in _NOT_CONFIGURED:
        raise DeliveryError(
            f"{where} cannot be asked for: the configuration of S3 does not hold ({type(error).__name__}): correct "
            "AWS_PROFILE, or the file that AWS_CONFIG_FILE names."
        ) from error
    if type(error).__name__ == "TooManyRedirects":
        raise DeliveryError(f"{where} leads from address to address and to no file: correct the address.") from error
    if type(error.__cause__).__name__ in _NO_HTTP:
        raise DeliveryError(
            f"{where} is answered by something that is no web server: correct the address or its port."
        ) from error
    if status is not None and status not in _PASSING:
        raise DeliveryError(f"{where} cannot be read (the server answered {status}): correct the address.") from error
    if status is not None:
        return f"the server answered {status}"
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionError) and "asked for" in str(error):
        return str(error)
    return type(error).__name__


def _status(error: BaseException | None) -> int | None:
    """Return what the server answered, where an error of aiohttp or of botocore says it."""
    told = getattr(error, "response", None)
    said = told.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(told, dict) else None
    status = getattr(error, "status", said)
    return status if isinstance(status, int) else None


# aiohttp's, for what does not speak HTTP. Neither these nor botocore's are imported for the sake of their names.
_NO_HTTP = ("HttpProcessingError", "BadStatusLine", "BadHttpMessage", "InvalidHeader", "LineTooLong")
_NOT_CONFIGURED = ("ProfileNotFound", "ConfigNotFound", "ConfigParseError", "InvalidConfigError")
_WITHOUT_RIGHTS = ("NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "UnauthorizedSSOTokenError")
