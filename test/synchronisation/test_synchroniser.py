import random
import threading
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest

from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.synchronisation import Frame, FrameSet, Synchroniser

PERIOD = 33_333_333
IMAGE = np.zeros((2, 2), np.uint8)
START = 1_700_000_000_000_000_000


def trace(count, lenses=LENSES, jitter_ms=0.0, drop=0.0, start=START, seed=0):
    """Frames of `count` moments, in the order of arrival, each image holding its moment."""
    rng = random.Random(seed)
    frames = []
    for index in range(count):
        for lens in lenses:
            if rng.random() < drop:
                continue
            stamp = start + index * PERIOD + round(rng.uniform(-1, 1) * jitter_ms * 1e6)
            delay = rng.uniform(0, 0.5) * PERIOD
            frames.append((stamp + delay, Frame(lens, stamp, np.full((1, 1), index, np.uint16))))
    return [frame for _, frame in sorted(frames, key=lambda item: item[0])]


def run(synchroniser, frames):
    return [frame_set for frame in frames for frame_set in synchroniser.add(frame)]


def moments(frame_set):
    return {int(frame.image[0, 0]) for frame in frame_set.frames.values()}


def test_pairs_under_jitter():
    synchroniser = Synchroniser(LENSES)
    sets = run(synchroniser, trace(200, jitter_ms=6.0))
    assert [moments(s) for s in sets] == [{index} for index in range(200)]
    assert all(tuple(s.frames) == LENSES for s in sets)
    status = synchroniser.status()
    assert status.sets == 200 and not status.missing
    for lens in status.lenses.values():
        assert (lens.received, lens.matched, lens.dropped) == (200, 200, 0)
        assert lens.rate == pytest.approx(30.0, rel=0.05)


def test_takes_the_stamp_of_the_visible_lens():
    synchroniser = Synchroniser(LENSES)
    for offset, lens in enumerate(LENSES):
        sets = synchroniser.add(Frame(lens, START + offset, IMAGE, lens))
    (frame_set,) = sets
    assert frame_set.stamp_ns == frame_set.frames['vis_left'].stamp_ns == START + 2
    assert frame_set.reference('right').frame_id == 'vis_right'
    without = FrameSet.of(Frame('ir_left', 5, IMAGE), Frame('ir_right', 7, IMAGE))
    assert without.stamp_ns == 5 and without.reference('right').stamp_ns == 7
    assert without.image('vis_left') is None


def test_counts_what_was_dropped():
    synchroniser = Synchroniser(LENSES)
    frames = trace(300, drop=0.05)
    sets = run(synchroniser, frames)
    assert all(len(moments(s)) == 1 and len(s.frames) == 4 for s in sets)
    complete = set(range(300)) - {
        i for i in range(300) if sum(f.image[0, 0] == i for f in frames) < 4
    }
    assert [moments(s).pop() for s in sets] == sorted(complete)
    for name, lens in synchroniser.status().lenses.items():
        assert lens.received == sum(frame.lens == name for frame in frames)
        assert lens.matched == len(complete)
        # Those at the very end may still wait.
        assert lens.received - lens.matched - 2 <= lens.dropped <= lens.received - lens.matched


def test_a_lens_that_loses_a_frame_costs_the_others_nothing():
    synchroniser = Synchroniser(LENSES, lossy=True)
    frames = trace(300, drop=0.05, jitter_ms=4.0)
    sets = run(synchroniser, frames)
    there = [{f.lens for f in frames if f.image[0, 0] == index} for index in range(300)]
    assert [moments(s) for s in sets] == [{index} for index in range(300)]
    assert [set(s.frames) for s in sets] == there
    assert sum(len(lenses) < 4 for lenses in there) > 60


@pytest.mark.parametrize('period', [2.0, 1.1])
def test_what_a_slower_lens_did_not_see_is_no_loss(period):
    synchroniser = Synchroniser(('ir_left', 'vis_left'), lossy=True)
    frames = [Frame('ir_left', START + index * PERIOD, IMAGE) for index in range(200)]
    count = round(199 / period)
    frames += [Frame('vis_left', START + round(n * period * PERIOD), IMAGE) for n in range(count)]
    sets = run(synchroniser, sorted(frames, key=lambda frame: frame.stamp_ns))
    assert len(sets) > 90 and all(len(s.frames) == 2 for s in sets)


def test_of_frames_with_the_same_stamp_all_but_one_are_dropped():
    synchroniser = Synchroniser(('ir_left', 'vis_left'))
    for index in range(20):
        for lens in ('ir_left', 'ir_left', 'vis_left'):
            synchroniser.add(Frame(lens, START + index * PERIOD, IMAGE))
    lens = synchroniser.status().lenses['ir_left']
    assert (lens.received, lens.matched, lens.dropped) == (40, 20, 20)


def test_what_comes_after_a_later_set_is_dropped():
    synchroniser = Synchroniser(('ir_left', 'vis_left'))
    for index in (0, 1, 3, 2, 4):
        frames = [Frame(lens, START + index * PERIOD, IMAGE) for lens in ('ir_left', 'vis_left')]
        assert len(run(synchroniser, frames)) == (index != 2)
    for lens in synchroniser.status().lenses.values():
        assert (lens.received, lens.matched, lens.dropped) == (5, 4, 1)


def test_measures_skew():
    synchroniser = Synchroniser(('ir_left', 'vis_left'))
    for index in range(20):
        synchroniser.add(Frame('vis_left', START + index * PERIOD, IMAGE))
        synchroniser.add(Frame('ir_left', START + index * PERIOD + 4_000_000, IMAGE))
    lenses = synchroniser.status().lenses
    assert lenses['ir_left'].skew == pytest.approx(0.004)
    assert lenses['vis_left'].skew == 0.0


def test_goes_on_without_a_dead_lens_within_half_a_second():
    synchroniser = Synchroniser(LENSES)
    run(synchroniser, trace(30))
    rest = trace(60, lenses=LENSES[1:], start=START + 30 * PERIOD)
    sets = run(synchroniser, rest)
    assert sets[0].stamp_ns - (START + 29 * PERIOD) < 500_000_000
    assert all(tuple(s.frames) == LENSES[1:] for s in sets)
    status = synchroniser.status()
    assert status.missing == ('ir_left',) and status.lenses['ir_left'].stale
    back = run(synchroniser, trace(30, start=START + 90 * PERIOD))
    assert [tuple(s.frames) for s in back[1:]] == [LENSES] * len(back[1:]) and len(back) >= 29
    assert not synchroniser.status().missing


def test_goes_on_when_a_lens_never_came():
    synchroniser = Synchroniser(LENSES)
    sets = run(synchroniser, trace(60, lenses=('ir_left', 'vis_left')))
    assert len(sets) > 40 and tuple(sets[-1].frames) == ('ir_left', 'vis_left')
    assert synchroniser.status().missing == ('ir_right', 'vis_right')


@pytest.mark.parametrize('lead', [1.0, -1.0, 3600.0, -5.0])
def test_goes_on_without_a_lens_whose_clock_is_wrong(lead):
    synchroniser = Synchroniser(LENSES)
    frames = [
        replace(f, stamp_ns=f.stamp_ns + round(lead * 1e9)) if f.lens == 'ir_left' else f
        for f in trace(60)
    ]
    sets = run(synchroniser, frames)
    assert len(sets) > 50 and tuple(sets[-1].frames) == LENSES[1:]
    status = synchroniser.status()
    assert status.missing == ('ir_left',)
    assert status.lenses['ir_left'].lead == pytest.approx(lead, abs=0.05)
    assert status.lenses['ir_left'].dropped == 60
    assert status.lenses['ir_right'].lead == 0.0
    back = run(synchroniser, trace(30, start=START + 60 * PERIOD))
    assert tuple(back[-1].frames) == LENSES and not synchroniser.status().missing


def test_goes_on_without_a_lens_that_died_in_the_future():
    synchroniser = Synchroniser(LENSES)
    run(synchroniser, trace(10))
    synchroniser.add(Frame('ir_left', START + 3_600_000_000_000, IMAGE))
    sets = run(synchroniser, trace(60, LENSES[1:], start=START + 10 * PERIOD))
    assert len(sets) > 40 and tuple(sets[-1].frames) == LENSES[1:]
    assert synchroniser.status().missing == ('ir_left',)


def test_goes_on_with_one_lens_when_the_others_die():
    synchroniser = Synchroniser(LENSES)
    run(synchroniser, trace(30))
    sets = run(synchroniser, trace(60, ('vis_left',), start=START + 30 * PERIOD))
    assert len(sets) > 40 and tuple(sets[-1].frames) == ('vis_left',)


@pytest.mark.parametrize('period', [0.05, 0.3, 0.41, 0.5, 1.0, 5.0])
@pytest.mark.parametrize('order', [LENSES, LENSES[::-1]])
def test_lenses_in_step_stay_at_any_rate(period, order):
    now = [0.0]
    synchroniser = Synchroniser(LENSES, clock=lambda: now[0])
    for index in range(30):
        now[0] = index * period
        frames = [Frame(lens, START + round(now[0] * 1e9), IMAGE) for lens in order]
        *none, (frame_set,) = map(synchroniser.add, frames)
        assert none == [[]] * 3 and set(frame_set.frames) == set(LENSES)
        assert not synchroniser.status().missing
        if index:
            now[0] += 0.9 * period
            assert not synchroniser.status().missing


@pytest.mark.parametrize('period, delay', [(PERIOD, 0.36), (PERIOD // 2, 0.3)])
def test_waits_for_a_lens_that_is_late(period, delay):
    frames = [
        (
            START + i * period + (lens == 'vis_right') * delay * 1e9,
            Frame(lens, START + i * period, IMAGE),
        )
        for i in range(60)
        for lens in LENSES
    ]
    frames.sort(key=lambda item: item[0])
    synchroniser = Synchroniser(LENSES)
    sets = run(synchroniser, [frame for _, frame in frames])
    assert len(sets) == 60 and all(tuple(s.frames) == LENSES for s in sets)


def delayed(fps, seconds, delay, offset=0.0):
    """Frames of all lenses in the order of arrival; those of ir_left are late, stamped later."""
    frames = [
        (i / fps + late, Frame(lens, START + round((i / fps + shift) * 1e9), IMAGE))
        for i in range(round(fps * seconds))
        for lens in LENSES
        for late, shift in [(delay, offset) if lens == 'ir_left' else (0.0, 0.0)]
    ]
    return [frame for _, frame in sorted(frames, key=lambda item: item[0])]


@pytest.mark.parametrize(
    ('fps', 'delay', 'stale_after'), [(30, 1.5, 2.0), (100, 0.35, 0.4), (30, 9.5, 10.0)]
)
def test_waits_for_as_many_frames_as_come_in_that_time(fps, delay, stale_after):
    synchroniser = Synchroniser(LENSES, stale_after=stale_after)
    sets = run(synchroniser, delayed(fps, 2 * delay, delay))
    assert len(sets) == round(fps * 2 * delay) and all(tuple(s.frames) == LENSES for s in sets)
    status = synchroniser.status()
    assert not status.missing
    assert all((lens.dropped, lens.matched) == (0, len(sets)) for lens in status.lenses.values())


def test_tells_how_far_the_frames_of_a_late_lens_are_apart():
    synchroniser = Synchroniser(LENSES, stale_after=2.0, slop=0.005)
    assert run(synchroniser, delayed(30, 10.0, 1.5, offset=0.012)[:900]) == []
    assert synchroniser.gap() == pytest.approx(0.012)
    assert not synchroniser.status().missing


def test_keeps_no_frame_that_can_go_out_no_more():
    synchroniser = Synchroniser(('ir_left', 'vis_left'), stale_after=10.0)
    kept = weakref.WeakSet()
    for index in range(600):
        for lens in ('vis_left', 'ir_left')[: 2 - index % 2]:
            frame = Frame(lens, START + index * PERIOD // 2, IMAGE)
            kept.add(frame)
            synchroniser.add(frame)
        del frame
        assert len(kept) <= 2
    fast = synchroniser.status().lenses['vis_left']
    assert (fast.received, fast.matched) == (600, 300) and fast.dropped >= 298


def test_a_burst_does_not_fill_the_memory():
    synchroniser = Synchroniser(('ir_left', 'vis_left'), stale_after=10.0)
    for index in range(3000):
        synchroniser.add(Frame('vis_left', START + index * 1_000_000, IMAGE))
    lens = synchroniser.status().lenses['vis_left']
    assert lens.matched == 0 and lens.received - lens.dropped <= 1000


@pytest.mark.parametrize(
    ('offsets', 'gap'),
    [
        ({'ir_left': 0, 'vis_left': 25}, 25),
        ({'ir_left': 12, 'ir_right': 24, 'vis_left': 0}, 24),
        (dict(zip(LENSES, (0, 8, 16, 24), strict=True)), 24),
        (dict(zip(LENSES, (0, 33, 33, 0), strict=True)), 33),
    ],
)
def test_tells_how_far_apart_the_closest_frames_are(offsets, gap):
    synchroniser = Synchroniser(tuple(offsets))
    assert synchroniser.gap() == 0
    frames = [
        Frame(lens, START + 2 * index * PERIOD + offset * 1_000_000, IMAGE)
        for index in range(20)
        for lens, offset in offsets.items()
    ]
    assert run(synchroniser, sorted(frames, key=lambda frame: frame.stamp_ns)) == []
    assert synchroniser.gap() == pytest.approx(gap / 1000)
    assert not synchroniser.status().missing


def test_a_pause_of_all_lenses_makes_none_stale():
    synchroniser = Synchroniser(LENSES)
    run(synchroniser, trace(30))
    sets = run(synchroniser, trace(30, start=START + 10_000_000_000))
    assert len(sets) == 30 and all(len(s.frames) == 4 for s in sets)


def test_starts_afresh_when_the_clock_jumps_back():
    synchroniser = Synchroniser(LENSES)
    first = run(synchroniser, trace(60))
    second = run(synchroniser, trace(60))
    assert len(first) == 60 and len(second) >= 59
    assert second[-1].stamp_ns == first[-1].stamp_ns
    status = synchroniser.status()
    assert status.resets == 1 and not status.missing
    lens, seconds = status.jump
    assert lens in LENSES and seconds == pytest.approx(59 / 30, abs=0.05)


def test_a_jump_of_the_clock_waits_for_a_frame_that_another_thread_takes_in():
    taken, jumped = threading.Event(), threading.Event()

    def clock():
        if threading.current_thread() is thread:
            taken.set()
            jumped.wait(0.2)
        return time.monotonic()

    synchroniser = Synchroniser(('ir_left', 'vis_left'), clock=clock)
    last = Frame('ir_left', START + 20 * PERIOD, IMAGE)
    thread = threading.Thread(target=synchroniser.add, args=[last])
    run(synchroniser, trace(20, ('ir_left', 'vis_left')))
    thread.start()
    assert taken.wait(5)
    synchroniser.add(Frame('vis_left', START, IMAGE))
    jumped.set()
    thread.join()
    assert len(synchroniser.add(Frame('ir_left', START, IMAGE))) == 1
    assert synchroniser.status().resets == 1


@pytest.mark.parametrize('dead', LENSES)
def test_a_lens_that_a_jump_of_the_clock_leaves_dead_is_missed(dead):
    synchroniser = Synchroniser(LENSES)
    run(synchroniser, trace(60))
    sets = run(synchroniser, trace(60, [lens for lens in LENSES if lens != dead]))
    assert len(sets) > 40 and dead not in sets[-1].frames
    assert synchroniser.status().missing == (dead,)


def test_stamps_never_decrease_and_no_frame_comes_twice():
    synchroniser = Synchroniser(LENSES, slop=0.03, queue_size=5)
    sets = run(synchroniser, trace(500, jitter_ms=14.0, drop=0.1, seed=3))
    stamps = [s.stamp_ns for s in sets]
    assert stamps == sorted(set(stamps))
    used = [id(frame) for s in sets for frame in s.frames.values()]
    assert len(used) == len(set(used))
    for s in sets:
        own = [frame.stamp_ns for frame in s.frames.values()]
        assert max(own) - min(own) < 30_000_000


def test_all_lenses_dead_is_seen_by_the_steady_clock():
    now = [0.0]
    synchroniser = Synchroniser(LENSES, clock=lambda: now[0])
    run(synchroniser, trace(5))
    assert not synchroniser.status().missing
    now[0] = 0.45
    assert synchroniser.status().missing == LENSES


def test_stamps_that_do_not_grow_are_seen():
    now = [0.0]
    synchroniser = Synchroniser(LENSES, clock=lambda: now[0])
    run(synchroniser, trace(5))
    assert {lens.stalled for lens in synchroniser.status().lenses.values()} == {0.0}
    for index in range(1, 4):
        now[0] = float(index)
        run(synchroniser, [Frame('ir_left', START + 4 * PERIOD, IMAGE)])
    stalled = {name: lens.stalled for name, lens in synchroniser.status().lenses.items()}
    assert stalled == {**dict.fromkeys(LENSES, 0.0), 'ir_left': 3.0}


def test_knows_its_lenses():
    with pytest.raises(KeyError):
        Synchroniser(('ir_left',)).add(Frame('ir_right', 0, IMAGE))


def test_what_waits_for_a_lens_that_goes_is_not_lost():
    synchroniser = Synchroniser(LENSES)
    frames = [f for f in trace(60) if f.lens != 'vis_left' or 30 <= f.image[0, 0] < 45]
    sets = run(synchroniser, frames)
    assert [moments(s) for s in sets] == [{index} for index in range(60)]
    # Until its second frame it might be one that comes but now and then.
    assert [len(s.frames) for s in sets[32:45]] == [4] * 13
    assert {len(s.frames) for s in sets[:28] + sets[47:]} == {3}
    status = synchroniser.status()
    assert all(status.lenses[lens].matched == 60 for lens in LENSES if lens != 'vis_left')


def test_what_another_synchroniser_put_together_may_lack_a_lens():
    frames = [f for f in trace(20) if f.lens != 'vis_left' or f.image[0, 0] % 5]
    assert len(run(Synchroniser(LENSES), frames)) == 16
    sets = run(Synchroniser(LENSES, incomplete=True), frames)
    assert [moments(s) for s in sets] == [{index} for index in range(20)]
    assert [len(s.frames) for s in sets] == [3, 4, 4, 4, 4] * 4
    assert list(sets[5].frames) == ['ir_left', 'ir_right', 'vis_right']


def test_a_recording_played_slowly_is_not_silent():
    now = [0.0]
    synchroniser = Synchroniser(LENSES, clock=lambda: now[0])
    for frame in trace(40):  # at a tenth of its speed
        now[0] = (frame.stamp_ns - START) * 1e-8
        synchroniser.add(frame)
    now[0] += 0.6
    assert synchroniser.status().missing == ()
    now[0] += 0.6
    assert synchroniser.status().missing == LENSES


@pytest.mark.parametrize('slop', [0.02, 0.04, 1.0])
@pytest.mark.parametrize('lost', [3, 40])
def test_a_lens_that_lost_a_frame_is_not_a_frame_behind_from_then_on(slop, lost):
    synchroniser = Synchroniser(LENSES, slop=slop)
    frames = [f for f in trace(200) if f.lens != 'ir_left' or f.image[0, 0] != lost]
    # 60 frames per second.
    frames = [replace(f, stamp_ns=START + (f.stamp_ns - START) // 2) for f in frames]
    sets = run(synchroniser, frames)
    assert len(sets) > 170
    # Before the rate is known, some frames may be.
    assert all(len(moments(s)) == 1 for s in sets[20:])


def test_a_lens_that_sends_now_and_then_is_not_waited_for():
    synchroniser = Synchroniser(LENSES)
    sets = []
    for frame in trace(300):
        if frame.lens != 'ir_left' or frame.image[0, 0] % 15 == 0:
            sets.append(synchroniser.add(frame))
    # At first it might be one that starts.
    late = sets[150:]
    assert sum(map(len, late)) > 240
    assert max(map(len, late)) == 1
    status = synchroniser.status()
    assert status.missing == ('ir_left',)
    assert status.lenses['ir_left'].rare and status.lenses['ir_left'].rate == pytest.approx(2.0)


def test_a_frame_that_comes_late_is_no_jump_of_the_clock():
    synchroniser = Synchroniser(LENSES)
    frames = trace(40)
    # As over UDP: one frame comes two periods after it was captured.
    late = next(f for f in frames if f.image[0, 0] == 20)
    frames.remove(late)
    place = next(i for i, f in enumerate(frames) if f.image[0, 0] == 23)
    frames.insert(place, late)
    sets = run(synchroniser, frames)
    assert synchroniser.status().resets == 0
    assert len(sets) >= 37


def test_what_another_synchroniser_put_together_may_be_off_by_the_slop():
    synchroniser = Synchroniser(('ir_left', 'vis_left'), incomplete=True)
    sets = []
    for index in range(20):
        start = START + index * PERIOD
        for lens, offset in (('ir_left', 0), ('vis_left', 15_000_000)):
            sets += synchroniser.add(Frame(lens, start + offset, IMAGE))
    assert [len(each.frames) for each in sets] == [2] * 20


def test_frames_stamped_in_bursts_belong_together():
    synchroniser = Synchroniser(LENSES)
    rng = random.Random(1)
    count = 0
    for burst in range(30):
        for index in range(4):
            for place, lens in enumerate(LENSES):
                # Four frames within a few milliseconds, as a network camera sends them.
                stamp = START + burst * 4 * PERIOD + index * 1_500_000 + place * 4_000_000
                stamp += round(rng.uniform(0, 1_400_000))
                count += len(synchroniser.add(Frame(lens, stamp, IMAGE)))
    assert count > 100


@pytest.mark.parametrize('rate', [10, 30])
def test_a_lens_that_was_silent_once_is_not_said_to_send_seldom(rate):
    synchroniser = Synchroniser(LENSES, stale_after=0.4)
    told = []
    for index in range(40):
        for lens in LENSES:
            if lens == 'vis_right' and 20 / 30 <= index / rate < 35 / 30:
                continue
            synchroniser.add(Frame(lens, START + index * 10**9 // rate, IMAGE))
            status = synchroniser.status().lenses['vis_right']
            if status.stale:
                told.append(status.rare)
    assert told and not any(told)
