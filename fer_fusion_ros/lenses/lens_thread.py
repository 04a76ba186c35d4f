"""Keep one lens going: read it in a thread of its own, and reopen it when it fails."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from fer_fusion_ros.exceptions import LensEndedError, LensError
from fer_fusion_ros.lenses.lens_source import LensSource

_logger = logging.getLogger(__name__)


class LensState(Enum):
    """What a `LensThread` does at the moment."""

    OPENING = 'opening'
    RUNNING = 'running'
    FAILED = 'failed, waiting to reopen'
    ENDED = 'ended'


class LensThread:
    """Read a source until `stop`; when it fails, close it, wait and open it again.

    :param source: of the images.
    :param on_image: called in the lens's thread with each image and its capture stamp.
    :param on_change: called in the lens's thread after `state` changed.
    :param delays: the first and the longest wait before opening again, in seconds; each failure
        in a row doubles the wait.
    :param on_error: called in the lens's thread with what `on_image` or `on_change` raised: no
        fault of the lens, which goes on. By default it is logged, with its trace.
    """

    def __init__(
        self,
        source: LensSource,
        on_image: Callable[[np.ndarray, int], None],
        on_change: Callable[[LensThread], None] = lambda _: None,
        delays: tuple[float, float] = (0.5, 10.0),
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        self.source = source
        self.state = LensState.OPENING
        self.error = ''
        """Of the last failure; '' before the first."""
        self.images = 0
        self.failures = 0
        self._on_image = on_image
        self._on_change = on_change
        self._delays = delays
        self._on_error = on_error or self._log_error
        self._arrivals: deque[float] = deque(maxlen=60)
        self._since = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=source.lens, daemon=True)

    @property
    def lens(self) -> str:
        """Name of the lens."""
        return self.source.lens

    @property
    def rate(self) -> float:
        """Images per second, measured over the last few; 0.0 when none come."""
        arrivals = list(self._arrivals)
        if len(arrivals) < 2 or self.state is not LensState.RUNNING:
            return 0.0
        interval = max(arrivals[-1] - arrivals[0], 1e-9) / (len(arrivals) - 1)
        # A second: the shortest silence that is reported.
        return 1 / interval if self.silence < max(1.0, 3 * interval) else 0.0

    @property
    def silence(self) -> float:
        """Seconds since the last image, or else since the lens was opened."""
        return time.monotonic() - (self._arrivals[-1] if self._arrivals else self._since)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end; `join` waits for it."""
        self._stopped.set()
        self.source.cancel()

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended, after `stop`; return whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        delay = self._delays[0]
        while not self._stopped.is_set():
            images = self.images
            try:
                self._show()
            except LensEndedError as error:
                self._change(LensState.ENDED, str(error))
                return
            except Exception as error:  # also what a camera library throws
                if self._stopped.is_set():
                    return
                known = isinstance(error, LensError)
                self.failures += 1
                self._change(
                    LensState.FAILED, str(error) if known else f'{type(error).__name__}: {error}'
                )
            finally:
                self.source.close()
            if self.images > images:
                delay = self._delays[0]
            self._stopped.wait(delay)
            delay = min(2 * delay, self._delays[1])

    def _show(self) -> None:
        self.source.open()
        self._since = time.monotonic()
        self._arrivals.clear()
        while not self._stopped.is_set():
            image, stamp_ns = self.source.read()
            self._arrivals.append(time.monotonic())
            self.images += 1
            if self.state is not LensState.RUNNING:
                self._change(LensState.RUNNING)
            self._tell(self._on_image, image, stamp_ns)

    def _change(self, state: LensState, error: str = '') -> None:
        self.state = state
        self.error = error or self.error
        self._tell(self._on_change, self)

    def _tell(self, receiver: Callable[..., None], *news: Any) -> None:
        try:
            receiver(*news)
        except Exception as error:
            # Who stops the lens may be gone already.
            if not self._stopped.is_set():
                self._on_error(error)

    def _log_error(self, error: Exception) -> None:
        _logger.error('%s goes on, but what it was used for failed', self.lens, exc_info=error)
