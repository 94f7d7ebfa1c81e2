"""Let many searches that ask one question at a time share each answer.

Asking a scikit-learn pipeline about one row costs nearly as much as about a thousand, and an
attack asks hundreds of times a row. Each search runs in a thread of its own, but only one thread
runs at any moment and they always take turns in the same order: random numbers are drawn in the
same order every time, and no locks are needed elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

Ask = Callable[[Any], Any]


class StopSearch(Exception):  # noqa: N818 - ends a search; nothing is wrong
    """Raised inside a search, by its question, when it needs no more answers."""


def together(
    searches: Sequence[Callable[[Ask], None]], answer: Callable[[dict[int, Any]], dict[int, Any]]
) -> None:
    """Run searches until each has ended, answering one question of every search per round.

    Args:
        searches: Functions that are given ``ask``, a function from a question to its answer.
        answer: Answers a round: questions by number of the search, to answers by the same number.
            A search whose answer is missing is ended by `StopSearch`.

    Raises:
        Exception: Whatever a search or ``answer`` raised; all searches have ended by then.
    """
    turns = [_Turn(search) for search in searches]
    failure: BaseException | None = None
    running = list(range(len(turns)))
    while running:
        for number in running:
            turns[number].run()
        running = [number for number in running if turns[number].asking]
        failure = failure or next((t.error for t in turns if t.error), None)
        answers: dict[int, Any] = {}
        if failure is None and running:
            try:
                answers = answer({number: turns[number].question for number in running})
            except Exception as error:  # noqa: BLE001 - raised again below, when no thread is left waiting
                failure = error
        for number in running:
            turns[number].reply = answers.get(number)
    if failure is not None:
        raise failure


class _Turn:
    """One search in a thread that runs only while `run` waits for it."""

    def __init__(self, search: Callable[[Ask], None]) -> None:
        self.question: Any = None
        self.reply: Any = None
        self.asking = False
        self.error: BaseException | None = None
        self._search = search
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._body, daemon=True)
        self._started = False

    def run(self) -> None:
        """Let the search run up to its next question or its end."""
        if not self._started:
            self._started = True
            self._thread.start()
        self._go.release()
        self._back.acquire()
        if not self.asking:
            self._thread.join()

    def _body(self) -> None:
        self._go.acquire()
        try:
            self._search(self._ask)
        except StopSearch:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self.error = error
        self.asking = False
        self._back.release()

    def _ask(self, question: Any) -> Any:
        self.question, self.asking = question, True
        self._back.release()
        self._go.acquire()
        if self.reply is None:
            raise StopSearch
        return self.reply
