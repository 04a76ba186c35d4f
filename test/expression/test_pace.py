import pytest

from fer_fusion_ros.expression.pace import Pace

INTERVAL = 1 / 30
DEPTH = 3


class Computer:
    """Works off frames that come at a steady pace, in given times."""

    def __init__(self, search=0.004, crop=0.002, end=0.001, burst=1):
        self.now = 0.0
        self.pace = Pace(lambda: self.now)
        self.search, self.crop, self.end = search, crop, end
        self.begun = self.come = 0
        self.burst = burst
        self.paused = 0.0  # for how long no frames came

    def time_of(self, frame):
        """Return when a frame comes."""
        return frame // self.burst * self.burst * INTERVAL + self.paused

    def run(self, frames, wanted=4, **pauses):
        """
        Return how many crops were allowed in each of the next frames.

        :param pauses: seconds more that a stage, by its name, takes in the first of them.
        """
        allowed = []
        for _ in range(frames):
            self.now = max(self.now, self.time_of(self.begun))
            self._let_come()
            self.begun = max(self.begun, self.come - DEPTH) + 1
            self.pace.begin(self.come - self.begun)
            self._work(self.search + pauses.get('search', 0.0))
            allowed.append(self.pace.allow(wanted))
            self._work(allowed[-1] * self.crop + pauses.get('crop', 0.0))
            self.pace.read(allowed[-1])
            self._work(self.end + pauses.get('end', 0.0))
            self.pace.end()
            pauses = {}
        return allowed

    @property
    def behind(self):
        return self.now - self.time_of(self.begun)

    def _work(self, seconds):
        self.now += seconds
        self._let_come()

    def _let_come(self):
        now = self.now
        while self.time_of(self.come) <= now:
            self.now = self.time_of(self.come)
            self.pace.arrive()
            self.come += 1
        self.now = now


def test_a_fast_computer_reads_everything_also_after_a_hiccup():
    computer = Computer()
    assert set(computer.run(60)) == {4}
    assert set(computer.run(60, search=0.1)) == {4}
    assert set(computer.run(60, crop=1.0)) == {4}
    assert set(computer.run(60, end=1.0)) == {4}


def test_one_that_just_keeps_up_reads_everything():
    computer = Computer(crop=0.001)
    computer.run(120, wanted=20, search=0.1)
    computer.crop = 0.00138
    # 32.6 of 33.3 ms: no frame has to wait.
    assert set(computer.run(120, wanted=20)) == {20}


def test_one_that_is_a_little_too_slow_reads_less_before_the_next_frame_waits():
    # 34.3 of 33.3 ms.
    computer = Computer(crop=0.00733)
    for _ in range(200):
        computer.run(1)
        assert computer.behind < INTERVAL / 2


@pytest.mark.parametrize(
    ('wanted', 'end', 'share'), [(4, 0.001, 3.3), (8, 0.001, 3.3), (30, 0.001, 3.3), (3, 0.012, 2)]
)
def test_a_slow_computer_reads_what_fits_between_two_frames(wanted, end, share):
    computer = Computer(crop=0.008, end=end)
    computer.run(100, wanted)
    allowed = computer.run(300, wanted)
    # 33.3 ms less 5 % and what is fixed, by 8 ms.
    assert sum(allowed) / len(allowed) == pytest.approx(share, abs=0.4)
    assert max(allowed) <= min(share + 1, wanted)
    assert computer.behind < INTERVAL / 4


def test_a_slow_computer_makes_up_for_a_hiccup():
    computer = Computer(crop=0.008)
    computer.run(60, wanted=8)
    computer.run(15, wanted=8, search=0.1)
    assert computer.behind < INTERVAL / 2


def test_searches_that_now_and_then_take_longer_count_by_their_mean():
    computer = Computer(crop=0.006)
    for index in range(300):
        computer.search = 0.002 if index % 3 else 0.026
        (allowed,) = computer.run(1)
        assert allowed <= 4 and (index < 100 or computer.behind < 1.5 * INTERVAL)


def test_after_a_pause_there_is_no_more_time_than_before():
    computer = Computer(crop=0.008)
    computer.run(60, wanted=8)
    computer.paused = 60.0
    assert max(computer.run(60, wanted=8)[10:]) < 8


def test_more_frames_may_wait_than_their_times_are_kept_of():
    computer = Computer(burst=100)
    computer.run(1)
    computer.pace.begin(99)
    assert computer.pace.allow(4) == 4


@pytest.mark.parametrize('burst', [2, 3])
def test_frames_that_come_in_bursts_have_the_time_up_to_the_next_burst(burst):
    fast = Computer(burst=burst)
    assert set(fast.run(90)) == {4}
    slow = Computer(crop=0.008, burst=burst)
    slow.run(60)
    allowed = slow.run(300)
    assert sum(allowed) / len(allowed) == pytest.approx(3.2, abs=0.4)


def test_a_search_that_takes_longer_leaves_less_to_read():
    computer = Computer(crop=0.008)
    computer.run(60)
    computer.search = 0.016
    assert computer.run(1) == [2]
    computer.search = 0.004
    assert computer.run(2)[-1] == 3


def test_there_is_always_one_that_is_read():
    computer = Computer(crop=0.05)
    computer.run(60)
    assert set(computer.run(30)) == {1}


def test_everything_is_read_again_when_there_is_time():
    computer = Computer(crop=0.008)
    computer.run(60)
    computer.crop = 0.002
    assert set(computer.run(60)[30:]) == {4}


def test_with_nobody_there_is_nothing_to_tell():
    computer = Computer()
    for _ in range(60):
        computer.run(1, wanted=0)
    assert computer.run(1) == [4]
