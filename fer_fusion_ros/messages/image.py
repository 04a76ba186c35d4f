"""Images between arrays and messages, without a copy where the message allows it.

Reading works on any object with the fields of ``sensor_msgs/Image`` or ``CompressedImage``, so
also on what the pure Python ``rosbags`` reads from a bag; writing needs ROS.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
from typing import Any, NamedTuple

import cv2
import numpy as np

from fer_fusion_ros.exceptions import ImageMessageError
from fer_fusion_ros.image_files import FEW_BITS
from fer_fusion_ros.messages.stamps import set_stamp

_logger = logging.getLogger(__name__)


class _Encoding(NamedTuple):
    """How one encoding lies in memory, and OpenCV's conversions from it (None: as it is)."""

    dtype: type
    channels: int
    to_mono: int | None
    to_bgr: int | None


_MONO = (1, None, cv2.COLOR_GRAY2BGR)
_BGR = (3, cv2.COLOR_BGR2GRAY, None)
_RGB = (3, cv2.COLOR_RGB2GRAY, cv2.COLOR_RGB2BGR)
_BGRA = (4, cv2.COLOR_BGRA2GRAY, cv2.COLOR_BGRA2BGR)
_RGBA = (4, cv2.COLOR_RGBA2GRAY, cv2.COLOR_RGBA2BGR)
_UYVY = (2, cv2.COLOR_YUV2GRAY_UYVY, cv2.COLOR_YUV2BGR_UYVY)
_YUYV = (2, cv2.COLOR_YUV2GRAY_YUYV, cv2.COLOR_YUV2BGR_YUYV)
# OpenCV names a pattern by its second row, second column on; the names by its first pixels came
# after Ubuntu 22.04's OpenCV.
_BAYER = {
    'rggb': (1, cv2.COLOR_BayerBG2GRAY, cv2.COLOR_BayerBG2BGR),
    'bggr': (1, cv2.COLOR_BayerRG2GRAY, cv2.COLOR_BayerRG2BGR),
    'gbrg': (1, cv2.COLOR_BayerGR2GRAY, cv2.COLOR_BayerGR2BGR),
    'grbg': (1, cv2.COLOR_BayerGB2GRAY, cv2.COLOR_BayerGB2BGR),
}
_U8, _U16 = np.uint8, np.uint16
ENCODINGS: dict[str, _Encoding] = {
    **{name: _Encoding(_U8, *_MONO) for name in ('mono8', '8UC1')},
    **{name: _Encoding(_U16, *_MONO) for name in ('mono16', '16UC1')},
    **{name: _Encoding(_U8, *_BGR) for name in ('bgr8', '8UC3')},
    **{name: _Encoding(_U8, *_BGRA) for name in ('bgra8', '8UC4')},
    'rgb8': _Encoding(_U8, *_RGB),
    'rgba8': _Encoding(_U8, *_RGBA),
    'bgr16': _Encoding(_U16, *_BGR),
    'rgb16': _Encoding(_U16, *_RGB),
    'bgra16': _Encoding(_U16, *_BGRA),
    'rgba16': _Encoding(_U16, *_RGBA),
    **{name: _Encoding(_U8, *_UYVY) for name in ('yuv422', 'uyvy')},
    **{name: _Encoding(_U8, *_YUYV) for name in ('yuv422_yuy2', 'yuyv')},
    **{f'bayer_{name}8': _Encoding(_U8, *codes) for name, codes in _BAYER.items()},
    **{f'bayer_{name}16': _Encoding(_U16, *codes) for name, codes in _BAYER.items()},
}
"""Encodings of ``sensor_msgs/Image`` that this module reads by itself."""


def image_to_array(msg: Any, encoding: str, topic: str = '') -> np.ndarray:
    """Read an ``Image`` or ``CompressedImage``.

    Sixteen-bit images are scaled to eight bits by 255/65535, as cv_bridge does; a warning tells
    once of a topic whose images leave the upper bits unused.

    :param encoding: 'mono8' or 'bgr8', the encoding to return.
    :param topic: named in the error, so that its reader knows where to look.
    :return: (H, W) or (H, W, 3) uint8. Where the message already has that encoding the array
        is a read-only view of its data, with its row step.
    :raises ImageMessageError: naming the field that is wrong and what to do about it.
    """
    where = f'image on {topic}: ' if topic else 'image message: '
    try:
        if hasattr(msg, 'format'):
            return _decompress(msg, encoding)
        layout = ENCODINGS.get(msg.encoding)
        if layout is None:
            return _by_cv_bridge(msg, encoding)
        image = _view(msg, layout)
        if _uses_few_bits(image):
            _warn_of_few_bits(f'{where}field data')
        return _convert(image, layout, encoding)
    except ImageMessageError as error:
        raise ImageMessageError(f'{where}{error}') from error


def convert_array(image: np.ndarray, encoding: str, name: str) -> np.ndarray:
    """Convert an array as `image_to_array` converts what a message holds.

    :param image: (H, W), (H, W, 1), (H, W, 3) bgr or (H, W, 4) bgra, uint8 or uint16.
    :param encoding: 'mono8' or 'bgr8', the encoding to return.
    :param name: of the image, in the warning of upper bits that are unused.
    :return: (H, W) or (H, W, 3) uint8; the array itself where it is that already.
    :raises ImageMessageError: when it is no such array.
    """
    layout = ENCODINGS[_encoding_of(image)]
    if _uses_few_bits(image):
        _warn_of_few_bits(name)
    return _convert(image[..., 0] if image.shape[2:] == (1,) else image, layout, encoding)


def array_to_image(
    image: np.ndarray, stamp_ns: int, frame_id: str, encoding: str | None = None
) -> Any:
    """Return a ``sensor_msgs/Image`` with a copy of ``image``.

    :param image: (H, W) or (H, W, C), uint8 or uint16.
    :param stamp_ns: time of capture in nanoseconds.
    :param encoding: a key of `ENCODINGS`; by default mono, bgr or bgra by the shape.
    :raises ImageMessageError: when the array does not fit the encoding.
    """
    from sensor_msgs.msg import Image

    encoding = encoding or _encoding_of(image)
    layout = ENCODINGS.get(encoding)
    if layout is None:
        raise ImageMessageError(f'encoding {encoding!r} is none of: {", ".join(ENCODINGS)}')
    channels = 1 if image.ndim == 2 else image.shape[-1]
    if image.dtype != layout.dtype or image.ndim not in (2, 3) or channels != layout.channels:
        raise ImageMessageError(
            f'an array of {image.dtype} {image.shape} is no {encoding} image; '
            f'pass {np.dtype(layout.dtype)} with {layout.channels} channel(s)'
        )
    msg = Image()
    set_stamp(msg.header.stamp, stamp_ns)
    msg.header.frame_id = frame_id
    msg.encoding = encoding
    msg.height, msg.width = image.shape[:2]
    msg.is_bigendian = sys.byteorder == 'big'
    msg.step = msg.width * channels * image.itemsize
    # Into the array that the message was born with: assigning `data` copies once more, and walks
    # the elements of an ndarray, which takes thousands of times as long.
    msg.data.frombytes(memoryview(np.ascontiguousarray(image)).cast('B'))
    return msg


def array_to_compressed_image(
    image: np.ndarray, stamp_ns: int, frame_id: str, format: str = 'jpeg', quality: int = 90
) -> Any:
    """Return a ``sensor_msgs/CompressedImage`` as image_transport's plugin would send it.

    :param image: (H, W) or (H, W, 3) in bgr order, uint8.
    :param format: 'jpeg' or 'png'.
    :param quality: 1 to 100, of jpeg alone.
    """
    from sensor_msgs.msg import CompressedImage

    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if format == 'jpeg' else []
    msg = CompressedImage()
    set_stamp(msg.header.stamp, stamp_ns)
    msg.header.frame_id = frame_id
    encoding = _encoding_of(image)
    msg.format = f'{encoding}; {format} compressed ' + ('bgr8' if encoding == 'bgr8' else '')
    msg.data.frombytes(memoryview(cv2.imencode(f'.{format}', image, options)[1]).cast('B'))
    return msg


def _encoding_of(image: np.ndarray) -> str:
    kind = {(2, 1): 'mono', (3, 3): 'bgr', (3, 4): 'bgra', (3, 1): 'mono'}.get(
        (image.ndim, 1 if image.ndim == 2 else image.shape[-1])
    )
    bits = {'uint8': '8', 'uint16': '16'}.get(image.dtype.name)
    if kind is None or bits is None:
        raise ImageMessageError(
            f'an array of {image.dtype} {image.shape} is no image; '
            'pass (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16'
        )
    return kind + bits


def _view(msg: Any, layout: _Encoding) -> np.ndarray:
    """Return the (H, W) or (H, W, C) read-only view of an ``Image`` in native byte order."""
    height, width, step = msg.height, msg.width, msg.step
    if height < 1 or width < 1:
        raise ImageMessageError(
            f'fields height and width are {height} and {width}; '
            'the driver must set them to the size of the image'
        )
    dtype = np.dtype(layout.dtype)
    pixel = dtype.itemsize * layout.channels
    if step < width * pixel:
        raise ImageMessageError(
            f'field step is {step}, but a row of {width} {msg.encoding} pixels has '
            f'{width * pixel} bytes; the driver must set step, or width and encoding, right'
        )
    if len(msg.data) != step * height:
        raise ImageMessageError(
            f'field data has {len(msg.data)} bytes, but step {step} times height {height} are '
            f'{step * height}; the driver must send whole rows'
        )
    if width % 2 and layout.channels == 2:
        raise ImageMessageError(
            f'field width is {width}, but {msg.encoding} shares colour between two pixels; '
            'the driver must use an even width'
        )
    shape, strides = (height, width), (step, pixel)
    if layout.channels > 1:
        shape, strides = (*shape, layout.channels), (*strides, dtype.itemsize)
    if dtype.itemsize > 1:
        dtype = dtype.newbyteorder('>' if msg.is_bigendian else '<')
    image = np.ndarray(shape, dtype, msg.data, strides=strides)
    if not dtype.isnative or step % dtype.itemsize:  # OpenCV refuses both
        image = image.astype(layout.dtype)
    image.flags.writeable = False
    return image


def _convert(image: np.ndarray, layout: _Encoding, encoding: str) -> np.ndarray:
    """Return ``image`` as 'mono8' or 'bgr8'."""
    code = {'mono8': layout.to_mono, 'bgr8': layout.to_bgr}[encoding]
    if code is not None:
        image = cv2.cvtColor(image, code)
    if image.dtype == np.uint16:
        image = cv2.convertScaleAbs(image, alpha=255 / 65535)
    return image


def _uses_few_bits(image: np.ndarray) -> bool:
    """Return whether pixels leave the upper bits of 16 unused, and so come out nearly black."""
    return image.dtype == np.uint16 and 255 < int(image[::8, ::8].max(initial=0)) < FEW_BITS


@functools.cache
def _warn_of_few_bits(name: str) -> None:
    """Warn once of each topic or source."""
    _logger.warning(
        '%s has no pixel above %d of 65535, which looks like 10 or 12 bits and comes '
        'out nearly black; let the driver shift them to the left, or send mono8',
        name,
        FEW_BITS - 1,
    )


def _decompress(msg: Any, encoding: str) -> np.ndarray:
    """Decode a ``CompressedImage`` in one of the ways image_transport's plugin writes it."""
    if 'compressedDepth' in msg.format:
        raise ImageMessageError(
            f'field format is {msg.format!r}, a depth image; subscribe to an infrared or '
            'colour image'
        )
    # '<encoding>; jpeg compressed <bgr8>' from image_transport, 'jpeg' or 'png' from others.
    raw = msg.format.partition(';')[0].strip()
    layout = ENCODINGS.get(raw)
    if 'compressed rgb' in msg.format:  # old publishers did not swap red and blue
        layout, flags = ENCODINGS['rgb8'], cv2.IMREAD_COLOR
    elif layout is not None and (raw.startswith('bayer') or layout.dtype is np.uint16):
        flags = cv2.IMREAD_UNCHANGED
    else:  # the decoder can do it all
        layout = None
        flags = cv2.IMREAD_GRAYSCALE if encoding == 'mono8' else cv2.IMREAD_COLOR
    data = np.frombuffer(msg.data, np.uint8)
    image = None
    if data.size:
        # An absurd size in its header raises.
        with contextlib.suppress(cv2.error):
            image = cv2.imdecode(data, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise ImageMessageError(
            f'field data ({data.size} bytes, format {msg.format!r}) is no image that OpenCV '
            'can decode; use jpeg or png, and look for a truncated transfer'
        )
    if flags == cv2.IMREAD_UNCHANGED and image.ndim == 3:
        layout = ENCODINGS[_encoding_of(image)]
    return image if layout is None else _convert(image, layout, encoding)


def _by_cv_bridge(msg: Any, encoding: str) -> np.ndarray:
    """Convert an encoding that is not in `ENCODINGS`."""
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError:
        raise ImageMessageError(
            f'field encoding is {msg.encoding!r}, which is not understood without cv_bridge; '
            f'install cv_bridge, or let the driver send one of: {", ".join(ENCODINGS)}'
        ) from None
    try:
        return CvBridge().imgmsg_to_cv2(msg, encoding)
    except (CvBridgeError, TypeError, KeyError) as error:
        raise ImageMessageError(
            f'field encoding is {msg.encoding!r}, which cv_bridge cannot turn into {encoding} '
            f'({error}); let the driver send one of: {", ".join(ENCODINGS)}'
        ) from error
