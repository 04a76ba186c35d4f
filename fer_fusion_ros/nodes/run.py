"""Run a node from start to a clean end."""

import signal
import sys
import threading
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from fer_fusion_ros.exceptions import FerFusionError
from fer_fusion_ros.messages.transport import use_shared_memory_profile


def run(create: Callable[[], Node], args: Sequence[str] | None = None) -> int:
    """Create a node, spin it until SIGINT or SIGTERM, and tear it down; return the exit code.

    A second signal while it ends (Ctrl-C in a launch group reaches a node twice) changes
    nothing. A node with a ``close()`` method is closed while it can still publish.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    use_shared_memory_profile()
    # rclpy's own handlers would end the context under the node's threads.
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node = None
    executor = None
    try:
        node = create()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while not stop.is_set():
            # Python sees a signal only between two waits.
            executor.spin_once(timeout_sec=0.2)
    except FerFusionError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    finally:
        if node is not None:
            if hasattr(node, 'close'):
                node.close()
            if executor is not None:
                executor.shutdown(timeout_sec=1.0)
            node.destroy_node()
        rclpy.try_shutdown()
    return 0
