"""Images, folders of images, or videos in place of the lenses."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2

from fer_fusion_ros.analysis.recording import Moment, Recording
from fer_fusion_ros.analysis.synchronise import TOLERANCE, Moments
from fer_fusion_ros.exceptions import DataError, RecordingError
from fer_fusion_ros.image_files import SUFFIXES, by_number, image_files, is_utf8, read_image
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, is_infrared, optical_frame
from fer_fusion_ros.synchronisation.frame_set import Frame, FrameSet

VIDEO_SUFFIXES = {'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpg', '.webm'}
ALIASES = {'ir': 'ir_left', 'vis': 'vis_left'}
"""What a single pair may be called."""

_NAMED = 10
"""So many images that are left out are named one by one."""


class FileRecording(Recording):
    """
    Read one image, folder of images or video for each lens.

    Images of the same name belong together, and a moment may lack some of the lenses, also those
    whose images are unreadable (`remarks` names them). Where the lenses have equally many and
    share less than half of the names, the others at the same place in the order of names do, and
    `remarks` says so. Videos are put together by the times that they tell of their frames (of MP4
    only from OpenCV 4.7 on).

    :param sources: Path of each lens's file or folder; at least one lens.
    :param models: Calibration of the lenses that have one.
    :param rate: Images per second of folders; 0 when their images are unrelated.
    :param tolerance: Images of videos whose times differ by less belong together, in seconds.
    :raises RecordingError: A path is missing, empty or of another kind than the others; videos
        are given a rate; two images of a lens have the same name.
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
        self._notes: list[str] = []
        self._refused: list[str] = []
        self._remarks: list[str] = []
        for lens, path in sources.items():
            if not path.exists():
                raise RecordingError(f'{path}, given for {lens}, does not exist')
        self._videos = {
            lens: path
            for lens, path in sources.items()
            if path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir()
        }
        if self._videos and len(self._videos) != len(sources):
            raise RecordingError(
                f'only {", ".join(self._videos)} is a video: give a video for each lens, or '
                'images for each'
            )
        for path in self._videos.values():
            if not is_utf8(path):
                raise RecordingError(f'{path}: the name is not UTF-8; rename it')
        if self._videos and rate:
            raise RecordingError('videos play at their own rates: leave out --rate')
        self._images: list[dict[str, Path]] = []
        if not self._videos:
            self._images = self._match(
                {lens: self._list_images(path) for lens, path in sources.items()}
            )
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

        :raises RecordingError: It has none, or two for one lens.
        """
        sources: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            # What follows a dot in a folder's name is no suffix: vis_left.old is no lens.
            name = path.name if path.is_dir() else path.stem
            lens = ALIASES.get(name, name)
            known = path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES.union(SUFFIXES)
            if lens not in lenses or not known:
                continue
            if lens in sources:
                raise RecordingError(
                    f'{sources[lens]} and {path} both stand for {lens}; rename or remove one'
                )
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
        self._refused, self._remarks = [], []
        return self._play_videos() if self._videos else self._read_images()

    def _read_images(self) -> Iterator[Moment]:
        period = 1e9 / (self._rate or 1.0)
        for index, files in enumerate(self._images):
            stamp = round(index * period)
            frames = []
            for lens, path in files.items():
                flags = cv2.IMREAD_GRAYSCALE if is_infrared(lens) else cv2.IMREAD_COLOR
                try:
                    image = read_image(path, flags)
                except DataError as error:
                    self._refused.append(str(error))
                else:
                    frames.append(Frame(lens, stamp, image, optical_frame(lens)))
            if frames:
                name = next(reversed(files.values())).name
                yield Moment(name, FrameSet.of(*frames))
        if len(self._refused) == sum(map(len, self._images)):
            raise RecordingError(f'no image can be used; {self._refused[0]}')

    def remarks(self) -> list[str]:
        """Return what was left out, which videos end early, and where the order decided."""
        more = len(self._refused) - _NAMED
        rest = [f'{more} more images are left out for such reasons'] if more > 0 else []
        return [*self._notes, *self._refused[:_NAMED], *rest, *self._remarks]

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
            cure = 'convert it to MP4'
            if path.suffix.lower() == '.mp4':
                cure = 'it is damaged or was cut off, or else convert it to H.264'
            raise RecordingError(f'{path} cannot be played; {cure}')
        period = 1e9 / (video.get(cv2.CAP_PROP_FPS) or 30.0)
        count, stamp = 0, -period
        while True:
            done, image = video.read()
            if not done:
                break
            if is_infrared(lens):
                image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            # A rate says nothing of dropped frames. Some containers tell no time of some frames.
            told = video.get(cv2.CAP_PROP_POS_MSEC) * 1e6
            stamp = told if told > stamp else stamp + period
            yield Frame(lens, round(stamp), image, optical_frame(lens))
            count += 1
        # Some containers tell their length by duration and rate alone.
        promised = video.get(cv2.CAP_PROP_FRAME_COUNT)
        if stamp + period < 0.9 * promised * period:
            self._remarks.append(
                f'{path}: only {count} of about {promised:.0f} images can be decoded; '
                'record or convert it again'
            )
        video.release()

    def _list_images(self, path: Path) -> list[Path]:
        if not path.is_dir():
            return [path]
        images = image_files(path)
        if not images:
            raise RecordingError(f'{path} holds no image ({", ".join(SUFFIXES)})')
        others = {file for file in path.iterdir() if not file.name.startswith('.')}.difference(
            images
        )
        if others:
            self._notes.append(
                f'{path}: {len(others)} files or folders are left out that are no images '
                f'({", ".join(SUFFIXES)}), such as {min(others).name}; convert it if it is one'
            )
        return images

    def _match(self, images: Mapping[str, list[Path]]) -> list[dict[str, Path]]:
        """Put images together by name, or where most names differ by the order of the others."""
        if len(images) == 1:
            return [{lens: file} for lens, files in images.items() for file in files]
        by_name = {lens: _by_name(files) for lens, files in images.items()}
        counts = Counter(name for names in by_name.values() for name in names)
        shared = {name for name, count in counts.items() if count == len(images)}
        rest = [[file for file in files if file.stem not in shared] for files in images.values()]
        if len({len(files) for files in rest}) == 1 and len(shared) < len(rest[0]):
            # A few equal names (`test`) among ir_0, … and vis_0, … say nothing of the others.
            moments = [{lens: names[name] for lens, names in by_name.items()} for name in shared]
            moments += [dict(zip(images, files, strict=True)) for files in zip(*rest, strict=True)]
            if len(rest[0]) > 1:
                pair = ' and '.join(files[0].name for files in rest)
                self._notes.append(
                    f'{len(rest[0])} images of each lens share no name and are put together by '
                    f'their order, {pair} first; give those of one moment the same name if that '
                    'is wrong'
                )
            first, files = next(iter(images.items()))
            return sorted(moments, key=lambda moment: files.index(moment[first]))
        if not shared and max(counts.values()) == 1:
            lengths = {lens: len(files) for lens, files in images.items()}
            raise RecordingError(
                f'cannot tell which images belong together: no name is shared, and there are '
                f'{lengths}; give those of one moment the same name'
            )
        return [
            {lens: names[name] for lens, names in by_name.items() if name in names}
            for name in sorted(counts, key=by_number)
        ]


def _by_name(files: list[Path]) -> dict[str, Path]:
    names: dict[str, Path] = {}
    for file in files:
        if file.stem in names:
            raise RecordingError(
                f'{names[file.stem]} and {file} have the same name, so that either may belong '
                "with the other lenses' images of that name; rename or remove one"
            )
        names[file.stem] = file
    return names
