"""Work off the executor's thread, and rather drop than lag behind."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar('Item')


class Worker(Generic[Item]):
    """One thread that does ``work`` on each item put in, in order, keeping only the newest few.

    When items come faster than they are done, the oldest waiting one is dropped and counted, so
    the latency is bounded by ``depth`` items and the caller of :meth:`put` never waits.
    """

    def __init__(
        self,
        work: Callable[[Item], None],
        depth: int,
        on_error: Callable[[Exception], None],
    ) -> None:
        """Start the thread.

        :param depth: items that may wait; 1 keeps only the newest.
        :param on_error: told of an exception that ``work`` raised; the thread goes on.
        """
        self.done = 0
        self.dropped = 0
        self._work = work
        self._depth = depth
        self._on_error = on_error
        self._items: deque[Item] = deque()
        self._change = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name='worker', daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue one item, dropping the oldest when ``depth`` of them wait already."""
        with self._change:
            if len(self._items) >= self._depth:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._change.notify()

    @property
    def waiting(self) -> int:
        """Return how many items wait."""
        return len(self._items)

    def close(self) -> None:
        """Finish the item in work, forget the others and end the thread."""
        with self._change:
            self._closed = True
            self._items.clear()
            self._change.notify()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._items and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                item = self._items.popleft()
            try:
                self._work(item)
            except Exception as error:
                self._on_error(error)
            else:
                self.done += 1
