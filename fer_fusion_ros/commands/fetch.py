"""Fetch the YuNet face detector and check that it is the right file.

The default detector (Haar) needs no file. YuNet also sees faces in profile or partly covered;
set the parameter `detector` to `yunet` and `detector_model` to the path that this prints.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import os
import urllib.request
from pathlib import Path

from fer_fusion_ros.commands._options import make_folder
from fer_fusion_ros.exceptions import ConfigurationError, DownloadError

NAME = 'face_detection_yunet_2023mar.onnx'
URL = (
    'https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/'
    'face_detection_yunet_2023mar.onnx'
)
SHA256 = '8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4'


def default_folder() -> Path:
    """
    Return the folder for fetched models in the user's cache.

    :raises ConfigurationError: The user has no home.
    """
    try:
        cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    except RuntimeError as error:
        raise ConfigurationError(
            'this user has no home folder to keep models in; name a folder with --to FOLDER'
        ) from error
    return Path(cache) / 'fer_fusion_ros'


def fetch(source: str, folder: Path) -> Path:
    """
    Copy YuNet's model from a URL or file into a folder, once its checksum is right.

    :param source: An http(s) or file URL, or a path.
    :param folder: Made when missing. A right file that is already there is kept.
    :return: The model's path.
    :raises DownloadError: The source cannot be read, or is not that model.
    :raises ConfigurationError: The folder cannot be written to.
    """
    target = folder / NAME
    if target.is_file() and _checksum(target.read_bytes()) == SHA256:
        return target
    try:
        url = source if '://' in source else Path(source).expanduser().resolve().as_uri()
        with urllib.request.urlopen(url, timeout=60) as answer:
            data = answer.read()
    # A path may name a user that there is not, or hold a NUL; a URL may be malformed.
    except (OSError, http.client.HTTPException, RuntimeError, ValueError) as error:
        raise DownloadError(
            f'cannot read {source} ({error}): get {NAME} from opencv/opencv_zoo by other means '
            f'and run `fer_fusion fetch PATH`'
        ) from error
    if _checksum(data) != SHA256:
        raise DownloadError(
            f'{source} is not {NAME}: its SHA-256 is {_checksum(data)}, not {SHA256}; '
            'take the file of that name from opencv/opencv_zoo (not its Git LFS pointer)'
        )
    make_folder(folder)
    partial = target.with_suffix('.part')
    partial.write_bytes(data)
    partial.replace(target)
    return target


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of this verb."""
    parser.add_argument(
        'source', nargs='?', default=URL, help='URL or path of the model; default: %(default)s'
    )
    parser.add_argument(
        '--to',
        type=Path,
        metavar='FOLDER',
        help='default: fer_fusion_ros in $XDG_CACHE_HOME, or in ~/.cache',
    )


def main(args: argparse.Namespace) -> int:
    """Fetch the model and print its path."""
    print(fetch(args.source, args.to or default_folder()))
    return 0
