"""Installation of the package with colcon or pip."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'stream_infer_ros'
ROOT = Path(__file__).parent
# There is no cyclonedds wheel for Linux on aarch64 and for Python 3.14. zenoh is installed instead.
NO_DDS_WHEEL = "python_version >= '3.14' or (platform_machine == 'aarch64' and sys_platform == 'linux')"
DDS_WHEEL = "python_version < '3.14' and (platform_machine != 'aarch64' or sys_platform != 'linux')"
# xxhash computes the publisher ids of rmw_zenoh. Tested with zenoh 1.6.2, 1.7.2 and 1.10.2.
ZENOH_WHEELS = ['eclipse-zenoh>=1.6', 'xxhash>=3.0']

# TensorRT for RTX: the bindings and the libraries that they are linked to. Their versions must match.
RTX_WHEELS = [
    f"{name}; sys_platform == 'linux' and platform_machine == 'x86_64' and python_version < '3.15'"
    for name in ('tensorrt-rtx-cu13-bindings==1.7.1.116', 'onnxruntime-ep-nv-tensorrt-rtx-cu13==0.5.0')
]


def share(folder: str, *patterns: str) -> tuple[str, list[str]]:
    """Return the files of `folder` that are installed to share/<package>/<folder>."""
    files = sorted(str(p.relative_to(ROOT)) for pattern in patterns for p in (ROOT / folder).glob(pattern))
    return f'share/{PACKAGE}/{folder}', files


# docs.ros.org builds the site with its own versions of Sphinx and MyST, and with its own theme.
DOCS_WHEELS = ['sphinx>=7.2', 'myst-parser>=3.0', 'furo>=2024.1']


setup(
    name=PACKAGE,
    version='0.1.0',
    description='Streaming inference for robots: many cameras, one engine, one map, inside a latency bound',
    license='Apache-2.0',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={PACKAGE: ['py.typed'], f'{PACKAGE}.report': ['*.html']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        share('launch', '*.launch.py'),
        share('config', '*.yaml', '*.rviz', '*.xml'),
        share('config/sros2', '*.policy.xml'),
        share('config/models', '*.yaml', '*.txt'),
        share('models', '*.onnx', '*.md'),
    ],
    python_requires='>=3.10',
    install_requires=[
        'numpy>=1.21',
        'opencv-python-headless>=4.5.4',
        # The default CPU engine. There is no wheel for Intel macOS.
        "openvino>=2024.4; sys_platform != 'darwin' or platform_machine == 'arm64'",
        "onnxruntime>=1.18; sys_platform == 'darwin' and platform_machine != 'arm64'",
        'rosbags>=0.11',
        f'cyclonedds>=11.0; {DDS_WHEEL}',
        *(f'{wheel}; {NO_DDS_WHEEL}' for wheel in ZENOH_WHEELS),
        'pydantic>=2.8',
        'pyyaml>=5.4',
        'filelock>=3.6',
        'platformdirs>=2.5',
        'rich>=11',
        'typer>=0.19',
        'matplotlib>=3.5',
    ],
    extras_require={
        'onnxruntime': ['onnxruntime>=1.18'],
        # The bindings to CUDA: a GPU is used through the same buffers as TensorRT's.
        'torch': ['torch>=2.6', "cuda-bindings>=12.6; sys_platform == 'linux'"],
        'train': ['torch>=2.6', 'onnx>=1.16', 'onnxscript>=0.2'],
        'zenoh': ZENOH_WHEELS,
        'kserve': ['tritonclient[grpc,http]>=2.50'],
        'tensorrt': ['tensorrt>=10.3', 'onnx>=1.16', 'cuda-bindings>=12.6'],
        'tensorrt-rtx': [*RTX_WHEELS, 'onnx>=1.16', 'cuda-bindings>=13.0'],
        # The cross-check of `find-streams --engine-only`.
        'bench': ['mlcommons-loadgen>=4.0'],
        'docs': DOCS_WHEELS,
        'test': [
            *DOCS_WHEELS,
            # Builds real plans on a CPU; 147 MB to fetch, 306 MB on disk.
            *RTX_WHEELS,
            *ZENOH_WHEELS,
            # pytest 9 stops at launch_testing's plugin in a shell where a ROS 2 is sourced.
            'pytest>=7.4,<9',
            'pytest-xdist>=3.6',
            # Modules that rclpy imports, for a ROS that was built for another Python.
            'lark',
            'packaging',
            'hypothesis>=6.100',
            'ruff==0.17.6',
            'mypy==2.4.1',
            'import-linter>=2.1',
            # What mypy says depends on numpy's stubs: types are checked against 2.2 (Python 3.10) to 2.4.
            'numpy<2.5',
            'types-PyYAML',
            'onnx>=1.16',
            'onnxruntime>=1.18',
            # With it, and a Triton on this machine, served inference is tested too.
            'tritonclient[grpc,http]>=2.50',
            'colcon-common-extensions',
            # colcon builds ament_python with `setup.py develop`, which setuptools 80 took away.
            'setuptools<80',
            'wheel',
        ],
    },
    entry_points={
        'console_scripts': [
            'stream_infer = stream_infer_ros.cli.main:main',
            # These need a ROS 2.
            'stream_infer_node = stream_infer_ros.nodes.executables:stream_infer_node',
            'camera_world_node = stream_infer_ros.nodes.executables:camera_world_node',
            'occupancy_fusion_node = stream_infer_ros.nodes.executables:occupancy_fusion_node',
            'doctor = stream_infer_ros.nodes.executables:doctor',
            'stream_infer_rviz = stream_infer_ros.nodes.executables:stream_infer_rviz',
        ]
    },
    zip_safe=True,
)
