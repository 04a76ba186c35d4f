import threading

import pytest

from fer_fusion_ros.analysis.in_batches import in_batches


@pytest.mark.parametrize('count', [0, 1, 3, 4, 40])
def test_all_items_come_in_order(count):
    batches = list(in_batches(iter(range(count)), 4))
    assert [item for batch in batches for item in batch] == list(range(count))
    assert all(len(batch) == 4 for batch in batches[:-1])
    assert all(batches)


def test_they_are_made_in_another_thread():
    (batch,) = in_batches((threading.current_thread().name for _ in range(2)), 4)
    assert batch == ['ahead', 'ahead']


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield from range(5)
        raise ValueError('the sixth')

    seen = []
    with pytest.raises(ValueError, match='the sixth'):
        for batch in in_batches(items(), 4):
            seen += batch
    assert seen == list(range(5))


def test_who_stops_early_leaves_no_thread():
    before = threading.active_count()
    for batch in in_batches(iter(range(10_000)), 2):
        assert batch == [0, 1]
        break
    assert threading.active_count() == before
