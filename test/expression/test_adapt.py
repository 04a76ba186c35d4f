"""Adapt the bundled network to real near-infrared photographs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from fer_fusion_ros.exceptions import ConfigurationError, DataError  # noqa: E402
from fer_fusion_ros.expression.adapt import AdaptationConfig, Adapter  # noqa: E402
from fer_fusion_ros.expression.data.fer2013 import load_fer2013  # noqa: E402
from fer_fusion_ros.expression.data.load_faces import load_faces  # noqa: E402
from fer_fusion_ros.expression.export import load_network  # noqa: E402
from fer_fusion_ros.learning.config import load_config  # noqa: E402

CONFIG = AdaptationConfig(
    known_faces=24, views=2, steps=8, known_batch=8, photograph_batch=8, folds=2
)


@pytest.fixture(scope='module')
def bundled():
    return load_network('expression_stride2')


@pytest.fixture(scope='module')
def known(shared_data):
    whole = load_fer2013(shared_data / 'fer2013' / 'fer2013_train_public.npz', 'public')
    return whole.subset(np.arange(40))


@pytest.fixture(scope='module')
def photographs(shared_data):
    whole = load_faces(shared_data / 'nir_faces')
    return whole.subset(np.flatnonzero(whole.subjects < 4))


def test_the_last_stage_learns_and_all_else_stays(bundled, known, photographs):
    # What the bundled network cannot know.
    photographs = replace(photographs, labels=(photographs.labels + 1) % 7)
    config = replace(CONFIG, steps=40, photograph_weight=3.0, learning_rate=0.005)
    adapter = Adapter(*bundled, known, photographs, config)
    network = adapter.adapt()

    def right(network):
        [single] = adapter.evaluate(network, photographs).accuracies()[:1]
        return single['accuracy']

    assert right(network) > right(bundled[0]) + 0.2
    before, after = bundled[0].state_dict(), network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {'blocks.6.pointwise.weight', 'blocks.7.bn1.weight', 'fc.weight'} <= changed
    for name in changed:
        assert name.startswith(('blocks.6.', 'blocks.7.', 'fc.')), name
        assert not name.endswith(('running_mean', 'running_var', 'num_batches_tracked')), name


def test_bfloat16_adapts_alike(bundled, known, photographs):
    networks = [
        Adapter(*bundled, known, photographs, replace(CONFIG, precision=precision)).adapt()
        for precision in ('32-true', 'bf16-mixed')
    ]
    before = bundled[0].state_dict()['fc.weight']
    steps = [network.state_dict()['fc.weight'] - before for network in networks]
    assert 0 < (steps[0] - steps[1]).norm() < 0.1 * steps[0].norm()


def test_an_adaptation_that_diverges_says_so(bundled, known, photographs):
    adapter = Adapter(*bundled, known, photographs, replace(CONFIG, learning_rate=1e4))
    with pytest.raises(ConfigurationError, match='learning_rate 10000 is too much'):
        adapter.adapt()


def test_known_faces_keep_their_answers_the_less_the_photographs_count(
    bundled, known, photographs
):
    moved = []
    for weight in (0.0, 0.1, 3.0):
        config = replace(CONFIG, known_faces=40, photograph_weight=weight)
        adapter = Adapter(*bundled, known, photographs, config)
        probabilities = [
            adapter.evaluate(network, known).probabilities['single']
            for network in (bundled[0], adapter.adapt())
        ]
        moved.append(np.abs(probabilities[1] - probabilities[0]).mean())
    assert moved[0] < moved[1] < moved[2]
    assert moved[0] < 0.02


def test_nobody_is_estimated_by_a_network_that_saw_them(bundled, known, photographs):
    first = photographs.subjects == 0
    others = {tuple(np.flatnonzero(photographs.subjects == person)) for person in range(1, 4)}
    wrong = replace(photographs, labels=np.where(first, 6, photographs.labels))
    _, estimate = Adapter(*bundled, known, photographs, CONFIG).run()
    _, of_wrong = Adapter(*bundled, known, wrong, CONFIG).run()
    told, of_wrong = (e.probabilities['ten-crop'] for e in (estimate, of_wrong))
    assert np.array_equal(told[first], of_wrong[first])
    same = [np.array_equal(told[list(rows)], of_wrong[list(rows)]) for rows in others]
    assert not all(same)
    assert np.allclose(told.sum(1), 1)


def test_it_gives_the_same_again_and_needs_no_subjects_without_folds(bundled, known, photographs):
    config = replace(CONFIG, folds=0)
    nameless = replace(photographs, subjects=None)
    networks = [Adapter(*bundled, known, nameless, config).run() for _ in range(2)]
    assert networks[0][1] is None
    for name, value in networks[0][0].state_dict().items():
        assert torch.equal(value, networks[1][0].state_dict()[name]), name
    with pytest.raises(DataError, match='does not tell the subject of each face'):
        Adapter(*bundled, known, nameless, CONFIG)


def test_errors_tell_what_is_wrong(bundled, known, photographs):
    with pytest.raises(ConfigurationError, match='steps is 0; it must be at least 1'):
        replace(CONFIG, steps=0)
    for name, value in (('momentum', 0.0), ('seed', -1), ('learning_rate', -1.0)):
        with pytest.raises(ConfigurationError, match=f'{name} is {value}; it must be'):
            replace(CONFIG, **{name: value})
    with pytest.raises(ConfigurationError, match='folds is 1; give 0, or at least 2'):
        replace(CONFIG, folds=1)
    with pytest.raises(
        ConfigurationError, match="precision is 'fp8'; choose one of auto, 32-true, bf16-mixed"
    ):
        replace(CONFIG, precision='fp8')
    with pytest.raises(DataError, match='there are no faces to adapt with'):
        Adapter(*bundled, known, photographs.subset(slice(0)), CONFIG)
    others = replace(photographs, classes=(*photographs.classes[:-1], 'contempt'))
    with pytest.raises(DataError, match='contempt, but the network tells neutral'):
        Adapter(*bundled, known, others, CONFIG)


def test_the_bundled_recipe_loads():
    path = Path(__file__).parents[2] / 'config' / 'training' / 'adaptation.yaml'
    assert load_config(path, AdaptationConfig).photograph_weight == 0.1
