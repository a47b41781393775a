"""Every error a user can meet: each says which file, array or row, and what to do about it.

The command line maps them to exit codes (3 unreadable or unsafe input, 4 out of memory); anything else that
escapes is a defect of ours.
"""


class GeometryError(Exception):
    """Base of all errors raised on purpose by this package."""


class InputError(GeometryError, ValueError):
    """Input that cannot be analysed as it is: wrong shape, missing key, NaN, too few rows."""


class UnpairedError(InputError):
    """Two sets whose rows are not known to belong together, given to a statistic of pairs."""


class UnsafeFileError(GeometryError):
    """A file that would run code or exceed its own bounds when read."""


class OutOfMemoryError(GeometryError, MemoryError):
    """The plan does not fit the memory budget, even after backing off."""


class UsageError(GeometryError):
    """A call or command line that contradicts itself or asks for something that is not here."""


class LostRankError(GeometryError):
    """A process of a run by several is gone or silent; what the run has finished is kept."""


def reason_of(error: BaseException, most: int = 200) -> str:
    """The first line of what an exception of another library says, at most so many characters of it."""
    return (str(error).splitlines() or [""])[0][:most]
