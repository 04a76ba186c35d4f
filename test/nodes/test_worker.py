import threading

from fer_fusion_ros.nodes.worker import Worker


def test_oldest_waiting_items_are_dropped_and_counted():
    started, go, ended = (threading.Event() for _ in range(3))
    done: list[int] = []
    errors: list[Exception] = []

    def work(item):
        started.set()
        go.wait(5)
        done.append(item)
        if len(done) == 3:
            ended.set()

    worker = Worker(work, depth=2, on_error=errors.append)
    worker.put(0)
    assert started.wait(5)
    for item in range(1, 6):
        worker.put(item)  # 0 is in work: 4 and 5 remain
    go.set()
    assert ended.wait(5)
    worker.close()
    assert done == [0, 4, 5]
    assert not errors
    assert worker.dropped == 3


def test_an_error_is_reported_and_the_next_item_is_done():
    errors, done = [], threading.Event()

    def work(item):
        if item == 'bad':
            raise ValueError(item)
        done.set()

    worker = Worker(work, depth=5, on_error=errors.append)
    worker.put('bad')
    worker.put('good')
    assert done.wait(5)
    worker.close()
    assert [str(error) for error in errors] == ['bad']
    assert worker.done == 1
