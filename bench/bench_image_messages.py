"""Cost of an image message, and its way to another process.

    python bench/bench_image_messages.py

The first table compares, within one run, the conversions of `fer_fusion_ros.messages.image` with
the naive ones, per 640x480 message, and the way from array to array with the copies that rclpy
makes on it. The second sends four lenses at 30 frames/s from another process for some seconds,
with and without the package's Fast DDS profile.
"""

from __future__ import annotations

import argparse
import array
import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

RATE = 30.0
SIZES = {'mono8': (480, 640), 'bgr8': (480, 640, 3)}
COPIES = 6
"""Of an image on its way through rclpy: into the message, into its twin in C, into the serialised
form, into the receiver's twin in C, into bytes, and into the receiver's message."""
LENSES = {'ir_left': 'mono8', 'ir_right': 'mono8', 'vis_left': 'bgr8', 'vis_right': 'bgr8'}


def best(work: Callable[[], object], seconds: float = 0.4) -> float:
    """Return the fastest of many runs, in milliseconds; the least disturbed by other work."""
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def print_row(name: str, cost: dict[str, float], unit: dict[str, float]) -> None:
    """Print a line of the table: milliseconds, and how many times the unit's."""
    print(f'{name:<28}' + ''.join(f'{cost[e]:>10.3f}{cost[e] / unit[e]:>8.1f}x' for e in SIZES))


def compare_conversions() -> None:
    """Print what filling and reading a message costs."""
    import rclpy
    from rclpy.serialization import deserialize_message, serialize_message
    from sensor_msgs.msg import Image

    from fer_fusion_ros.messages.image import array_to_image, image_to_array
    from fer_fusion_ros.messages.qos import PUBLISHER_QOS

    def assigned(image: np.ndarray, convert: Callable[[np.ndarray], object]) -> Image:
        msg = Image(height=image.shape[0], width=image.shape[1], encoding='mono8')
        msg.data = convert(image)
        return msg

    fills = {
        'ours': lambda image: array_to_image(image, 0, ''),
        'data = array.array(...)': lambda image: assigned(
            image, lambda i: array.array('B', i.tobytes())
        ),
        'data = image.tobytes()': lambda image: assigned(image, lambda i: i.tobytes()),
    }
    reads = {
        'ours': lambda msg: image_to_array(msg, msg.encoding),
        'np.frombuffer, copied': lambda msg: np.frombuffer(msg.data, np.uint8).copy(),
        'np.array(bytes(data))': lambda msg: np.frombuffer(bytes(msg.data), np.uint8).copy(),
        'np.array(data.tolist())': lambda msg: np.array(msg.data.tolist(), np.uint8),
    }
    try:
        from cv_bridge import CvBridge
    except ImportError:
        print('cv_bridge is not installed: left out')
    else:
        bridge = CvBridge()
        fills['cv_bridge'] = bridge.cv2_to_imgmsg
        reads['cv_bridge'] = bridge.imgmsg_to_cv2

    rclpy.init()
    node = rclpy.create_node('bench')
    publisher = node.create_publisher(Image, 'bench', PUBLISHER_QOS)
    print(f'{"per message (ms)":<28}' + ''.join(f'{name:>10}{"ratio":>9}' for name in SIZES))
    images = {
        name: np.random.default_rng(0).integers(0, 256, size, np.uint8)
        for name, size in SIZES.items()
    }
    messages = {name: array_to_image(image, 0, '') for name, image in images.items()}
    copies = {name: best(image.copy) for name, image in images.items()}
    rows: list[tuple[str, Callable[[str], object]]] = [('one copy of the memory', None)]
    rows += [(f'fill: {name}', lambda e, f=fill: f(images[e])) for name, fill in fills.items()]
    rows += [(f'read: {name}', lambda e, r=read: r(messages[e])) for name, read in reads.items()]
    rows.append(('rclpy: serialise', lambda e: serialize_message(messages[e])))
    raw = {name: serialize_message(message) for name, message in messages.items()}
    rows.append(('rclpy: deserialise', lambda e: deserialize_message(raw[e], Image)))
    rows.append(('rclpy: publish', lambda e: publisher.publish(messages[e])))
    costs = {}
    for name, work in rows:
        cost = copies if work is None else {e: best(lambda e=e: work(e)) for e in SIZES}  # noqa: B023
        costs[name] = cost
        print_row(name, cost, copies)
    way = ('fill: ours', 'rclpy: publish', 'rclpy: deserialise', 'read: ours')
    whole = {e: sum(costs[name][e] for name in way) for e in SIZES}
    print_row(f'all of it / {COPIES} copies', whole, {e: COPIES * copies[e] for e in SIZES})
    node.destroy_node()
    rclpy.shutdown()


def send(seconds: float) -> None:
    """Publish the four lenses, each frame with its number in the first pixels."""
    import rclpy
    from sensor_msgs.msg import Image

    from fer_fusion_ros.messages.image import array_to_image
    from fer_fusion_ros.messages.qos import PUBLISHER_QOS

    rclpy.init()
    node = rclpy.create_node('bench_send')
    images = {lens: np.zeros(SIZES[encoding], np.uint8) for lens, encoding in LENSES.items()}
    publishers = {
        lens: node.create_publisher(Image, f'bench/{lens}', PUBLISHER_QOS) for lens in LENSES
    }
    while any(publisher.get_subscription_count() < 1 for publisher in publishers.values()):
        time.sleep(0.05)
    time.sleep(0.5)
    start = time.monotonic()
    cpu = time.process_time()
    frames = int(seconds * RATE)
    for number in range(frames):
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        for lens, publisher in publishers.items():
            publisher.publish(array_to_image(images[lens], time.time_ns(), str(number)))
    print(f'{(time.process_time() - cpu) / seconds:.3f}')
    time.sleep(0.5)
    rclpy.shutdown()


def measure_transport(seconds: float, reliable: bool, profile: bool) -> None:
    """Print the losses and latencies of one way to transport the lenses."""
    import rclpy
    from sensor_msgs.msg import Image

    from fer_fusion_ros.messages.image import image_to_array
    from fer_fusion_ros.messages.qos import IMAGE_SUBSCRIBER_QOS, SUBSCRIBER_QOS
    from fer_fusion_ros.messages.stamps import stamp_to_ns

    rclpy.init()
    node = rclpy.create_node('bench_receive')
    delays: dict[str, list[float]] = {lens: [] for lens in LENSES}

    def on_image(lens: str, message: Image) -> None:
        delays[lens].append((time.time_ns() - stamp_to_ns(message.header.stamp)) * 1e-6)
        image_to_array(message, message.encoding)

    qos = SUBSCRIBER_QOS if reliable else IMAGE_SUBSCRIBER_QOS
    for lens in LENSES:
        node.create_subscription(
            Image, f'bench/{lens}', lambda message, lens=lens: on_image(lens, message), qos
        )
    sender = subprocess.Popen(
        [sys.executable, __file__, '--send', str(seconds)], stdout=subprocess.PIPE, text=True
    )
    cpu = time.process_time()
    while sender.poll() is None:
        rclpy.spin_once(node, timeout_sec=0.1)
    used = (time.process_time() - cpu) / seconds
    frames = int(seconds * RATE)
    for encoding in SIZES:
        lenses = [lens for lens in LENSES if LENSES[lens] == encoding]
        heard = [delay for lens in lenses for delay in delays[lens]]
        p50, p99 = np.percentile(heard or [np.nan], [50, 99])
        print(
            f'{"profile" if profile else "defaults":<10}'
            f'{"reliable" if reliable else "best effort":<13}{encoding:<7}'
            f'{len(heard):>6} of {frames * len(lenses):<6}{p50:>8.1f}{p99:>8.1f}'
            f'{float(sender.stdout.read() or "nan") if encoding == "mono8" else used:>10.2f} '
            + ('(sender)' if encoding == 'mono8' else '(receiver)')
        )
    rclpy.shutdown()


def main() -> None:
    """Run everything, each transport in processes of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=10.0, help='of each transport')
    parser.add_argument('--send', type=float, help=argparse.SUPPRESS)
    parser.add_argument('--receive', nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.send:
        send(args.send)
    elif args.receive:
        measure_transport(args.seconds, *(word == 'True' for word in args.receive))
    else:
        compare_conversions()
        print(
            f'\n{"transport of 4 x 30 images/s":<30}{"heard":>10}{"p50":>12}{"p99 ms":>8}   cores'
        )
        from fer_fusion_ros.messages.transport import use_shared_memory_profile

        for profile in (False, True):
            environment = dict(os.environ)
            if profile:
                use_shared_memory_profile(environment)
            for reliable in (False, True):
                command = [sys.executable, __file__, '--seconds', str(args.seconds)]
                command += ['--receive', str(reliable), str(profile)]
                subprocess.run(command, env=environment, check=True)


if __name__ == '__main__':
    main()
