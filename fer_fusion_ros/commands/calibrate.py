"""Calibrate the lenses together, from a recording of a chessboard that all of them see.

Print a board by laser (black of many inkjets does not show in infrared), glue it to something
flat, and hold it still for a second each in 20 places or more: near and far, tilted to all sides,
also in the corners of the picture. Record all lenses meanwhile: to a bag, to videos, or to
folders of images with the same names; `fer_fusion analyze --help` tells how these are named.
What comes out, <lens>.yaml in the format of camera_info_manager, is for `camera_info_url`,
for the driver of a camera, or for `fer_fusion analyze --calibration`.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np

from fer_fusion_ros.analysis import Recording
from fer_fusion_ros.analysis.recording import Moment
from fer_fusion_ros.commands._options import make_folder, positive
from fer_fusion_ros.commands._source import add_source_arguments, open_recording
from fer_fusion_ros.exceptions import CalibrationError, RecordingError
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.registration.calibrate import calibrate
from fer_fusion_ros.registration.chessboard import Chessboard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of this verb."""
    add_source_arguments(parser)
    parser.add_argument(
        '--board',
        type=_size,
        required=True,
        metavar='COLUMNSxROWS',
        help='its inner corners, where four squares meet: 9x6 for 10 by 7 squares',
    )
    parser.add_argument(
        '--square', type=positive, required=True, metavar='METRES', help='side of a square'
    )
    parser.add_argument(
        '--every',
        type=positive,
        default=0.3,
        metavar='SECONDS',
        help='look at a moment of a bag or of videos so often; default: %(default)s',
    )
    parser.add_argument(
        '--output', type=Path, default=Path('out/calibration'), help='folder; default: %(default)s'
    )


def main(args: argparse.Namespace) -> int:
    """Find the board, calibrate, write the files and print what they rest on."""
    board = Chessboard(*args.board, args.square)
    recording = open_recording(args)
    output = make_folder(args.output)
    try:
        views, sizes = _look(recording, board, args.every)
    finally:
        for remark in recording.remarks():
            print(remark, file=sys.stderr)
    results, remarks = calibrate(views, sizes, board)
    for path in [output / f'{lens}.yaml' for lens in LENSES if lens not in results]:
        if path.exists():
            remarks.append(f'{path} is of another calibration: do not use it beside these')
    print(f'{"lens":10} views  error (px)  place (mm): right, down, ahead')
    for lens, result in results.items():
        place = ' '.join(f'{millimetres:8.1f}' for millimetres in result.place * 1e3)
        print(f'{lens:10} {result.views:5}  {result.error:10.2f}  {place}')
        result.model.to_yaml(output / f'{lens}.yaml')
    for remark in remarks:
        print(remark, file=sys.stderr)
    url = f"'file://{quote(str(output.resolve()))}/{{lens}}.yaml'"
    print(f'{output.resolve()}: give it as camera_info_url: {url}')
    return 0


def _look(
    recording: Recording, board: Chessboard, every: float
) -> tuple[list[dict[str, np.ndarray]], dict[str, tuple[int, int]]]:
    """Return the corners that each lens saw at each moment, and the sizes of the images."""
    views: list[dict[str, np.ndarray]] = []
    sizes: dict[str, tuple[int, int]] = {}
    last = None
    for moment in _whole(recording):
        now = moment.frame_set.stamp_ns
        if not recording.stills and last is not None and 0 <= now - last < every * 1e9:
            continue
        last = now
        view = {}
        for lens, frame in moment.frame_set.frames.items():
            height, width = frame.image.shape[:2]
            if sizes.setdefault(lens, (width, height)) != (width, height):
                raise CalibrationError(
                    f'{moment.name}: the image of {lens} is {width}x{height}, those before it '
                    f'{"x".join(map(str, sizes[lens]))}; record with one size'
                )
            corners = board.find(frame.image)
            if corners is not None:
                view[lens] = corners
        views.append(view)
        if len(views) % 20 == 0:
            seen = Counter(lens for each in views for lens in each)
            found = ', '.join(f'{lens} {seen[lens]}' for lens in sizes)
            print(f'{len(views)} moments, the board in: {found}', flush=True)
    for lens in recording.lenses:
        if lens not in sizes:
            raise CalibrationError(f'{lens}: no image is readable; leave it out by --lenses')
    return views, sizes


def _whole(recording: Recording) -> Iterator[Moment]:
    """Return the moments before the recording's first damage, which is told."""
    try:
        yield from recording
    except RecordingError as error:
        print(f'{error}; going on with what was read until then', file=sys.stderr)


def _size(word: str) -> tuple[int, int]:
    match = re.fullmatch(r'(\d+)[xX×](\d+)', word)
    if not match:
        raise argparse.ArgumentTypeError(f'{word} is given; it must be like 9x6')
    return int(match[1]), int(match[2])
