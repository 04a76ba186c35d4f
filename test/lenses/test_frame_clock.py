"""The beat goes on, whatever happens to the clock of the computer."""

import time
from collections.abc import Callable

import pytest

from fer_fusion_ros.exceptions import LensError
from fer_fusion_ros.lenses.frame_clock import FrameClock

RATE = 100.0


@pytest.fixture
def set_back(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what sets the system's clock back by so many seconds."""
    true_time_ns = time.time_ns

    def set_back(seconds: float) -> None:
        monkeypatch.setattr(time, 'time_ns', lambda: true_time_ns() - round(seconds * 1e9))

    return set_back


def play(clock: FrameClock, count: int) -> list[int]:
    """Wait for so many frames and return their stamps."""
    stamps = []
    for _ in range(count):
        stamps.append(clock.stamp(clock.next()))
        clock.wait_until(stamps[-1])
    return stamps


@pytest.mark.parametrize('seconds', [3.0, 3600.0], ids=['after the start', 'before the start'])
def test_clocks_go_on_in_step_after_the_time_was_set_back(set_back, seconds: float) -> None:
    """Also when one of them restarts later than the other."""
    start = time.time_ns() - 10_000_000_000
    clocks = [FrameClock(RATE, start), FrameClock(RATE, start)]
    for clock in clocks:
        clock.restart()
        play(clock, 3)
    set_back(seconds)
    for clock in clocks:
        with pytest.raises(LensError, match=rf'was set back by about {seconds:.0f} s'):
            play(clock, 1)
    for clock in clocks:
        time.sleep(0.1)
        clock.restart()
        stamps = play(clock, 5)
        assert stamps == sorted(set(stamps))
        assert abs(time.time_ns() - stamps[-1]) < 1e9
    # As exactly as the two clocks of a computer can be compared.
    assert clocks[0].start_ns == pytest.approx(clocks[1].start_ns, rel=0, abs=5e6)


def test_no_frame_is_shown_again_after_a_restart() -> None:
    """Also among the first few, which may come late."""
    clock = FrameClock(RATE, time.time_ns())
    clock.restart()
    stamps = play(clock, 3)
    clock.restart()
    stamps += play(clock, 3)
    assert stamps == sorted(set(stamps))
