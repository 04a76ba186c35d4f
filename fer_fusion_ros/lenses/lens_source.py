"""What every source of a lens's images has in common."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod

import numpy as np

from fer_fusion_ros.exceptions import ImageMessageError, LensError
from fer_fusion_ros.lenses.names import is_infrared
from fer_fusion_ros.messages.image import convert_array


class LensSource(ABC):
    """Where the images of one lens come from: a camera, a stream, a recording, the rig.

    Used by one thread: `open`, then `read` again and again, then `close`; after an error `close`
    and `open` start it afresh. Only `cancel` may be called from elsewhere.

    :param lens: name of the lens; its infrared images are grey.
    :param name: what the user calls the source, for messages.
    """

    def __init__(self, lens: str, name: str) -> None:
        self.lens = lens
        self.name = name

    @abstractmethod
    def open(self) -> None:
        """Start.

        :raises LensError: when it cannot be opened, with what to do about it.
        """

    @abstractmethod
    def _read(self) -> tuple[np.ndarray, int]:
        """Return the next image, grey, bgr or bgra of 8 or 16 bits, and its capture stamp."""

    def read(self) -> tuple[np.ndarray, int]:
        """Wait for the next image.

        :return: uint8 (H, W), or (H, W, 3) bgr of a visible lens in colour; and the time of
            capture in nanoseconds since 1970.
        :raises LensError: when the source has failed, or what it brings is no image;
            `LensEndedError` when it is over.
        """
        image, stamp_ns = self._read()
        encoding = 'mono8' if is_infrared(self.lens) or image.ndim == 2 else 'bgr8'
        with contextlib.suppress(ImageMessageError):
            # OpenCV hands on the JPEG of a GStreamer pipeline undecoded, in one row.
            if len(image) > 1:
                return convert_array(image, encoding, f'{self.name}: the image'), stamp_ns
        raise LensError(
            f'{self.name} brings {image.dtype} of shape {image.shape}, which is no grey or BGR '
            'image; in a GStreamer pipeline add `! videoconvert ! video/x-raw,format=BGR` before '
            'appsink'
        )

    @abstractmethod
    def close(self) -> None:
        """Let go of the device; does nothing when it is not open."""

    def cancel(self) -> None:  # noqa: B027 (most sources return from `read` soon enough)
        """Let a `read` that waits end soon, for good."""
