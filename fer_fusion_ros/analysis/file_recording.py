"""Images, folders of images, or videos in place of the lenses."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2

from fer_fusion_ros.analysis.recording import Moment, Recording
from fer_fusion_ros.analysis.synchronise import TOLERANCE, Moments
from fer_fusion_ros.exceptions import RecordingError
from fer_fusion_ros.image_files import SUFFIXES, image_files
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, is_infrared, optical_frame
from fer_fusion_ros.synchronisation.frame_set import Frame, FrameSet

VIDEO_SUFFIXES = {'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpg', '.webm'}
ALIASES = {'ir': 'ir_left', 'vis': 'vis_left'}
"""What a single pair may be called."""


class FileRecording(Recording):
    """
    Read one image, folder of images or video for each lens.

    Images of the same name belong together, and a moment may lack some of the lenses, also those
    whose images are unreadable (`remarks` names them). Where the lenses have equally many and
    share less than half of the names, the others at the same place in the order of names do.
    Videos play at their own rates and are put together by time.

    :param sources: Path of each lens's file or folder; at least one lens.
    :param models: Calibration of the lenses that have one.
    :param rate: Images per second of folders; 0 when their images are unrelated.
    :param tolerance: Images of videos whose times differ by less belong together, in seconds.
    :raises RecordingError: A path is missing, empty or of another kind than the others.
    """

    def __init__(
        self,
        sources: Mapping[str, Path],
        models: Mapping[str, CameraModel] | None = None,
        rate: float = 0.0,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.lenses = list(sources)
        self._models = dict(models or {})
        self._rate = rate
        self._tolerance = tolerance
        self._remarks: list[str] = []
        for lens, path in sources.items():
            if not path.exists():
                raise RecordingError(f'{path}, given for {lens}, does not exist')
        self._videos = {
            lens: path for lens, path in sources.items() if path.suffix.lower() in VIDEO_SUFFIXES
        }
        if self._videos and len(self._videos) != len(sources):
            raise RecordingError(
                f'only {", ".join(self._videos)} is a video: give a video for each lens, or '
                'images for each'
            )
        self._images: list[dict[str, Path]] = []
        if not self._videos:
            self._images = _match({lens: _list_images(path) for lens, path in sources.items()})
        self.stills = not self._videos and not rate

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        models: Mapping[str, CameraModel] | None = None,
        rate: float = 0.0,
        tolerance: float = TOLERANCE,
        lenses: Sequence[str] = LENSES,
    ) -> FileRecording:
        """
        Read a folder with a file or folder for each lens, named after it.

        `ir` and `vis` will do for a single pair.

        :param lenses: Use these alone.

        :raises RecordingError: It has none.
        """
        sources = {}
        for path in sorted(folder.iterdir()):
            lens = ALIASES.get(path.stem, path.stem)
            known = path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES.union(SUFFIXES)
            if lens in lenses and known:
                sources[lens] = path
        if not sources:
            files = [path for path in folder.iterdir() if path.suffix in ('.mcap', '.db3')]
            if files:
                raise RecordingError(
                    f'{folder} holds {files[0].name}, but no metadata.yaml, as when recording was '
                    f'broken off: run `ros2 bag reindex {folder}`, or give the file itself'
                )
            raise RecordingError(
                f'{folder} is no bag and names no lens: it needs a folder, video or image called '
                f'{", ".join(lenses)} (or ir and vis), or name each one with --vis-left PATH …'
            )
        return cls(sources, models, rate, tolerance)

    def models(self) -> Mapping[str, CameraModel]:
        """Return the calibration given."""
        return self._models

    def __iter__(self) -> Iterator[Moment]:
        """Read the images or videos anew."""
        self._remarks = []
        return self._play_videos() if self._videos else self._read_images()

    def _read_images(self) -> Iterator[Moment]:
        period = 1e9 / (self._rate or 1.0)
        for index, files in enumerate(self._images):
            stamp = round(index * period)
            frames = []
            for lens, path in files.items():
                flags = cv2.IMREAD_GRAYSCALE if is_infrared(lens) else cv2.IMREAD_COLOR
                image = cv2.imread(str(path), flags)
                if image is None:
                    self._remarks.append(
                        f'{path} cannot be read as an image; convert or remove it'
                    )
                else:
                    frames.append(Frame(lens, stamp, image, optical_frame(lens)))
            if frames:
                name = next(reversed(files.values())).name
                yield Moment(name, FrameSet.of(*frames))
        if len(self._remarks) == sum(map(len, self._images)):
            raise RecordingError(f'no image is readable; {self._remarks[0]}')

    def remarks(self) -> list[str]:
        """Return which images were left out, and which videos end early."""
        return self._remarks

    def _play_videos(self) -> Iterator[Moment]:
        streams = [self._play(lens, path) for lens, path in self._videos.items()]
        frames = heapq.merge(*streams, key=lambda frame: frame.stamp_ns)
        moments = Moments(self.lenses, self._tolerance)
        for frame_set in moments.of(frames):
            yield Moment(f'{frame_set.stamp_ns * 1e-9:.3f} s', frame_set)
        self._remarks += moments.remarks()

    def _play(self, lens: str, path: Path) -> Iterator[Frame]:
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
        # Some containers tell their length by duration and rate alone.
        promised = video.get(cv2.CAP_PROP_FRAME_COUNT)
        if index < 0.9 * promised:
            self._remarks.append(
                f'{path}: only {index} of about {promised:.0f} images can be decoded; '
                'record or convert it again'
            )
        video.release()


def _list_images(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    images = image_files(path)
    if not images:
        raise RecordingError(f'{path} holds no image ({", ".join(SUFFIXES)})')
    return images


def _match(images: Mapping[str, list[Path]]) -> list[dict[str, Path]]:
    """Put images together by name, or where most names differ by what is left of their order."""
    by_name = {lens: {file.stem: file for file in files} for lens, files in images.items()}
    counts = Counter(name for names in by_name.values() for name in names)
    shared = {name for name, count in counts.items() if count == len(images)}
    rest = [[file for file in files if file.stem not in shared] for files in images.values()]
    if len({len(files) for files in rest}) == 1 and len(shared) < len(rest[0]):
        # A few equal names (`test`) among ir_0, … and vis_0, … say nothing of the others.
        moments = [{lens: names[name] for lens, names in by_name.items()} for name in shared]
        moments += [dict(zip(images, files, strict=True)) for files in zip(*rest, strict=True)]
        first, files = next(iter(images.items()))
        return sorted(moments, key=lambda moment: files.index(moment[first]))
    if not shared and max(counts.values()) == 1:
        lengths = {lens: len(files) for lens, files in images.items()}
        raise RecordingError(
            f'cannot tell which images belong together: no name is shared, and there are {lengths}'
            '; give those of one moment the same name'
        )
    return [
        {lens: names[name] for lens, names in by_name.items() if name in names}
        for name in sorted(counts)
    ]
