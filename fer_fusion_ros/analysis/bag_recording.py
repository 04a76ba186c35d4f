"""A rosbag2 bag in place of the lenses; needs no ROS."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_fusion_ros.analysis.recording import Moment, Recording
from fer_fusion_ros.analysis.synchronise import TOLERANCE, Moments
from fer_fusion_ros.exceptions import FerFusionError, RecordingError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.messages.camera_info import camera_info_to_model
from fer_fusion_ros.messages.frames import read_images
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.synchronisation.frame_set import Frame

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

_RECOVER = {
    '.mcap': '`mcap recover {} -o recovered.mcap`',
    # Not `.recover`, which the sqlite3 of Debian and Ubuntu cannot do.
    '.db3': "`sqlite3 {} .dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 recovered.db3`",
}
"""What saves the messages that are whole in a damaged file, by its suffix."""

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')


def is_bag(path: Path) -> bool:
    """Return whether a path is a rosbag2 folder or one of its files."""
    return (path / 'metadata.yaml').is_file() or path.suffix in _RECOVER


class BagRecording(Recording):
    """
    Read the lenses' images and calibration from a bag (mcap or sqlite3).

    A moment lacks the lenses whose images are unreadable, and is left out where a whole message
    is; `remarks` counts them.

    :param path: The bag's folder, or its one file.
    :param topics: Image topic of the lenses that are not `…/<lens>/image_raw`.
    :param models: Calibration that replaces the bag's `camera_info`, by lens.
    :param tolerance: Images whose stamps differ by less belong together, in seconds.
    :param lenses: Use these alone.
    :raises RecordingError: It cannot be read, or holds no lens.
    """

    def __init__(
        self,
        path: Path,
        topics: Mapping[str, str] | None = None,
        models: Mapping[str, CameraModel] | None = None,
        tolerance: float = TOLERANCE,
        lenses: Sequence[str] = LENSES,
    ) -> None:
        if not path.exists():
            raise RecordingError(f'{path} does not exist')
        self._path = path
        self._tolerance = tolerance
        self._refused: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._bad_infos: dict[str, str] = {}
        self._models = dict(models or {})
        with self._open() as reader:
            self._topics = _find_topics(reader, topics or {}, lenses)
            if not self._topics:
                images = [c.topic for c in reader.connections if c.msgtype in IMAGE_TYPES]
                raise RecordingError(
                    f'{path} holds no topic like …/{lenses[0]}/image_raw; name its image topics '
                    f'with --topic LENS=TOPIC, of {images or "which it has none"}'
                )
            self.lenses = list(self._topics)
            self._moments = Moments(self.lenses, tolerance)
            self._read_models(reader)

    def models(self) -> Mapping[str, CameraModel]:
        """Return the calibration in the bag, or given."""
        return self._models

    def __iter__(self) -> Iterator[Moment]:
        """Read the bag anew."""
        self._refused.clear()
        self._reasons.clear()
        self._moments = Moments(self.lenses, self._tolerance)
        readable = False
        with self._open() as reader:
            for frame_set in self._moments.of(self._read(reader)):
                frame_set = read_images(frame_set, self._refuse_image)
                if frame_set.frames:
                    readable = True
                    yield Moment(f'{frame_set.stamp_ns * 1e-9:.3f} s', frame_set)
        if not readable:
            reason = next(iter(self._reasons.values()))
            raise RecordingError(f'{self._path}: no image is readable; {reason}')

    def remarks(self) -> list[str]:
        """Return what was refused of each topic, and the first reason."""
        infos = [f'{topic}: {reason}' for topic, reason in self._bad_infos.items()]
        refused = [
            f'images of {topic} refused: {count}; first reason: {self._reasons[topic]}'
            for topic, count in self._refused.items()
        ]
        return infos + refused + self._moments.remarks()

    def _read(self, reader: AnyReader) -> Iterator[Frame]:
        """Yield the images as messages."""
        from rosbags.highlevel import AnyReaderError

        lens_of = {topic: lens for lens, topic in self._topics.items()}
        connections = [c for c in reader.connections if c.topic in lens_of]
        for connection, _, data in self._messages(reader, connections):
            try:
                message = reader.deserialize(data, connection.msgtype)
            except AnyReaderError as error:
                self._refuse(connection.topic, error)
                continue
            header = message.header
            lens = lens_of[connection.topic]
            yield Frame(lens, stamp_to_ns(header.stamp), message, header.frame_id)

    def _messages(self, reader: AnyReader, connections: list) -> Iterator[tuple[Any, int, bytes]]:
        try:
            yield from reader.messages(connections)
        except Exception as error:  # damaged bytes make rosbags raise errors of any kind
            raise RecordingError(
                f'{self._path} is damaged and cannot be read further ({error}); '
                f'{_cure(self._path, _files(self._path))}'
            ) from error

    def _refuse_image(self, lens: str, reason: Exception) -> None:
        self._refuse(self._topics[lens], reason)

    def _refuse(self, topic: str, reason: Exception) -> None:
        self._refused[topic] += 1
        self._reasons.setdefault(topic, str(reason))

    @contextmanager
    def _open(self) -> Iterator[AnyReader]:
        try:
            from rosbags.highlevel import AnyReader, AnyReaderError
            from rosbags.typesys import Stores, get_typestore
        except ImportError as error:
            raise RecordingError('reading bags takes `pip install rosbags`') from error
        try:
            store = get_typestore(Stores.ROS2_JAZZY)
            with AnyReader([self._path], default_typestore=store) as reader:
                yield reader
        except (AnyReaderError, OSError) as error:
            damaged = [file for file in _files(self._path) if not _opens(file)]
            raise RecordingError(
                f'{self._path} cannot be read as a bag ({error}); {_cure(self._path, damaged)}'
            ) from error

    def _read_models(self, reader: AnyReader) -> None:
        from rosbags.highlevel import AnyReaderError

        wanted = {
            f'{_base(topic)}/camera_info': lens
            for lens, topic in self._topics.items()
            if lens not in self._models
        }
        for connection in [c for c in reader.connections if c.topic in wanted]:
            for _, _, data in self._messages(reader, [connection]):
                try:
                    message = reader.deserialize(data, connection.msgtype)
                    model = camera_info_to_model(message, wanted[connection.topic])
                except (AnyReaderError, FerFusionError) as error:
                    self._bad_infos.setdefault(connection.topic, str(error))
                    continue
                if model is not None:
                    self._models[model.name] = model
                break


def _files(path: Path) -> list[Path]:
    """Return the files that hold a bag's messages."""
    return (
        [path] if path.is_file() else [f for f in sorted(path.iterdir()) if f.suffix in _RECOVER]
    )


def _opens(file: Path) -> bool:
    from rosbags.highlevel import AnyReader, AnyReaderError

    try:
        with AnyReader([file]):
            return True
    except (AnyReaderError, OSError):
        return False


def _cure(path: Path, damaged: Sequence[Path]) -> str:
    """Say what may repair a bag of which some files are damaged, or metadata.yaml if none is."""
    if not damaged:
        return f'`ros2 bag reindex {path}` may repair it'
    file = shlex.quote(str(damaged[0])) if len(damaged) == 1 else 'FILE'
    return f'{_RECOVER[damaged[0].suffix].format(file)} may save what is whole in it'


def _find_topics(
    reader: AnyReader, given: Mapping[str, str], lenses: Sequence[str]
) -> dict[str, str]:
    """Return the image topic of each lens that the bag has."""
    connections = [c for c in reader.connections if c.msgtype in IMAGE_TYPES and c.msgcount]
    topics = sorted({c.topic for c in connections})
    found = {}
    for lens, topic in given.items():
        if lens not in lenses:
            raise RecordingError(
                f'{lens} has a topic, but is none of the lenses to use, {", ".join(lenses)}; name '
                'it with --lenses too, or leave out its --topic'
            )
        there = [each for each in (topic, f'{topic}/compressed') if each in topics]
        if not there:
            raise RecordingError(
                f'the bag has no images on {topic} ({lens}), but on {", ".join(topics)}'
            )
        found[lens] = there[0]
    by_robot: dict[str, dict[str, str]] = {}
    for lens in lenses:
        for ending in (f'/{lens}/image_raw', f'/{lens}/image_raw/compressed'):
            for topic in topics:
                if lens not in given and topic.endswith(ending):
                    by_robot.setdefault(topic.removesuffix(ending), {}).setdefault(lens, topic)
    if len(by_robot) > 1:
        raise RecordingError(
            f'the bag has the lenses of {" and of ".join(sorted(by_robot))}; choose by naming the '
            'image topics of all lenses with --topic LENS=TOPIC and, with --lenses, those lenses'
        )
    for own in by_robot.values():
        found |= own
    return {lens: found[lens] for lens in LENSES if lens in found}


def _base(topic: str) -> str:
    """Return the name beside which a topic's `camera_info` stands."""
    return topic.removesuffix('/compressed').rpartition('/')[0]
