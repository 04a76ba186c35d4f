"""Train a tiny generator on real pairs: it learns, resumes exactly and shares its work."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from fer_fusion_ros.exceptions import CheckpointError, ConfigurationError, DataError  # noqa: E402
from fer_fusion_ros.fusion import train  # noqa: E402
from fer_fusion_ros.fusion.export import load_generator  # noqa: E402
from fer_fusion_ros.fusion.pairs import Pair, load_pairs  # noqa: E402
from fer_fusion_ros.fusion.patches import Scenes  # noqa: E402
from fer_fusion_ros.fusion.train import (  # noqa: E402
    CriticConfig,
    FusionConfig,
    LossWeights,
    Trainer,
)
from fer_fusion_ros.learning.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from fer_fusion_ros.learning.config import load_config  # noqa: E402

CONFIG = FusionConfig(
    preset='realtime',
    epochs=2,
    steps=6,
    batch_size=4,
    patch=48,
    learning_rate=3e-3,
    warmup=1,
    losses=LossWeights(similarity=1.0, edges=1.0, information=1.0, complement=1.0),
    critic=CriticConfig(widths=(4,) * 6, patch=32, steps=2),
    scenes=Scenes(dark=0.5),
)


@pytest.fixture(scope='module')
def pairs(shared_data):
    pairs = load_pairs(shared_data / 'fusion' / 'thermal_road')[:4]
    return [Pair(p.name, p.source, p.ir[:64, :80], p.vis[:64, :80]) for p in pairs]


def states(trainer):
    return {**trainer.generator.state_dict(prefix='g.'), **trainer.critic.state_dict(prefix='c.')}


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(pairs, tmp_path):
    whole = Trainer(CONFIG, pairs, pairs[:1], tmp_path / 'whole')
    whole.fit()

    class KilledError(Exception):
        pass

    cut = Trainer(CONFIG, pairs, pairs[:1], tmp_path / 'cut')
    step, done = cut.generator_step, []

    def dies_in_the_second_epoch(batch):
        if len(done) == 8:
            raise KilledError
        done.append(step(batch))
        return done[-1]

    cut.generator_step = dies_in_the_second_epoch
    with pytest.raises(KilledError):
        cut.fit()
    torch.manual_seed(99)
    resumed = Trainer(CONFIG, pairs, pairs[:1], tmp_path / 'cut')
    resumed.resume()
    assert resumed.epoch == 1
    resumed.fit()
    for name, value in states(whole).items():
        assert torch.equal(value, states(resumed)[name]), name
    for name, value in whole.ema.network.state_dict().items():
        assert torch.equal(value, resumed.ema.network.state_dict()[name]), name
    assert resumed.best == whole.best
    written = {path.name for path in (tmp_path / 'cut').iterdir()}
    assert {'last.ckpt', 'best.ckpt', 'history.csv', 'curves.png', 'validation'} <= written
    assert len(list((tmp_path / 'cut' / 'validation').glob('epoch_00[12]/*.jpg'))) == 2


def test_a_full_disk_does_not_lose_the_best_weights(pairs, tmp_path, fill_the_disk):
    fill_the_disk(train)
    with pytest.raises(OSError, match='No space left'):
        Trainer(replace(CONFIG, steps=1), pairs, pairs[:1], tmp_path).fit()
    assert (tmp_path / 'best.ckpt').exists() and not (tmp_path / 'last.ckpt').exists()


def test_a_finished_training_is_not_overwritten(pairs, tmp_path):
    config = replace(CONFIG, epochs=1, steps=1)
    Trainer(config, pairs, pairs[:1], tmp_path).fit()
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(CheckpointError, match=r'last\.ckpt is .* --resume, or .* --output'):
        Trainer(config, pairs, pairs[:1], tmp_path).fit()
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_a_training_that_diverges_says_so_and_saves_nothing(pairs, tmp_path):
    trainer = Trainer(replace(CONFIG, steps=1), pairs, pairs[:1], tmp_path)
    step = trainer.critic_step
    trainer.critic_step = lambda *given: {**step(*given), 'train/penalty': torch.tensor(torch.inf)}
    with pytest.raises(ConfigurationError, match=r'in epoch 1: the mean of train/penalty is inf'):
        trainer.fit()
    assert not list(tmp_path.glob('*.ckpt'))


def test_the_loss_falls(pairs, tmp_path):
    losses = replace(CONFIG.losses, adversarial=0.0)
    config = replace(CONFIG, epochs=1, steps=1, losses=losses, scenes=Scenes())
    trainer = Trainer(config, pairs, pairs[:1], tmp_path)
    batch, _ = trainer.batch(0)
    course = []
    for _ in range(30):
        course.append(trainer.generator_step(batch)['train/generator'].item())
        trainer.generator_optimiser.step()
    assert course[-1] < 0.8 * course[0]


def test_the_critic_learns_to_tell_visible_from_fused(pairs, tmp_path):
    critic = replace(CONFIG.critic, learning_rate=1e-2)
    trainer = Trainer(replace(CONFIG, critic=critic), pairs, pairs[:1], tmp_path)
    batch, mix = trainer.batch(0)
    course = []
    for _ in range(20):
        course.append(trainer.critic_step(batch, mix)['train/critic'].item())
        trainer.critic_optimiser.step()
    assert course[-1] < course[0]
    assert course[-1] < 0


def test_a_training_starts_from_weights_of_its_preset_alone(pairs, tmp_path):
    first = Trainer(replace(CONFIG, epochs=1, steps=1), pairs, pairs[:1], tmp_path / 'first')
    first.fit()
    generator = load_generator(first.last)
    second = Trainer(replace(CONFIG, seed=1), pairs, pairs[:1], tmp_path / 'second')
    second.start_from(generator)
    for name, value in first.ema.network.state_dict().items():
        assert torch.equal(value, second.generator.state_dict()[name]), name
        assert torch.equal(value, second.ema.network.state_dict()[name]), name
    other = Trainer(replace(CONFIG, preset='narrow'), pairs, pairs[:1], tmp_path / 'other')
    with pytest.raises(CheckpointError, match='not of the preset narrow'):
        other.start_from(generator)


def test_there_is_nothing_to_resume(pairs, tmp_path):
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        Trainer(CONFIG, pairs, pairs[:1], tmp_path).resume()


def test_a_resumed_training_takes_the_recipe_anew(pairs, tmp_path):
    config = replace(CONFIG, epochs=1, steps=1)
    Trainer(config, pairs, pairs[:1], tmp_path).fit()
    critic = replace(CONFIG.critic, learning_rate=3e-6)
    changed = replace(config, epochs=2, warmup=0, learning_rate=2e-5, ema=0.5, critic=critic)
    trainer = Trainer(changed, pairs, pairs[:1], tmp_path)
    trainer.resume()
    before = [weight.clone() for weight in trainer.critic.parameters()]
    trainer.fit()
    assert trainer.critic_optimiser.param_groups[0]['lr'] == 3e-6
    assert trainer.generator_optimiser.param_groups[0]['lr'] == pytest.approx(1e-5)
    assert trainer.ema.decay == 0.5
    # Two steps of Adam move a weight by a few learning rates at most.
    for old, new in zip(before, trainer.critic.parameters(), strict=True):
        assert (old - new).abs().max() < 2e-5


def test_a_checkpoint_of_another_network_is_refused(pairs, tmp_path):
    Trainer(replace(CONFIG, epochs=1, steps=1), pairs, pairs[:1], tmp_path).fit()
    with pytest.raises(CheckpointError, match=r'holds the networks .*realtime'):
        Trainer(replace(CONFIG, preset='narrow'), pairs, pairs[:1], tmp_path).resume()


def test_the_critic_cannot_see_more_than_a_patch(pairs, tmp_path):
    critic = replace(CONFIG.critic, patch=49)
    with pytest.raises(
        ConfigurationError, match=r'critic\.patch is 49; it cannot exceed patch, 48'
    ):
        Trainer(replace(CONFIG, critic=critic), pairs, pairs[:1], tmp_path)


def test_training_needs_pairs(tmp_path):
    image = np.zeros((64, 64), np.uint8)
    with pytest.raises(DataError, match='no pairs to train on'):
        Trainer(CONFIG, [], [Pair('a', 'a', image, image)], tmp_path)
    with pytest.raises(DataError, match='no pairs to validate on'):
        Trainer(CONFIG, [Pair('a', 'a', image, image)], [], tmp_path)


def test_a_checkpoint_of_expressions_is_refused(pairs, tmp_path):
    values = {'config': {'preset': 'realtime'}, 'classes': (), 'network': {}, 'epoch': 1}
    save_checkpoint(tmp_path / 'last.ckpt', values)
    with pytest.raises(CheckpointError, match='not a checkpoint of a fusion training; choose'):
        Trainer(CONFIG, pairs, pairs[:1], tmp_path).resume()


def test_validation_images_of_one_name_have_each_a_picture(pairs, tmp_path):
    name = os.fsdecode(b'stra\xdfe')
    twins = [replace(pairs[0], name=name, source=source) for source in ('a/day', 'night')]
    trainer = Trainer(CONFIG, pairs, twins, tmp_path)
    trainer._validate()
    pictures = [path.name for path in (tmp_path / 'validation' / 'epoch_000').iterdir()]
    assert sorted(pictures) == [f'a_day_{name}.jpg', f'night_{name}.jpg']


def test_a_changed_recipe_is_told_at_a_resume(pairs, tmp_path, capsys):
    config = replace(CONFIG, epochs=1, steps=1)
    Trainer(config, pairs, pairs[:1], tmp_path).fit()
    Trainer(config, pairs, pairs[:1], tmp_path).resume()
    assert 'recipe' not in capsys.readouterr().out
    losses = replace(CONFIG.losses, edges=2.0)
    Trainer(replace(config, epochs=2, losses=losses), pairs, pairs[:1], tmp_path).resume()
    told = 'Resuming with another recipe: epochs 1 -> 2, losses.edges 1.0 -> 2.0.'
    assert capsys.readouterr().out.splitlines() == [told]


def test_other_data_are_told_at_a_resume(pairs, tmp_path, capsys):
    config = replace(CONFIG, epochs=1, steps=1, scenes=Scenes(faces=0.5))
    faces = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    best = Trainer(config, pairs, pairs[:1], tmp_path, faces).fit()
    told = 'Resuming with other training data than before: '
    for learned, given, names in (
        (pairs, faces, ''),
        (pairs, None, 'faces.'),
        (pairs[1:], faces, 'pairs.'),
        (pairs[1:], faces[1:], 'pairs, faces.'),
    ):
        trainer = Trainer(config, learned, pairs[:1], tmp_path, given)
        trainer.resume()
        assert trainer.best == best
        assert capsys.readouterr().out.splitlines() == ([told + names] if names else [])
    trainer = Trainer(config, pairs, pairs[1:2], tmp_path, faces)
    trainer.resume()
    assert trainer.best == -np.inf
    assert 'Selecting on other pairs than before' in capsys.readouterr().out
    # Older checkpoints tell neither.
    state = load_checkpoint(tmp_path / 'last.ckpt')
    del state['data'], state['selection']
    save_checkpoint(tmp_path / 'last.ckpt', state)
    trainer = Trainer(config, pairs[1:], pairs[1:2], tmp_path)
    trainer.resume()
    assert trainer.best == best
    assert capsys.readouterr().out == ''


GRADIENTS = """
import sys
from pathlib import Path

import numpy as np
import torch

from fer_fusion_ros.fusion.pairs import Pair
from fer_fusion_ros.fusion.patches import Scenes
from fer_fusion_ros.fusion.train import CriticConfig, FusionConfig, LossWeights, Trainer

image = np.random.default_rng(0).integers(0, 256, (2, 64, 64), np.uint8)
config = FusionConfig(
    preset='realtime', batch_size=4, patch=48, scenes=Scenes(dark=0.5),
    losses=LossWeights(similarity=1.0, edges=1.0, information=1.0, complement=1.0),
    critic=CriticConfig(widths=(4,) * 6, patch=32),
)
pair = Pair('noise', 'noise', *image)
trainer = Trainer(config, [pair], [pair], sys.argv[1])
batch, mix = trainer.batch(0)
trainer.critic_step(batch, mix)
trainer.generator_step(batch)
networks = trainer.generator, trainer.critic
if trainer.fabric.is_global_zero:
    torch.save(
        {
            'processes': trainer.fabric.world_size,
            'gradients': [p.grad for network in networks for p in network.parameters()],
        },
        sys.argv[1],
    )
"""


def test_two_processes_get_the_gradients_of_one(gradients_by_processes):
    one, two = gradients_by_processes(GRADIENTS)
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * float(a.abs().max()))


def test_an_unknown_preset_is_named_with_those_there_are():
    with pytest.raises(ConfigurationError, match=r"preset is 'realtme'; choose one of .*, "):
        FusionConfig(preset='realtme')


def test_the_batch_is_shared_evenly(pairs, tmp_path):
    with pytest.raises(ConfigurationError, match=r'batch_size is 4; it must be a multiple .* 3'):
        Trainer(CONFIG, pairs, pairs[:1], tmp_path, fabric=SimpleNamespace(world_size=3))


@pytest.mark.parametrize('recipe', ['fusion', 'fusion_paper'])
@pytest.mark.parametrize(
    ('override', 'message'),
    [
        ('steps=0', 'steps is 0; it must be at least 1'),
        ('validation=0', 'validation is 0; it must be at least 1'),
        ('batch_size=0', 'batch_size is 0; it must be at least 1'),
        ('patch=40', 'patch is 40; it must be at least 41'),
        ('learning_rate=-1', r'learning_rate is -1\.0; it must be above 0'),
        ('seed=-1', 'seed is -1; it must be in 0'),
        ('critic.patch=4', 'critic: patch is 4; it must be at least 29'),
        ('critic.widths=[8,8]', r'critic: widths is \[8, 8\]; it must be 6 numbers'),
        ('critic.widths=[8,8,8,8,8,0]', 'critic: widths is .* it must be at least 1'),
        ('critic.learning_rate=-1', r'critic: learning_rate is -1\.0; it must be above 0'),
        ('losses.edges=-1', r'losses: edges is -1\.0; it must be at least 0'),
        ('losses.temperature=0', r'losses: temperature is 0\.0; it must be above 0'),
        ('scenes.dark=1.5', r'scenes: dark is 1\.5; it must be in 0\.\.1'),
    ],
)
def test_numbers_out_of_range_are_named(recipe, override, message):
    path = Path(__file__).parents[2] / 'config' / 'training' / f'{recipe}.yaml'
    with pytest.raises(ConfigurationError, match=message):
        load_config(path, FusionConfig, [override])
    assert load_config(path, FusionConfig).critic.steps >= 1
