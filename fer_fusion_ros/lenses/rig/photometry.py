"""What a visible and a near-infrared sensor make of a photograph.

Pictures are float32 in [0, 1] as a screen shows them (display-encoded, black to white), in shape
``(..., H, W)``; the sensor's own arithmetic is done in linear light, with a display curve of
exponent 2, which is near enough to sRGB and lets a square root replace a power. Everything is
vectorised over the leading axes, so that training can simulate a whole batch at once, and
everything random comes from the ``numpy.random.Generator`` that is passed in.
"""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Photometry:
    """The constants of both simulated sensors, each with the reason for its value.

    Light levels are relative to daylight indoors beside a window, about 500 lx: 1.0 is daylight
    and 0.02, about 10 lx, is a room with one candle-like lamp (near dark). At 0.005, 2.5 lx, only
    the street's lamps shine in.
    """

    # A 3 um pixel behind f/2 collects about 4000 electrons from white in 1/30 s at 500 lx
    # (500 lx * 0.5 / (4 * 2^2) * 1/30 s * 9 um^2 * 4.1e15 photons/lm/s, and a quarter of it left
    # by the colour filter and the quantum efficiency); that also is about its full well.
    visible_electrons: float = 4000.0
    # RMS electrons; 2-6 is usual for small rolling-shutter sensors (EMVA 1288 data sheets).
    visible_read_noise: float = 4.0
    # Webcams and robot cameras stop at 18-24 dB so that noise does not swamp the picture.
    visible_gain_limit: float = 6.0

    # The lamp is made to fill the pixel from white at this distance, in metres.
    lamp_reach: float = 3.0
    # Near-infrared quantum efficiency is about half of the visible one, but there is no Bayer
    # filter in the way, and the lamp is strong: low noise.
    infrared_electrons: float = 3000.0
    infrared_read_noise: float = 4.0
    infrared_gain_limit: float = 2.0
    # A single LED behind a lens lights the corner of the picture about a third less than the
    # centre; on a face it also falls off towards the cheeks, which turn away from the lamp.
    lamp_vignette: float = 0.35

    # Skin is translucent at 850 nm: light leaves it 2-4 mm from where it entered (twice as far as
    # green light), and simple lenses focus near infrared less sharply. Together, in metres:
    infrared_blur: float = 0.004
    # Features of a few centimetres (lips, brows, irises) differ less from the skin around them,
    # because blood hardly absorbs and melanin absorbs 3-5 times less than in green light.
    infrared_feature_size: float = 0.018
    infrared_feature_contrast: float = 0.75
    # What remains of wrinkles, pores and edges finer than the blur.
    infrared_texture_contrast: float = 0.2
    # Dark hair and dark skin are lifted (0 leaves the tones alone, 1 is the most).
    infrared_lift: float = 0.4

    # Mean breadth of an adult head between the cheekbones plus its outline, in metres: the width
    # of FER2013's pictures.
    face_width: float = 0.16


PHOTOMETRY = Photometry()


def visible(
    picture: np.ndarray,
    light: float | np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Photograph a scene with the visible sensor at a light level.

    The sensor's automatic exposure is already at its longest in daylight; below, it can only turn
    up its gain, and only so far: in the dark the picture is dim and noisy.

    :param picture: float32 in [0, 1], grey ``(..., H, W)`` or colour ``(..., H, W, 3)``, the
        scene in daylight; noise is drawn for every element.
    :param light: light level, 1.0 daylight to 0.02 near dark; a number, or an array that
        broadcasts against the picture, such as ``(N, 1, 1)``.
    :param rng: source of the noise.
    :return: float32 in [0, 1] in steps of 1/255, same shape as the picture.
    """
    noise = rng.standard_normal(picture.shape, np.float32)
    return visible_response(picture, light, noise)


def near_infrared(
    picture: np.ndarray,
    distance: float | np.ndarray,
    rng: np.random.Generator,
    face_width: float = 48.0,
) -> np.ndarray:
    """Photograph faces with the near-infrared sensor, lit by the rig's own lamp.

    The light of the room plays no part. Skin is smoother and brighter, lips, brows and irises
    stand out less, fine texture is lost, and the lamp fades with the square of the distance and
    towards the borders of the picture.

    :param picture: float32 in [0, 1], grey ``(..., H, W)``, the faces in visible daylight.
    :param distance: from the lens to the face in metres; a number, or an array that broadcasts
        against the picture, such as ``(N, 1, 1)``.
    :param rng: source of the noise.
    :param face_width: width of a face in the picture in pixels (the whole picture for FER2013).
    :return: float32 in [0, 1] in steps of 1/255, same shape as the picture.
    """
    reflected = infrared_reflectance(picture, face_width)
    reflected *= lamp_pattern(*picture.shape[-2:], PHOTOMETRY.lamp_vignette)
    noise = rng.standard_normal(picture.shape, np.float32)
    return infrared_response(reflected, distance, noise)


def visible_response(
    picture: np.ndarray,
    light: float | np.ndarray,
    noise: np.ndarray,
) -> np.ndarray:
    """Do as `visible` with given noise.

    :param noise: float32 standard normal, of the picture's shape.
    """
    # Without any light the read noise remains.
    light = np.maximum(np.float32(light), np.float32(1e-6))
    gain = np.minimum(1.0 / light, PHOTOMETRY.visible_gain_limit)
    return _sensor(
        picture,
        PHOTOMETRY.visible_electrons * light,
        light * gain,
        noise,
        PHOTOMETRY.visible_read_noise,
    )


def infrared_response(
    reflected: np.ndarray,
    distance: float | np.ndarray,
    noise: np.ndarray,
) -> np.ndarray:
    """Do the sensor's part of `near_infrared` with given noise.

    :param reflected: float32 in [0, 1], what `infrared_reflectance` returns, under the lamp.
    :param noise: float32 standard normal, of the picture's shape.
    """
    # Nearer than the lamp's reach, the automatic exposure is shortened to the same level.
    lamp = np.minimum((PHOTOMETRY.lamp_reach / np.float32(distance)) ** 2, np.float32(1.0))
    gain = np.minimum(1.0 / lamp, PHOTOMETRY.infrared_gain_limit)
    return _sensor(
        reflected,
        PHOTOMETRY.infrared_electrons * lamp,
        lamp * gain,
        noise,
        PHOTOMETRY.infrared_read_noise,
    )


def infrared_reflectance(picture: np.ndarray, face_width: float) -> np.ndarray:
    """Estimate how much near infrared a visible scene reflects, without noise or lamp.

    Irises and pupils are not looked for: that irises turn out lighter and pupils stay dark follows
    from the weaker contrast of small features.

    :param picture: float32 in [0, 1], grey ``(..., H, W)``.
    :param face_width: width of a face in the picture in pixels.
    :return: float32 in [0, 1], a new array of the same shape.
    """
    pixels_per_metre = face_width / PHOTOMETRY.face_width
    picture = np.ascontiguousarray(picture, np.float32)
    height, width = picture.shape[-2:]
    smooth = np.empty_like(picture)
    wide = np.empty_like(picture)
    blur = PHOTOMETRY.infrared_blur * pixels_per_metre
    kernel = (2 * max(1, round(2.5 * blur)) + 1,) * 2
    # A box as wide as the features twice over is near enough to a Gaussian, and much faster.
    box = (2 * round(PHOTOMETRY.infrared_feature_size * pixels_per_metre) + 1,) * 2
    for source, out, out_wide in zip(
        picture.reshape(-1, height, width),
        smooth.reshape(-1, height, width),
        wide.reshape(-1, height, width),
        strict=True,
    ):
        cv2.GaussianBlur(source, kernel, blur, dst=out, borderType=cv2.BORDER_REPLICATE)
        cv2.blur(out, box, dst=out_wide, borderType=cv2.BORDER_REPLICATE)

    texture, feature = PHOTOMETRY.infrared_texture_contrast, PHOTOMETRY.infrared_feature_contrast
    out = texture * picture
    smooth *= feature - texture
    out += smooth
    wide *= 1.0 - feature
    out += wide
    np.clip(out, 0.0, 1.0, out=out)
    # x + k x (1 - x): monotonic, black and white stay, dark tones are lifted the most.
    out *= (1.0 + PHOTOMETRY.infrared_lift) - PHOTOMETRY.infrared_lift * out
    return out


def lamp_pattern(height: int, width: int, vignette: float) -> np.ndarray:
    """Draw how the lamp lights the picture's plane, as a display-encoded factor.

    :param height: of the picture in pixels.
    :param width: of the picture in pixels.
    :param vignette: share of the light missing in the corners, 0-1.
    :return: float32 ``(height, width)``, 1 at the centre.
    """
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    return np.sqrt(1.0 - vignette * (x * x + y * y) / 2.0)


def _sensor(
    picture: np.ndarray,
    electrons: float | np.ndarray,
    level: float | np.ndarray,
    noise: np.ndarray,
    read_noise: float,
) -> np.ndarray:
    """Expose, add shot and read noise, amplify, encode and quantise to 8 bits.

    :param electrons: that white collects.
    :param level: linear output of white after the gain, 0-1.
    """
    signal = picture * picture
    signal *= electrons
    # The normal approximation of the Poisson law is good beyond 10 electrons; below, read noise
    # dominates anyway.
    spread = np.sqrt(signal + np.float32(read_noise**2))
    spread *= noise
    signal += spread
    signal *= level / electrons
    np.clip(signal, 0.0, 1.0, out=signal)
    np.sqrt(signal, out=signal)
    signal *= 255.0
    np.rint(signal, out=signal)
    signal *= np.float32(1.0 / 255.0)
    return signal
