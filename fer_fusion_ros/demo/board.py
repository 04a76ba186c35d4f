"""Draw a run: what the lenses saw, what was made of it, and what was read from it."""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from fer_fusion_ros.demo.canvas import Canvas, Colour, colour
from fer_fusion_ros.demo.moment import Moment, Reading
from fer_fusion_ros.expression.labels import LABELS
from fer_fusion_ros.fusion.modality import Modality

PAPER = colour('#11151b')
GROOVE = colour('#262d38')
INK = colour('#eef1f5')
FAINT = colour('#8b95a5')
LIGHT = colour('#ffe9a8')
LABEL_INKS: dict[str, Colour] = {
    'neutral': colour('#9aa5b1'),
    'happy': colour('#f5b83d'),
    'sad': colour('#4f8ff0'),
    'angry': colour('#ef5b5b'),
    'fear': colour('#a272f2'),
    'surprise': colour('#3ccfb4'),
    'disgust': colour('#8bbf4a'),
}
MODALITY_INKS: dict[Modality, Colour] = {
    Modality.UNKNOWN: GROOVE,
    Modality.FUSED: colour('#5ad17f'),
    Modality.VISIBLE: colour('#58b7f6'),
    Modality.INFRARED: colour('#e0607e'),
}
# As one reads the array: visible above infrared.
TILES = (
    ('vis_left', 'visible left'),
    ('vis_right', 'visible right'),
    ('ir_left', 'infrared left'),
    ('ir_right', 'infrared right'),
)
FACES = {
    'infrared': 'registered infrared',
    'visible': 'registered visible',
    'fused': 'fused',
}
MARGIN = 28
TITLE = 'Facial expression from fused infrared and visible light'


class Board:
    """Draws the frames of a video and a picture of a run.

    :param readings: of the whole run, in the order of time.
    :param duration: of the run in seconds; the time lines end there.
    :param begin: seconds into the run at which the time lines begin.
    """

    VIDEO_SIZE = (1280, 720)

    def __init__(self, readings: Sequence[Reading], duration: float, begin: float = 0.0) -> None:
        self._readings = readings
        self._times = np.array([reading.time for reading in readings])
        self._begin = begin
        self._length = max(duration - begin, 0.1)
        width, height = self.VIDEO_SIZE
        self._timeline = (MARGIN, 596, width - 2 * MARGIN, 64)
        self._strip = self._draw_strip(*self._timeline[2:])
        # What is the same on every frame.
        self._base = Canvas(width, height, PAPER)
        self._base.text(MARGIN, 44, TITLE, 23, INK, bold=True)
        _draw_legend(self._base, *self._timeline[:3])
        self._draw_axis(self._base)

    def frame(self, moment: Moment) -> np.ndarray:
        """Return one frame of the video: (720, 1280, 3) uint8 bgr."""
        canvas = self._base.copy()
        right = self.VIDEO_SIZE[0] - MARGIN
        room = '' if moment.light is None else f'room light {moment.light:.0%}  ·  '
        canvas.text(right, 44, f'{room}{moment.time:.1f} s', 18, FAINT, align='right')
        _draw_lenses(canvas, MARGIN, 64, 320, moment)
        left = MARGIN + 2 * 320 + 12 + 28
        _draw_faces(canvas, left, 64, right - left, moment)
        _draw_reading(canvas, left, 318, right - left, moment.reading)
        self._draw_timeline(canvas, *self._timeline, self._strip, moment.time)
        return canvas.image

    def picture(self, moments: Sequence[tuple[str, Moment]]) -> np.ndarray:
        """Return a picture of the run with a column per moment.

        :param moments: name and moment of each column, three at best.
        :return: uint8 bgr, 1160 pixels high.
        """
        column, gap = 500, 36
        width = 2 * MARGIN + len(moments) * (column + gap) - gap
        canvas = Canvas(width, 1160, PAPER)
        canvas.text(MARGIN, 52, TITLE, 26, INK, bold=True)
        timeline = (MARGIN, 994, width - 2 * MARGIN, 92)
        _draw_legend(canvas, *timeline[:3])
        self._draw_timeline(canvas, *timeline, self._draw_strip(*timeline[2:]), math.inf)
        for index, (name, moment) in enumerate(moments):
            x = MARGIN + index * (column + gap)
            written = canvas.text(x, 104, name, 19, INK, bold=True)
            room = '' if moment.light is None else f', room light {moment.light:.0%}'
            canvas.text(x + written + 12, 104, f'at {moment.time:.1f} s{room}', 15, FAINT)
            _draw_lenses(canvas, x, 120, 244, moment)
            _draw_faces(canvas, x, 518, column, moment)
            _draw_reading(canvas, x, 728, column, moment.reading)
            share = self._share(moment.time)
            place = timeline[0] + share * timeline[2]
            _draw_mark(canvas, place, timeline[1], timeline[3])
            side, space = ('left', 6) if share < 0.9 else ('right', -6)
            below = timeline[1] + timeline[3] + 30
            canvas.text(place + space, below, name, 13, INK, align=side)
        return canvas.image

    def _share(self, time: float | np.ndarray) -> Any:
        """Return how far along the time lines times in seconds are, 0..1 from begin to end."""
        return (time - self._begin) / self._length

    def _draw_axis(self, canvas: Canvas) -> None:
        x, y, width, height = self._timeline
        end = self._begin + self._length
        step = 2 if self._length > 8 else 1
        for second in range(math.ceil(self._begin / step) * step, int(end) + 1, step):
            place = x + self._share(second) * width
            side = {self._begin: 'left', end: 'right'}.get(second, 'centre')
            canvas.text(place, y + height + 31, f'{second} s', 12, FAINT, align=side)

    def _draw_timeline(
        self,
        canvas: Canvas,
        x: int,
        y: int,
        width: int,
        height: int,
        strip: np.ndarray,
        now: float,
    ) -> None:
        """Draw probabilities, modality and the light on the face up to now."""
        shown = round(width * min(max(self._share(now), 0.0), 1.0))
        canvas.fill(x, y, width, len(strip), GROOVE)
        canvas.image[y : y + len(strip), x : x + shown] = strip[:, :shown]
        seen = [reading for reading in self._readings if reading.time <= now]
        light = np.array(
            [(reading.time, reading.illumination) for reading in seen if reading.illumination >= 0]
        ).reshape(-1, 2)
        light[:, 0] = self._share(light[:, 0])
        line = (x, y + height - 2) + light * (width, 4 - height)
        canvas.line(line, PAPER, 4)
        canvas.line(line, LIGHT, 2)
        if shown < width:
            _draw_mark(canvas, x + shown, y, height)

    def _draw_strip(self, width: int, height: int) -> np.ndarray:
        """Return stacked probabilities, and below them the modality, for every column."""
        strip = np.full((height + 12, width, 3), GROOVE, np.uint8)
        if not self._readings:
            return strip
        times = self._begin + (np.arange(width) + 0.5) * self._length / width
        nearest = np.searchsorted(self._times, times).clip(0, len(self._times) - 1)
        before = (nearest - 1).clip(0)
        nearest = np.where(
            np.abs(self._times[before] - times) < np.abs(self._times[nearest] - times),
            before,
            nearest,
        )
        rows = (np.arange(height)[::-1] + 0.5) / height
        for column, index in enumerate(nearest):
            reading = self._readings[index]
            if abs(reading.time - times[column]) > 0.3:  # nobody was found then
                continue
            bounds = np.cumsum(reading.probabilities)
            which = np.searchsorted(bounds, rows).clip(0, len(LABELS) - 1)
            strip[:height, column] = [LABEL_INKS[LABELS[i]] for i in which]
            strip[height + 4 :, column] = MODALITY_INKS[reading.modality]
        strip[height : height + 4] = PAPER
        return strip


def _draw_legend(canvas: Canvas, x: int, y: int, width: int) -> None:
    """Say above a timeline what its colours mean."""
    cursor = x + 24 + canvas.text(x, y - 12, 'Probability over time', 13, INK, bold=True)
    for label in LABELS:
        canvas.fill(cursor, y - 22, 11, 11, LABEL_INKS[label])
        cursor += 32 + canvas.text(cursor + 17, y - 12, label, 13, FAINT)
    cursor = x + width
    cursor -= 7 + canvas.text(cursor, y - 12, 'light on the face', 13, FAINT, align='right')
    canvas.fill(cursor - 18, y - 18, 18, 2, LIGHT)
    cursor -= 38
    for modality in (Modality.INFRARED, Modality.VISIBLE, Modality.FUSED):
        name = modality.name.lower()
        cursor -= 17 + canvas.text(cursor, y - 12, name, 13, FAINT, align='right')
        canvas.fill(cursor, y - 22, 11, 11, MODALITY_INKS[modality])
        cursor -= 16


def _draw_mark(canvas: Canvas, x: float, y: int, height: int) -> None:
    """Mark a moment on a timeline."""
    canvas.line([(x, y - 3), (x, y + height + 14)], INK, 2)


def _draw_lenses(canvas: Canvas, x: int, y: int, width: int, moment: Moment) -> None:
    """Draw the four raw images, two by two."""
    height = width * 3 // 4
    for index, (lens, name) in enumerate(TILES):
        left = x + (index % 2) * (width + 12)
        top = y + (index // 2) * (height + 12)
        canvas.paste(left, top, width, height, moment.lenses.get(lens))
        canvas.tag(left + 8, top + 8, name)


def _draw_faces(canvas: Canvas, x: int, y: int, width: int, moment: Moment) -> None:
    """Draw the registered and the fused face side by side."""
    gap = 13
    size = (width - 2 * gap) // 3
    used = moment.reading.modality if moment.reading else Modality.UNKNOWN
    for index, (name, words) in enumerate(FACES.items()):
        left = x + index * (size + gap)
        canvas.paste(left, y, size, size, moment.faces.get(name))
        read = used is Modality[name.upper()]
        ink = MODALITY_INKS[used] if read else FAINT
        if read:
            cv2.rectangle(
                canvas.image, (left, y), (left + size - 1, y + size - 1), ink, 3, cv2.LINE_4
            )
        canvas.text(left, y + size + 20, words, 13, ink, bold=read)


def _draw_reading(canvas: Canvas, x: int, y: int, width: int, reading: Reading | None) -> None:
    """Draw the expression in words and the probability of each category as a bar."""
    if reading is None:
        canvas.text(x, y + 24, 'no face', 26, FAINT, bold=True)
        return
    ink = LABEL_INKS.get(reading.label, FAINT)
    written = canvas.text(x, y + 24, reading.label, 28, ink, bold=True)
    canvas.text(x + written + 12, y + 24, f'{reading.confidence:.0%}', 24, INK)
    canvas.text(
        x + width,
        y + 12,
        f'read from the {reading.modality.name.lower()} image',
        14,
        MODALITY_INKS[reading.modality],
        bold=True,
        align='right',
    )
    facts = [f'{1e3 * reading.latency:.0f} ms']
    if np.isfinite(reading.distance):
        facts.insert(0, f'{reading.distance:.2f} m')
    if np.isfinite(reading.illumination):
        facts.insert(0, f'face light {reading.illumination:.0%}')
    canvas.text(x + width, y + 31, '  ·  '.join(facts), 13, FAINT, align='right')
    for index, (label, probability) in enumerate(zip(LABELS, reading.probabilities, strict=True)):
        top = y + 50 + 24 * index
        strong = label == reading.label
        canvas.text(x, top + 12, label, 14, INK if strong else FAINT, bold=strong)
        bar = width - 150
        canvas.fill(x + 92, top, bar, 13, GROOVE)
        canvas.fill(x + 92, top, max(2.0, bar * float(probability)), 13, LABEL_INKS[label])
        percent = f'{probability:.0%}'
        canvas.text(x + width, top + 12, percent, 13, INK if strong else FAINT, align='right')
