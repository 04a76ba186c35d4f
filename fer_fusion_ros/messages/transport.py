"""How images travel between processes: a shared-memory segment that holds a few of them."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

# Fast DDS renamed its variable in version 3, which Kilted brought.
_OLD_VARIABLE = 'FASTRTPS_DEFAULT_PROFILES_FILE'
_NEW_VARIABLE = 'FASTDDS_DEFAULT_PROFILES_FILE'
_OLD_DISTRIBUTIONS = {'humble', 'iron', 'jazzy'}


def profile_path() -> Path | None:
    """Return the installed Fast DDS profile (else the source tree's), or None."""
    candidates = [Path(__file__).resolve().parent.parent.parent / 'config']
    try:
        from ament_index_python import PackageNotFoundError, get_package_share_directory
    except ImportError:
        pass
    else:
        try:
            share = get_package_share_directory('fer_fusion_ros')
            candidates.insert(0, Path(share) / 'config')
        except (PackageNotFoundError, OSError):  # OSError: no prefix path is set
            pass
    paths = (folder / 'fastdds.xml' for folder in candidates)
    return next((path for path in paths if path.is_file()), None)


def use_shared_memory_profile(environ: MutableMapping[str, str] = os.environ) -> bool:
    """
    Let Fast DDS use this package's profile, unless the user has chosen one.

    Call it before `rclpy.init`, or on the environment of a node to start. Other middlewares do
    not read the variable.

    :param environ: The environment to change, by default the process's own.
    :return: Whether the profile was set.
    """
    if environ.get(_OLD_VARIABLE) or environ.get(_NEW_VARIABLE):
        return False
    path = profile_path()
    if path is None:
        return False
    distribution = environ.get('ROS_DISTRO') or os.environ.get('ROS_DISTRO', 'jazzy')
    old = distribution in _OLD_DISTRIBUTIONS
    environ[_OLD_VARIABLE if old else _NEW_VARIABLE] = str(path)
    return True


if __name__ == '__main__':
    # For a shell: export $(python -m fer_fusion_ros.messages.transport)
    settings = dict(os.environ)
    use_shared_memory_profile(settings)
    chosen = {name: settings[name] for name in (_OLD_VARIABLE, _NEW_VARIABLE) if name in settings}
    print(*(f'{name}={value}' for name, value in chosen.items()))
