"""Conversions against OpenCV's own, for every encoding, layout and byte order."""

import array
import importlib.util
import io
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import PIL.Image
import pytest

pytest.importorskip('sensor_msgs', reason='needs the ROS messages')
from sensor_msgs.msg import CompressedImage, Image

from fer_fusion_ros.exceptions import ImageMessageError
from fer_fusion_ros.messages.image import (
    ENCODINGS,
    array_to_compressed_image,
    array_to_image,
    image_to_array,
)
from fer_fusion_ros.messages.stamps import stamp_to_ns

HEIGHT, WIDTH = 46, 62
# Also Ubuntu 22.04's OpenCV has these names, by a pattern's second row.
BAYER = {'rggb': 'BayerBG', 'bggr': 'BayerRG', 'gbrg': 'BayerGR', 'grbg': 'BayerGB'}


def opencv_name(encoding):
    """Return OpenCV's name of the colours of a ROS encoding."""
    if encoding.startswith('bayer'):
        return BAYER[encoding[6:10]]
    kind = encoding.removesuffix('16').removesuffix('8')
    return {
        'mono': 'GRAY',
        '8UC1': 'GRAY',
        '16UC1': 'GRAY',
        '8UC3': 'BGR',
        '8UC4': 'BGRA',
        'yuv422': 'YUV_UYVY',
        'uyvy': 'YUV_UYVY',
        'yuv422_yuy2': 'YUV_YUYV',
        'yuyv': 'YUV_YUYV',
    }.get(kind, kind.upper())


def expected(pixels, encoding, desired):
    """Convert ``pixels`` with OpenCV alone."""
    source, target = opencv_name(encoding), {'mono8': 'GRAY', 'bgr8': 'BGR'}[desired]
    if source.startswith('YUV_'):
        result = cv2.cvtColor(pixels, getattr(cv2, f'COLOR_YUV2{target}_{source[4:]}'))
    elif source == target:
        result = pixels
    else:
        result = cv2.cvtColor(pixels, getattr(cv2, f'COLOR_{source}2{target}'))
    if result.dtype == np.uint16:
        result = np.rint(result * (255 / 65535)).astype(np.uint8)
    return result


def random_pixels(encoding, seed=0, shape=(HEIGHT, WIDTH)):
    layout = ENCODINGS[encoding]
    if layout.channels > 1:
        shape = (*shape, layout.channels)
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(layout.dtype).max, shape, layout.dtype, endpoint=True)


def message(pixels, encoding, padding=0, big_endian=False):
    """Lay out ``pixels`` as a driver would, with ``padding`` bytes behind each row."""
    if big_endian and pixels.itemsize > 1:
        pixels = pixels.astype('>u2')
    rows = pixels.reshape(len(pixels), -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    msg = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    msg.is_bigendian = int(big_endian)
    msg.step = rows.shape[1]
    msg.data.frombytes(rows.tobytes())
    return msg


@pytest.mark.parametrize('big_endian', [False, True], ids=['little', 'big'])
@pytest.mark.parametrize('padding', [0, 1, 6, 64])
@pytest.mark.parametrize('desired', ['mono8', 'bgr8'])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_every_encoding_as_opencv_converts_it(encoding, desired, padding, big_endian):
    pixels = random_pixels(encoding, seed=padding)
    image = image_to_array(message(pixels, encoding, padding, big_endian), desired)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected(pixels, encoding, desired))


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('pattern', BAYER)
def test_a_pattern_is_named_by_its_first_pixels(pattern, bits):
    colour = {'b': 20, 'g': 100, 'r': 200}
    pixels = np.empty((HEIGHT, WIDTH), f'u{bits // 8}')
    for place, filtered in enumerate(pattern):
        pixels[place // 2 :: 2, place % 2 :: 2] = colour[filtered] << (bits - 8)
    image = image_to_array(message(pixels, f'bayer_{pattern}{bits}'), 'bgr8')
    np.testing.assert_allclose(image, np.full((HEIGHT, WIDTH, 3), [*colour.values()]), atol=1)


@pytest.mark.skipif(not importlib.util.find_spec('cv_bridge'), reason='cv_bridge is absent')
@pytest.mark.parametrize('desired', ['mono8', 'bgr8'])
@pytest.mark.parametrize('encoding', [name for name in ENCODINGS if 'UC' not in name])
def test_every_encoding_as_cv_bridge_converts_it(encoding, desired):
    from cv_bridge import CvBridge, CvBridgeError

    # Whole pixels of every encoding: cv_bridge garbles images with other padding.
    msg = message(random_pixels(encoding), encoding, padding=24)
    try:
        theirs = CvBridge().imgmsg_to_cv2(msg, desired)
    except CvBridgeError as error:
        pytest.skip(str(error))
    # It is linked to another OpenCV than this process, which rounds differently.
    rounding = int('bayer' in encoding)
    np.testing.assert_allclose(image_to_array(msg, desired), theirs, rtol=0, atol=rounding)


@pytest.mark.parametrize(('encoding', 'padding'), [('mono8', 0), ('mono8', 5), ('bgr8', 7)])
def test_reading_copies_nothing_and_cannot_alter_the_message(encoding, padding):
    msg = message(random_pixels(encoding), encoding, padding)
    image = image_to_array(msg, encoding)
    msg.data[msg.step] ^= 255
    assert image[1].ravel()[0] == msg.data[msg.step]
    assert not image.flags.writeable


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_round_trip(encoding):
    pixels = random_pixels(encoding)
    msg = array_to_image(pixels, 1_700_000_000_123_456_789, 'some_optical', encoding)
    assert stamp_to_ns(msg.header.stamp) == 1_700_000_000_123_456_789
    assert msg.header.frame_id == 'some_optical'
    assert (msg.height, msg.width, msg.encoding) == (HEIGHT, WIDTH, encoding)
    assert msg.step == pixels.strides[0]
    for desired in ('mono8', 'bgr8'):
        np.testing.assert_array_equal(
            image_to_array(msg, desired), expected(pixels, encoding, desired)
        )


def test_writes_the_encoding_of_the_array_also_from_a_strided_view():
    for encoding in ('mono8', 'bgr8', 'mono16', 'bgra8'):
        pixels = random_pixels(encoding)[::2, 3:-3]
        msg = array_to_image(pixels, 0, '')
        assert msg.encoding == encoding
        np.testing.assert_array_equal(
            image_to_array(msg, 'bgr8'), expected(np.ascontiguousarray(pixels), encoding, 'bgr8')
        )


def test_reads_messages_of_other_libraries():
    """The rosbags library gives plain objects with ndarray data."""
    pixels = random_pixels('rgb8')
    msg = SimpleNamespace(
        height=HEIGHT, width=WIDTH, step=3 * WIDTH, is_bigendian=0, encoding='rgb8'
    )
    msg.data = pixels.ravel()
    np.testing.assert_array_equal(image_to_array(msg, 'bgr8'), pixels[..., ::-1])


def broken(**fields):
    msg = message(random_pixels('bgr8'), 'bgr8')
    for name, value in fields.items():
        setattr(msg, name, value)
    return msg


@pytest.mark.parametrize(
    ('msg', 'problem'),
    [
        (broken(step=3 * WIDTH - 1), 'field step is 185, but a row of 62 bgr8 pixels has 186'),
        (broken(step=0), 'field step is 0'),
        (broken(data=array.array('B', bytes(100))), 'field data has 100 bytes, but step 186'),
        (broken(data=array.array('B')), 'field data has 0 bytes'),
        (broken(height=HEIGHT - 1), 'field data has 8556 bytes.*whole rows'),
        (broken(width=0), 'fields height and width are 46 and 0'),
        (broken(height=0), 'fields height and width are 0 and 62'),
        (broken(encoding='uyvy', width=61), 'field width is 61.*even width'),
    ],
)
def test_malformed_message_names_topic_and_field(msg, problem):
    with pytest.raises(ImageMessageError, match=f'image on /fer/ir_left/image_raw: {problem}'):
        image_to_array(msg, 'mono8', '/fer/ir_left/image_raw')


@pytest.mark.parametrize('encoding', ['', 'h264', '64FC3'])
def test_unknown_encoding_lists_the_known(encoding):
    with pytest.raises(ImageMessageError, match=r"field encoding is '.*mono8, 8UC1, mono16"):
        image_to_array(broken(encoding=encoding), 'mono8')


def test_array_that_is_no_image():
    with pytest.raises(ImageMessageError, match=r'float64 \(4, 4\) is no image'):
        array_to_image(np.zeros((4, 4)), 0, '')
    with pytest.raises(ImageMessageError, match='is no mono8 image; pass uint8 with 1 channel'):
        array_to_image(np.zeros((4, 4, 3), np.uint8), 0, '', 'mono8')
    with pytest.raises(ImageMessageError, match="'jpeg2' is none of: mono8"):
        array_to_image(np.zeros((4, 4), np.uint8), 0, '', 'jpeg2')


def smooth(channels):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([2 * x, 200 - 3 * y, x + y], -1).astype(np.uint8)
    return image if channels == 3 else image[..., 0]


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize(('format', 'tolerance'), [('png', 0), ('jpeg', 12)])
def test_compressed_round_trip(channels, format, tolerance):
    image = smooth(channels)
    msg = array_to_compressed_image(image, 5, 'frame', format, quality=100)
    ends = ('bgr8', 'bgr8') if channels == 3 else ('mono8', '')
    assert msg.format == f'; {format} compressed '.join(ends)
    back = image_to_array(msg, 'bgr8' if channels == 3 else 'mono8')
    np.testing.assert_allclose(back.astype(int), image, atol=tolerance)
    for desired, flags in (('bgr8', cv2.IMREAD_COLOR), ('mono8', cv2.IMREAD_GRAYSCALE)):
        decoded = cv2.imdecode(np.frombuffer(msg.data, np.uint8), flags)
        np.testing.assert_array_equal(image_to_array(msg, desired), decoded)


def test_the_quality_of_jpeg_is_that_asked_for():
    image = random_pixels('bgr8')
    sizes = [len(array_to_compressed_image(image, 0, '', quality=q).data) for q in (10, 50, 100)]
    assert sizes == sorted(set(sizes))


def test_the_orientation_in_a_photograph_does_not_turn_it():
    """A lens has one calibration, however its images say that they are to be looked at."""
    upright, turned = io.BytesIO(), io.BytesIO()
    image = PIL.Image.fromarray(smooth(3))
    image.save(upright, 'jpeg')
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    image.save(turned, 'jpeg', exif=exif)
    for desired in ('mono8', 'bgr8'):
        shown, expected = (
            image_to_array(CompressedImage(format='jpeg', data=each.getvalue()), desired)
            for each in (turned, upright)
        )
        np.testing.assert_array_equal(shown, expected)


def compressed(format, pixels):
    msg = CompressedImage(format=format)
    msg.data.frombytes(cv2.imencode('.png', pixels)[1].tobytes())
    return msg


@pytest.mark.parametrize(
    ('format', 'pixels', 'encoding'),
    [
        ('png', 'bgr8', 'bgr8'),
        ('rgb8; png compressed bgr8', 'bgr8', 'bgr8'),
        ('rgb8; png compressed rgb8', 'rgb8', 'rgb8'),
        ('mono8; png compressed ', 'mono8', 'mono8'),
        ('mono16; png compressed ', 'mono16', 'mono16'),
        ('rgb16; png compressed bgr16', 'bgr16', 'bgr16'),
        ('bayer_grbg8; png compressed ', 'mono8', 'bayer_grbg8'),
        ('bayer_grbg8; png compressed bgr8', 'bgr8', 'bgr8'),
    ],
)
@pytest.mark.parametrize('desired', ['mono8', 'bgr8'])
def test_formats_of_image_transport(format, pixels, encoding, desired):
    image = random_pixels(pixels)
    result = image_to_array(compressed(format, image), desired)
    # The PNG decoder rounds grey by itself, up to one level away from cvtColor.
    np.testing.assert_allclose(
        result.astype(int), expected(image, encoding, desired).astype(int), atol=1
    )


def test_bits_that_are_not_used_are_told(caplog):
    pixels = random_pixels('mono16')
    image_to_array(message(pixels, 'mono16'), 'mono8', '/a/b')
    assert not caplog.messages
    for _ in range(2):
        image_to_array(message(pixels >> 6, 'mono16'), 'mono8', '/a/few_bits')
    (warning,) = caplog.messages
    assert (
        'image on /a/few_bits: field data has no pixel above 4095' in warning
        and 'mono8' in warning
    )


def test_undecodable_compressed_image():
    whole = compressed('jpeg', smooth(3))
    for data in (b'', b'no image', whole.data.tobytes()[:20]):
        msg = CompressedImage(format='jpeg', data=data)
        with pytest.raises(ImageMessageError, match=r'/a/b: field data .*truncated transfer'):
            image_to_array(msg, 'mono8', '/a/b')
    png = bytearray(compressed('png', smooth(3)).data.tobytes())
    png[16:24] = b'\x00\x0f\xff\xff' * 2  # width and height
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, 'big')
    with pytest.raises(ImageMessageError, match='field data'):
        image_to_array(CompressedImage(format='png', data=bytes(png)), 'mono8')
    depth = CompressedImage(format='16UC1; compressedDepth png', data=b'x')
    with pytest.raises(ImageMessageError, match=r'field format .* a depth image'):
        image_to_array(depth, 'mono8')
