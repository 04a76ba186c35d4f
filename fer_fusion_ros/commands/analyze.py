"""Read the expressions in images, videos or a bag, to a table (CSV) and a plot (PNG).

Give a bag; a folder that holds an image, a folder of images or a video for each lens, named
after it (ir_left, vis_left, …; ir and vis for a single pair); or name each lens's with --vis-left
PATH and so on. Images of the same name belong together; where most names differ and the lenses
have equally many, those at the same place in their order (f2 before f10). Whatever ends it early
(Ctrl-C, SIGTERM, SIGHUP, damage within a file), what was read until then is kept.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from fer_fusion_ros.analysis import Reading, Recording, analyze, write_table
from fer_fusion_ros.analysis.plot import check_plotting, write_plot
from fer_fusion_ros.commands._options import make_folder, positive
from fer_fusion_ros.commands._source import add_source_arguments, open_recording
from fer_fusion_ros.exceptions import RecordingError
from fer_fusion_ros.expression.labels import label_of
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, optical_frame
from fer_fusion_ros.pipeline.settings import CHOICES, DESCRIPTIONS, PipelineSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of this verb."""
    add_source_arguments(parser)
    parser.add_argument(
        '--calibration',
        type=Path,
        metavar='FOLDER',
        help='holds <lens>.yaml as camera_info_manager writes it; replaces that in a bag',
    )
    parser.add_argument(
        '--rate',
        type=positive,
        default=0.0,
        help='images per second of folders of images; without it their images are unrelated',
    )
    parser.add_argument(
        '--output', type=Path, default=Path('out/analysis'), help='folder; default: %(default)s'
    )
    settings = parser.add_argument_group('pipeline', 'the parameters of the pipeline node')
    for field in fields(PipelineSettings):
        settings.add_argument(
            f'--{field.name.replace("_", "-")}',
            type=type(field.default),
            default=field.default,
            choices=CHOICES.get(field.name),
            help=f'{DESCRIPTIONS[field.name]}; default: %(default)r',
        )


def main(args: argparse.Namespace) -> int:
    """Analyse the recording; print what was found and where it is."""
    settings = {field.name: getattr(args, field.name) for field in fields(PipelineSettings)}
    models = _read_models(args.calibration) if args.calibration else {}
    recording = open_recording(args, models, args.rate)
    output = make_folder(args.output)
    check_plotting()
    with _signals_exit():
        return _run(recording, PipelineSettings(**settings), output)


def _run(recording: Recording, settings: PipelineSettings, output: Path) -> int:
    readings: list[Reading] = []
    try:
        for reading in analyze(recording, settings):
            readings.append(reading)
            if len(readings) % 100 == 0:
                print(f'{len(readings)} moments, at {reading.name}', flush=True)
    except (Exception, KeyboardInterrupt, SystemExit):
        if readings:
            _save(readings, recording, output)
            print(f'Ended early: this is what was read up to {readings[-1].name}')
        raise
    finally:
        for remark in recording.remarks():
            print(remark, file=sys.stderr)
    _save(readings, recording, output)
    return 0


@contextmanager
def _signals_exit() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit, unless they are ignored (nohup) or handled."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    # Windows has no SIGHUP.
    numbers = {signal.SIGTERM, getattr(signal, 'SIGHUP', signal.SIGTERM)}
    ours = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _save(readings: Sequence[Reading], recording: Recording, output: Path) -> None:
    """Write the table and the plot, and print what is in them."""
    table, plot = output / 'expressions.csv', output / 'expressions.png'
    try:
        write_table(readings, table)
        write_plot(readings, plot, recording.stills)
    except OSError as error:
        error.filename = error.filename or str(output)  # a full disk does not tell it
        raise
    seen = sum(bool(reading.faces) for reading in readings)
    labels = Counter(label_of(face.category) for reading in readings for face in reading.faces)
    print(f'{len(readings)} moments, {seen} with a face')
    for label, count in labels.most_common():
        print(f'  {label:10}{count:6}')
    for lens in recording.lenses:
        lacking = sum(lens not in reading.lenses for reading in readings)
        if lacking:
            print(f'{lacking} of them without an image of {lens}')
    print(f'{table}\n{plot}')


def _read_models(folder: Path) -> dict[str, CameraModel]:
    if folder.is_file():
        raise RecordingError(
            f'{folder} is a file; give its folder as --calibration, and name it as the lens, such '
            f'as {LENSES[0]}.yaml'
        )
    paths = {lens: folder / f'{lens}.yaml' for lens in LENSES}
    models = {
        lens: CameraModel.from_yaml(path, frame_id=optical_frame(lens))
        for lens, path in paths.items()
        if path.is_file()
    }
    if not models:
        raise RecordingError(f"{folder} holds no {LENSES[0]}.yaml or another lens's")
    return models
