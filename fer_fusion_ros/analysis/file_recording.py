"""Images, folders of images, or videos in place of the lenses."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.analysis.recording import Moment, Recording
from fer_fusion_ros.exceptions import RecordingError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, is_infrared, optical_frame
from fer_fusion_ros.synchronisation.frame_set import Frame, FrameSet
from fer_fusion_ros.synchronisation.synchroniser import Synchroniser

IMAGE_SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.tif', '.tiff', '.webp'}
VIDEO_SUFFIXES = {'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpg', '.webm'}
ALIASES = {'ir': 'ir_left', 'vis': 'vis_left'}
"""What a single pair may be called."""


class FileRecording(Recording):
    """
    Read one image, folder of images or video for each lens.

    Images of the same name belong together, and a moment may lack some of the lenses; where no
    names are shared, those at the same place in the order of names do. Videos play at their own
    rates and are put together by time.

    :param sources: Path of each lens's file or folder; at least one lens.
    :param models: Calibration of the lenses that have one.
    :param rate: Images per second of folders; 0 when their images are unrelated.
    :raises RecordingError: A path is missing, empty or of another kind than the others.
    """

    def __init__(
        self,
        sources: Mapping[str, Path],
        models: Mapping[str, CameraModel] | None = None,
        rate: float = 0.0,
    ) -> None:
        self._models = dict(models or {})
        self._rate = rate
        for lens, path in sources.items():
            if not path.exists():
                raise RecordingError(f'{path}, given for {lens}, does not exist')
        self._videos = {
            lens: path for lens, path in sources.items() if path.suffix.lower() in VIDEO_SUFFIXES
        }
        if self._videos and len(self._videos) != len(sources):
            raise RecordingError(
                f'only {", ".join(self._videos)} is a video: give a video, or images, for all'
            )
        self._images: list[dict[str, Path]] = []
        if not self._videos:
            self._images = _match({lens: _list_images(path) for lens, path in sources.items()})
        self.stills = not self._videos and not rate

    @classmethod
    def from_folder(
        cls, folder: Path, models: Mapping[str, CameraModel] | None = None, rate: float = 0.0
    ) -> FileRecording:
        """
        Read a folder with a file or folder for each lens, named after it.

        `ir` and `vis` will do for a single pair.

        :raises RecordingError: It has none.
        """
        sources = {}
        for path in sorted(folder.iterdir()):
            lens = ALIASES.get(path.stem, path.stem)
            known = path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
            if lens in LENSES and known:
                sources[lens] = path
        if not sources:
            raise RecordingError(
                f'{folder} is no bag and names no lens: it needs a folder, video or image called '
                f'{", ".join(LENSES)} (or ir and vis), or name each one with --vis-left PATH …'
            )
        return cls(sources, models, rate)

    def models(self) -> Mapping[str, CameraModel]:
        """Return the calibration given."""
        return self._models

    def __iter__(self) -> Iterator[Moment]:
        """Read the images or videos anew."""
        return self._play_videos() if self._videos else self._read_images()

    def _read_images(self) -> Iterator[Moment]:
        period = 1e9 / (self._rate or 1.0)
        for index, files in enumerate(self._images):
            stamp = round(index * period)
            frames = [
                Frame(lens, stamp, _read_image(path, lens), optical_frame(lens))
                for lens, path in files.items()
            ]
            name = next(reversed(files.values())).name
            yield Moment(name, FrameSet.of(*frames))

    def _play_videos(self) -> Iterator[Moment]:
        streams = [_play(lens, path) for lens, path in self._videos.items()]
        synchroniser = Synchroniser(list(self._videos))
        for frame in heapq.merge(*streams, key=lambda frame: frame.stamp_ns):
            frame_set = synchroniser.add(frame)
            if frame_set is not None:
                yield Moment(f'{frame_set.stamp_ns * 1e-9:.3f} s', frame_set)


def _list_images(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    images = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        raise RecordingError(f'{path} holds no image ({", ".join(sorted(IMAGE_SUFFIXES))})')
    return images


def _match(images: Mapping[str, list[Path]]) -> list[dict[str, Path]]:
    """Put images together by name where all lenses share one, else by order, else by any name."""
    by_name = {lens: {file.stem: file for file in files} for lens, files in images.items()}
    lengths = {lens: len(files) for lens, files in images.items()}
    ordered = len(set(lengths.values())) == 1
    counts = Counter(name for names in by_name.values() for name in names)
    most = max(counts.values())
    if most == len(images) or (most > 1 and not ordered):
        return [
            {lens: names[name] for lens, names in by_name.items() if name in names}
            for name in sorted(counts)
        ]
    if not ordered:
        raise RecordingError(
            f'cannot tell which images belong together: no name is shared, and there are {lengths}'
            '; give those of one moment the same name'
        )
    return [dict(zip(images, files, strict=True)) for files in zip(*images.values(), strict=True)]


def _read_image(path: Path, lens: str) -> np.ndarray:
    flags = cv2.IMREAD_GRAYSCALE if is_infrared(lens) else cv2.IMREAD_COLOR
    image = cv2.imread(str(path), flags)
    if image is None:
        raise RecordingError(f'{path} cannot be read as an image; convert or remove it')
    return image


def _play(lens: str, path: Path) -> Iterator[Frame]:
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise RecordingError(f'{path} cannot be played; convert it to MP4')
    period = 1e9 / (video.get(cv2.CAP_PROP_FPS) or 30.0)
    index = 0
    while True:
        done, image = video.read()
        if not done:
            break
        if is_infrared(lens):
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        yield Frame(lens, round(index * period), image, optical_frame(lens))
        index += 1
    video.release()
