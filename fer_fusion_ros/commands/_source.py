"""The recording that a verb reads: its options, and how it is opened."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from fer_fusion_ros.analysis import BagRecording, FileRecording, Recording
from fer_fusion_ros.analysis.bag_recording import is_bag
from fer_fusion_ros.analysis.synchronise import TOLERANCE
from fer_fusion_ros.commands._options import positive
from fer_fusion_ros.exceptions import RecordingError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `open_recording` reads."""
    parser.add_argument('source', nargs='?', type=Path, help='a bag, or a folder (see above)')
    for lens in LENSES:
        parser.add_argument(
            f'--{lens.replace("_", "-")}', type=Path, metavar='PATH', help=f'what {lens} saw'
        )
    parser.add_argument(
        '--lenses',
        nargs='+',
        choices=LENSES,
        default=LENSES,
        metavar='LENS',
        help='use these alone; default: all that are there',
    )
    parser.add_argument(
        '--tolerance',
        type=positive,
        default=TOLERANCE,
        metavar='SECONDS',
        help='images in a bag or in videos whose stamps differ by less belong together; '
        'default: %(default)s',
    )
    parser.add_argument(
        '--topic',
        action='append',
        default=[],
        metavar='LENS=TOPIC',
        help='image topic of a lens in the bag, where it is not …/<lens>/image_raw',
    )


def open_recording(
    args: argparse.Namespace, models: Mapping[str, CameraModel] | None = None, rate: float = 0.0
) -> Recording:
    """
    Open the recording that the arguments name.

    :param models: calibration of the lenses that have one; replaces that in a bag.
    :param rate: images per second of folders of images; 0 when they are unrelated.
    :raises RecordingError: if there is none, or the arguments do not fit together.
    """
    given = {lens: getattr(args, lens) for lens in args.lenses if getattr(args, lens)}
    if bool(given) == bool(args.source):
        raise RecordingError(
            'give either one source, before --lenses, or the path of each of these lenses '
            '(--vis-left PATH …)'
        )
    bag = not given and is_bag(args.source)
    if args.topic and not bag:
        raise RecordingError('--topic names the topics of a bag: leave it out, or give a bag')
    if rate and bag:
        raise RecordingError('a bag tells when its images were taken: leave out --rate')
    if given:
        return FileRecording(given, models, rate, args.tolerance)
    if bag:
        topics = dict(_topic(word) for word in args.topic)
        return BagRecording(args.source, topics, models, args.tolerance, args.lenses)
    if not args.source.is_dir():
        raise RecordingError(f'{args.source} is neither a bag nor a folder')
    return FileRecording.from_folder(args.source, models, rate, args.tolerance, args.lenses)


def _topic(word: str) -> tuple[str, str]:
    lens, _, topic = word.partition('=')
    if lens not in LENSES or not topic:
        raise RecordingError(f'--topic takes LENS=TOPIC, LENS of {", ".join(LENSES)}; not {word}')
    return lens, topic
