"""Hand parts of one process's work to others that have nothing to do, with the same results whoever does them.

Whoever measures says what its parts are, and knows of no cluster: `helped_by` names an executor for as long as a block
runs. Without one, or where the others are gone or slow, this process does all parts itself.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from .stages import stage

Result = TypeVar("Result")

# Seconds for which others are waited for at the end, at the least; twice as long as a part takes here, where that is
# more. A part is done here then, and no other is handed over: they have something else to do, or are gone.
_PATIENCE = 3.0


class _Part:
    """A part that nobody may have begun."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]):
        self.function, self.arguments = function, arguments
        self.future: Future[Any] | None = None

    def done_by_another(self, patience: float) -> Any:
        """Return what another makes of it; raises when that is nothing, or nothing in so many seconds."""
        if self.future is None:
            raise TimeoutError
        try:
            return self.future.result(timeout=patience)
        except Exception:
            self.future.cancel()
            raise


class _Others:
    """Processes that take parts in their order, so many at a time."""

    def __init__(self, executor: Executor, number: int):
        self._executor, self._idle = executor, number
        self._lock = threading.RLock()
        self._waiting: deque[_Part] = deque()
        self._slow = False

    def offer(self, parts: Sequence[_Part]) -> None:
        with self._lock:
            self._waiting.extend(parts)
            self._begin()

    def give_up(self) -> None:
        """Hand nothing over any more."""
        self._slow = True

    def take_back(self, part: _Part) -> bool:
        """Return whether nobody has begun a part, and keep others from it."""
        with self._lock:
            if part not in self._waiting:
                return False
            self._waiting.remove(part)
            return True

    def _begin(self) -> None:
        while self._idle and self._waiting and not self._slow:
            part = self._waiting[0]
            try:
                part.future = self._executor.submit(_done_for_another, part.function, *part.arguments)
            except Exception:  # nobody is there any more: all that waits is done here
                self._idle = 0
                return
            self._waiting.popleft()
            self._idle -= 1
            part.future.add_done_callback(self._over)

    def _over(self, _: "Future[Any]") -> None:
        with self._lock:
            self._idle += 1
            self._begin()


@stage("for others")
def _done_for_another(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


# Of this process, which makes one mask at a time where it has others.
_others: list[tuple[_Others, int]] = []


@contextmanager
def helped_by(executor: Executor, number: int) -> Iterator[None]:
    """Let others do parts of what this process does while the block runs.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        Of processes that see the same files.
    number : int
        How many there are.
    """
    # One that each works on, and one that is there when it has ended.
    helpers = (_Others(executor, 2 * number), number)
    _others.append(helpers)
    try:
        yield
    finally:
        _others.remove(helpers)


def number_of_others() -> int:
    """Return how many other processes do parts of this one's work."""
    return _others[-1][1] if _others else 0


class Handed(Generic[Result]):
    """Parts of some work, which others may begin at once and this process does when it asks for the results.

    Parameters
    ----------
    function : callable
        Takes the arguments of a part; of a module, so that it can be sent.
    parts : sequence of tuple
        Arguments of each part; what takes longest first.
    """

    def __init__(self, function: Callable[..., Result], parts: Sequence[tuple[Any, ...]]):
        self._function = function
        self._parts = [_Part(function, arguments) for arguments in parts]
        self._others = _others[-1][0] if _others else None
        if self._others:
            self._others.offer(self._parts)

    def results(self, here: Callable[..., Result] | None = None) -> list[Result]:
        """Return what came of each part, in their order; raises what a part raises in this process.

        Parameters
        ----------
        here : callable, optional
            Does the same as the function in this process, with what it has open.
        """
        function = here or self._function
        found: dict[int, Result] = {}
        patience = _PATIENCE
        # From the end, where the others come last.
        for i in reversed(range(len(self._parts))):
            part = self._parts[i]
            if self._others is None or self._others.take_back(part):
                begun = time.monotonic()
                found[i] = function(*part.arguments)
                patience = max(patience, 2 * (time.monotonic() - begun))
        for i, part in enumerate(self._parts):
            if i not in found:
                try:
                    found[i] = part.done_by_another(patience)
                except Exception:  # done here, it gives the same result or the same error
                    if self._others:
                        self._others.give_up()
                    patience = 0.0
                    found[i] = function(*part.arguments)
        return [found[i] for i in range(len(self._parts))]
