import random

import pytest

from fer_fusion_ros.synchronisation import time_synchroniser
from fer_fusion_ros.synchronisation.filters import Stamped


def synchronise(module, trace, streams, queue_size, slop):
    filters = [module.SimpleFilter() for _ in range(streams)]
    synchronizer = module.ApproximateTimeSynchronizer(filters, queue_size, slop)
    sets = []
    synchronizer.registerCallback(lambda *messages: sets.append([m.content for m in messages]))
    for number, (stream, stamp) in enumerate(trace):
        filters[stream].signalMessage(Stamped((stream, number), stamp))
    return sets


def record(seed, streams, jitter, drop):
    """Make a trace: (stream, stamp) in the order of arrival, with jitter, drops and delays."""
    rng = random.Random(seed)
    arrivals = []
    for index in range(300):
        for stream in range(streams):
            if rng.random() >= drop:
                stamp = round((index / 30 + rng.uniform(-jitter, jitter)) * 1e9) + 10**18
                arrivals.append((stamp + rng.expovariate(1 / 2e7), stream, stamp))
    return [(stream, stamp) for _, stream, stamp in sorted(arrivals)]


def test_groups_close_stamps_and_bounds_its_queues():
    trace = [(0, 100), (1, 100_000_000), (1, 1_000_100), (0, 99_000_000)]
    sets = synchronise(time_synchroniser, trace, streams=2, queue_size=2, slop=0.01)
    assert sets == [[(0, 0), (1, 2)], [(0, 3), (1, 1)]]
    trace = [(0, 100), (0, 50_000_000), (0, 90_000_000), (1, 100)]
    assert synchronise(time_synchroniser, trace, streams=2, queue_size=2, slop=0.01) == []


def test_passes_further_arguments_to_callbacks():
    received = []
    upstream = time_synchroniser.SimpleFilter()
    upstream.registerCallback(lambda *args: received.append(args), 'more')
    upstream.signalMessage('message')
    assert received == [('message', 'more')]


@pytest.mark.parametrize('streams', [1, 2, 4])
@pytest.mark.parametrize(('jitter', 'drop'), [(0.0, 0.0), (0.006, 0.05), (0.03, 0.2)])
def test_agrees_with_message_filters(streams, jitter, drop):
    message_filters = pytest.importorskip(
        'message_filters', reason='message_filters is not installed: it comes with ROS'
    )
    for seed in range(3):
        trace = record(seed, streams, jitter, drop)
        for queue_size, slop in ((10, 0.02), (3, 0.05)):
            ours = synchronise(time_synchroniser, trace, streams, queue_size, slop)
            theirs = synchronise(message_filters, trace, streams, queue_size, slop)
            assert ours == theirs and len(ours) > 20
