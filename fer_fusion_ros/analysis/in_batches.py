"""Work ahead in another thread."""

import queue
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar('Item')

_END = object()


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """
    Yield items in batches while a thread makes the next ones.

    :param items: iterated in a thread of its own, by two batches ahead at most. What it raises is
        raised here, after the items before.
    :param size: of all batches but the last.
    """
    waiting: queue.Queue = queue.Queue(2 * size)
    stop = threading.Event()
    errors: list[BaseException] = []

    def make() -> None:
        try:
            for item in items:
                waiting.put(item)
                if stop.is_set():
                    return
        except BaseException as error:
            errors.append(error)
        finally:
            waiting.put(_END)

    thread = threading.Thread(target=make, name='ahead', daemon=True)
    thread.start()
    try:
        last = False
        while not last:
            batch = list(islice(iter(waiting.get, _END), size))
            last = len(batch) < size
            if batch:
                yield batch
        if errors:
            raise errors[0]
    finally:
        # Nobody takes what is made now; let the thread see that.
        stop.set()
        while thread.is_alive():
            while not waiting.empty():
                waiting.get()
            thread.join(timeout=0.05)
