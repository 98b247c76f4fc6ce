"""The errors that darkmask raises for bad input, and how those of others are quoted.

Every message is one sentence that says what was found, what was expected, in which file, and what to do.
"""

# More of what a package says helps nobody.
_LONGEST = 200


def in_one_line(error: Exception) -> str:
    """Return what an error of a package says, in one line that a sentence can quote; its type where it says nothing."""
    return " ".join(str(error).split())[:_LONGEST] or type(error).__name__


class DarkmaskError(Exception):
    """Bad input, described in one sentence for the person who gave it."""


class CommandError(DarkmaskError):
    """A command cannot be used as it was typed: nothing was done and nothing written.

    The command line ends with code 4 for it, and for a `ParameterError` too.
    """


class DeliveryError(DarkmaskError):
    """A delivery, or one file of it, cannot be used as it is."""


class UnreachedError(DeliveryError):
    """A file that a server lists did not come from it: another day it may, and the delivery be another."""


class MaskError(DarkmaskError):
    """A MASK reference file cannot be read or written as asked."""


class ParameterError(DarkmaskError):
    """A search or mask parameter has no meaning or is out of its range."""


class SearchError(DarkmaskError):
    """A search cannot be made with this much data, or its engine failed."""


class TooLittleError(SearchError):
    """A delivery holds too few exposures, integrations or groups of a detector for what was asked of it."""


class CrowdedError(SearchError):
    """So many pixels are bad that nothing can be tried among the good ones."""


class ArchiveError(DarkmaskError):
    """The archive, of exposures or of reference files, cannot be asked, or did not give what it lists."""


class StorageError(DarkmaskError):
    """A result cannot be written: no space, no permission, or a read-only file system."""


class ClusterError(DarkmaskError):
    """The workers of a scheduler went away, or died of what they were asked to do."""


class UnknownNameError(ParameterError, KeyError):
    """A mapping has no such name; the sentence says which is the nearest."""

    # KeyError would show the sentence in quotation marks.
    __str__ = Exception.__str__


class DarkmaskWarning(UserWarning):
    """Something that was asked or delivered has no effect; the sentence says why."""
