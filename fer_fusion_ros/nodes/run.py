"""Run a node from start to a clean end."""

import signal
import sys
import threading
from collections.abc import Callable, Sequence

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from fer_fusion_ros.exceptions import FerFusionError
from fer_fusion_ros.messages.transport import use_shared_memory_profile

# Four lenses cost a quarter of a core less with the events executor. Its `spin` hangs in some
# releases (Kilted's wheels); `spin_once`, used here, works in all.
try:
    from rclpy.experimental import EventsExecutor as _Executor
except ImportError:  # Humble
    from rclpy.executors import SingleThreadedExecutor as _Executor


def run(create: Callable[[], Node], args: Sequence[str] | None = None) -> int:
    """Create a node, spin it until a signal ends it, and tear it down; return the exit code.

    The signals are SIGINT, SIGTERM and SIGHUP.
    A second signal while it ends (Ctrl-C in a launch group reaches a node twice) changes
    nothing. A node with a ``close()`` method is closed while it can still publish; those that it
    lists as ``companions`` are spun with it.
    """
    stop = threading.Event()
    on_signals(lambda *_: stop.set())
    use_shared_memory_profile()
    # rclpy's own handlers would end the context under the node's threads.
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # a file of parameters or an argument that rcl cannot read
        return _complain(error)
    node = None
    executor = None
    try:
        node = create()
        executor = _Executor()
        for each in (node, *getattr(node, 'companions', ())):
            executor.add_node(each)
        while not stop.is_set():
            # Python sees a signal only between two waits.
            executor.spin_once(timeout_sec=0.2)
    except (FerFusionError, ParameterException) as error:
        return _complain(error)
    finally:
        # Python forgets other handlers than this one when it ends.
        on_signals(signal.SIG_IGN)
        if node is not None:
            if hasattr(node, 'close'):
                node.close()
            if executor is not None:
                executor.shutdown(timeout_sec=1.0)
                # The events executor leaves the default handlers behind.
                on_signals(signal.SIG_IGN)
            for each in (*getattr(node, 'companions', ()), node):
                each.destroy_node()
        rclpy.try_shutdown()
    return 0


def _complain(error: Exception) -> int:
    print(f'error: {error}', file=sys.stderr)
    return 1


def on_signals(handler: Callable[..., object] | signal.Handlers) -> None:
    """Have SIGINT, SIGTERM and SIGHUP call a handler, or be ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
    # A closed terminal; nohup has it ignored.
    hangup = getattr(signal, 'SIGHUP', None)
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        signal.signal(hangup, handler)
