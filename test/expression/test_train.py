"""Train on a few real faces: it learns, resumes exactly and shares its work."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from fer_fusion_ros.exceptions import CheckpointError, ConfigurationError, DataError  # noqa: E402
from fer_fusion_ros.expression import train  # noqa: E402
from fer_fusion_ros.expression.data.augmentation import Augmentation  # noqa: E402
from fer_fusion_ros.expression.data.fer2013 import load_fer2013  # noqa: E402
from fer_fusion_ros.expression.data.mixing import Mixing  # noqa: E402
from fer_fusion_ros.expression.data.modalities import Modalities  # noqa: E402
from fer_fusion_ros.expression.train import ExpressionConfig, Trainer  # noqa: E402
from fer_fusion_ros.learning.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from fer_fusion_ros.learning.config import load_config  # noqa: E402

CONFIG = ExpressionConfig(
    size=20,
    epochs=2,
    batch_size=8,
    learning_rate=0.02,
    dropout=0.2,
    coarse_size=16,
    coarse_share=0.5,
    crowd_weight=0.5,
    modalities=Modalities(dim=0.2, infrared=0.2, fused=0.2),
    precision='32-true',
)


@pytest.fixture(scope='module')
def faces(shared_data):
    whole = load_fer2013(shared_data / 'fer2013' / 'fer2013_train_public.npz', 'public')
    return whole.subset(np.concatenate([np.flatnonzero(whole.labels == k)[:4] for k in range(7)]))


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(faces, tmp_path):
    whole = Trainer(CONFIG, faces, faces, tmp_path / 'whole')
    whole.fit()

    class KilledError(Exception):
        pass

    cut = Trainer(CONFIG, faces, faces, tmp_path / 'cut')
    step, done = cut.step, []

    def dies_in_the_second_epoch(*batch):
        if len(done) == 4:
            raise KilledError
        done.append(batch)
        return step(*batch)

    cut.step = dies_in_the_second_epoch
    with pytest.raises(KilledError):
        cut.fit()
    torch.manual_seed(99)
    resumed = Trainer(CONFIG, faces, faces, tmp_path / 'cut')
    resumed.resume()
    assert resumed.epoch == 1
    resumed.fit()
    for ours, theirs in (
        (whole.network, resumed.network),
        (whole.ema.network, resumed.ema.network),
        (whole.crowd_head, resumed.crowd_head),
    ):
        for name, value in ours.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name]), name
    assert resumed.best == whole.best
    written = {path.name for path in (tmp_path / 'cut').iterdir()}
    assert {'last.ckpt', 'best.ckpt', 'history.csv', 'curves.png', 'tensorboard'} <= written
    assert len((tmp_path / 'cut' / 'history.csv').read_text().splitlines()) == 3


def test_the_best_weights_are_of_faces_in_full_size(faces, tmp_path):
    trainer = Trainer(CONFIG, faces, faces, tmp_path)
    predict = trainer.predict

    def sees_best_when_small(faces, coarse=False):
        return np.eye(7)[faces.labels] if coarse else predict(faces)

    trainer.predict = sees_best_when_small
    assert trainer.fit() < 1
    assert torch.load(tmp_path / 'best.ckpt', weights_only=True)['epoch'] == 2
    trainer.predict = predict
    assert not np.array_equal(trainer.predict(faces), trainer.predict(faces, coarse=True))


@pytest.mark.parametrize('epochs', [1, 2, 3])
def test_short_trials_have_best_weights_too(faces, tmp_path, epochs, monkeypatch):
    # Of few faces none may be told right.
    monkeypatch.setattr(train, 'accuracy', lambda *_: 0.0)
    config = replace(CONFIG, epochs=epochs, coarse_share=1.0)
    assert Trainer(config, faces.subset(slice(8)), faces, tmp_path).fit() == 0
    assert torch.load(tmp_path / 'best.ckpt', weights_only=True)['epoch'] == epochs


def test_a_full_disk_does_not_lose_the_best_weights(faces, tmp_path, fill_the_disk):
    fill_the_disk(train)
    with pytest.raises(OSError, match='No space left'):
        Trainer(replace(CONFIG, epochs=1), faces, faces, tmp_path).fit()
    assert (tmp_path / 'best.ckpt').exists() and not (tmp_path / 'last.ckpt').exists()


def test_a_finished_training_is_not_overwritten(faces, tmp_path):
    config = replace(CONFIG, epochs=1)
    Trainer(config, faces, faces, tmp_path).fit()
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(CheckpointError, match=r'last\.ckpt is .* --resume, or .* --output'):
        Trainer(config, faces, faces, tmp_path).fit()
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_a_training_that_diverges_says_so_and_saves_nothing(faces, tmp_path):
    trainer = Trainer(CONFIG, faces, faces, tmp_path)
    trainer.step = lambda *_: (torch.tensor(float('nan')), torch.tensor(1))
    with pytest.raises(ConfigurationError, match=r'diverged in epoch 1: .* nan\. Lower learning_'):
        trainer.fit()
    assert not list(tmp_path.glob('*.ckpt'))


def test_the_loss_falls(faces, tmp_path):
    still = Augmentation(0, 0, 0, 1, 0, 0, 0)
    config = replace(CONFIG, dropout=0.0, augmentation=still, modalities=Modalities())
    trainer = Trainer(config, faces, faces, tmp_path)
    batch = next(trainer.batches.epoch(0))
    course = []
    for _ in range(15):
        course.append(trainer.step(*batch)[0].item())
        trainer.optimiser.step()
        trainer.optimiser.zero_grad()
    assert course[-1] < 0.6 * course[0]


def test_a_changed_recipe_takes_effect_at_a_resume(faces, tmp_path):
    Trainer(replace(CONFIG, epochs=1), faces, faces, tmp_path).fit()
    resumed = Trainer(replace(CONFIG, weight_decay=0.25, momentum=0.5), faces, faces, tmp_path)
    resumed.resume()
    groups = resumed.optimiser.param_groups
    assert [group['weight_decay'] for group in groups] == [0.25, 0.0]
    assert [group['momentum'] for group in groups] == [0.5, 0.5]


def test_the_first_epochs_see_small_faces(faces, tmp_path):
    trainer = Trainer(CONFIG, faces, faces, tmp_path)
    step, sizes = trainer.step, []

    def notes_the_size(faces, *told):
        sizes.append(faces.shape[-1])
        return step(faces, *told)

    trainer.step = notes_the_size
    trainer.fit()
    assert sizes == [16] * 3 + [20] * 3


def test_the_crowd_trains_the_network_too(faces, tmp_path):
    crowd = np.eye(7, dtype=np.float32)[(faces.labels + 1) % 7]
    gradients = []
    for votes in (crowd, crowd[::-1].copy()):
        trainer = Trainer(CONFIG, replace(faces, crowd=votes), faces, tmp_path)
        trainer.network.eval()
        trainer.step(*next(trainer.batches.epoch(0)))
        gradients.append(trainer.network.stem[0].weight.grad.clone())
    assert not torch.equal(*gradients)


def test_it_starts_from_a_trained_network(faces, tmp_path):
    first = Trainer(CONFIG, faces, faces, tmp_path / 'first')
    first.fit()
    second = Trainer(CONFIG, faces, faces, tmp_path / 'second')
    assert not np.array_equal(second.predict(faces), first.predict(faces))
    second.start_from(first.ema.network)
    assert np.array_equal(second.predict(faces), first.predict(faces))


def test_there_is_nothing_to_resume(faces, tmp_path):
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        Trainer(CONFIG, faces, faces, tmp_path).resume()


def test_a_checkpoint_of_another_network_is_refused(faces, tmp_path):
    Trainer(replace(CONFIG, epochs=1), faces, faces, tmp_path).fit()
    with pytest.raises(CheckpointError, match='holds the preset stride2'):
        Trainer(replace(CONFIG, preset='stride1'), faces, faces, tmp_path).resume()


def test_a_checkpoint_of_other_labels_is_refused(faces, tmp_path):
    Trainer(replace(CONFIG, epochs=1), faces, faces, tmp_path).fit()
    other = replace(faces, classes=('contempt', *faces.classes[1:]))
    with pytest.raises(CheckpointError, match=r'holds the labels neutral.* has contempt'):
        Trainer(CONFIG, other, other, tmp_path).resume()


def test_training_needs_faces_with_the_same_labels(faces, tmp_path):
    with pytest.raises(DataError, match='no faces are left'):
        Trainer(CONFIG, faces.subset(slice(0)), faces, tmp_path)
    other = replace(faces, classes=('contempt', *faces.classes[1:]))
    with pytest.raises(DataError, match='has the labels contempt'):
        Trainer(CONFIG, other, faces, tmp_path)


def test_a_checkpoint_of_the_fusion_is_refused(faces, tmp_path):
    values = {'config': {'preset': CONFIG.preset}, 'generator': {}, 'critic': {}, 'epoch': 1}
    save_checkpoint(tmp_path / 'last.ckpt', values)
    with pytest.raises(CheckpointError, match='not a checkpoint of a training of expressions; '):
        Trainer(CONFIG, faces, faces, tmp_path).resume()


def test_another_recipe_and_other_faces_to_select_on_are_told_at_a_resume(faces, tmp_path, capsys):
    config = replace(CONFIG, epochs=1)
    best = Trainer(config, faces, faces, tmp_path).fit()
    same = Trainer(config, faces, faces, tmp_path)
    same.resume()
    assert same.best == best >= 0
    assert 'Resuming' not in capsys.readouterr().out
    config = replace(config, epochs=2, augmentation=replace(config.augmentation, rotation=15.0))
    other = Trainer(config, faces, faces.subset(slice(20)), tmp_path)
    other.resume()
    assert other.best == -np.inf
    assert capsys.readouterr().out.splitlines() == [
        'Selecting on other faces than before, so the best score starts anew.',
        'Resuming with another recipe: epochs 1 -> 2, augmentation.rotation 10.0 -> 15.0.',
    ]
    # Older checkpoints do not tell the selection set.
    state = load_checkpoint(tmp_path / 'last.ckpt')
    del state['selection']
    save_checkpoint(tmp_path / 'last.ckpt', state)
    other.resume()
    assert other.best == best


def test_other_training_data_are_told_at_a_resume(faces, tmp_path, capsys):
    config = replace(CONFIG, epochs=1, soft_share=0.5)
    shares = np.eye(7, dtype=np.float32)[faces.labels]
    train = replace(faces, crowd=shares, soft=shares)
    Trainer(config, train, faces, tmp_path, np.maximum).fit()
    # Teachers are not to the last digit alike on every machine.
    same = replace(train, soft=train.soft * np.float32(1 + 1e-6))
    Trainer(config, same, faces, tmp_path, np.minimum).resume()
    assert capsys.readouterr().out == ''
    told = 'Resuming with other training data than before: '
    others = [
        (replace(train, crowd=None), np.maximum, 'votes.'),
        (replace(train, crowd=shares[::-1], soft=None), np.maximum, 'votes, soft labels.'),
        (replace(train, soft=(shares + shares[0]) / 2), None, 'soft labels, generator.'),
        (train.subset(slice(8, None)), np.maximum, 'faces, votes, soft labels.'),
        (replace(train, labels=(train.labels + 1) % 7), np.maximum, 'faces.'),
    ]
    for other, fuse, names in others:
        Trainer(config, other, faces, tmp_path, fuse).resume()
        assert capsys.readouterr().out.splitlines() == [told + names]
    # Older checkpoints do not tell them.
    state = load_checkpoint(tmp_path / 'last.ckpt')
    del state['data']
    save_checkpoint(tmp_path / 'last.ckpt', state)
    Trainer(config, faces, faces, tmp_path).resume()
    assert capsys.readouterr().out == ''


GRADIENTS = """
import sys

import numpy as np
import torch

from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.train import ExpressionConfig, Trainer

rng = np.random.default_rng(0)
images = rng.integers(0, 256, (8, 48, 48), np.uint8)
faces = Faces('noise', images, rng.integers(0, 7, 8))
config = ExpressionConfig(size=20, batch_size=8, crowd_weight=0.5, precision='32-true')
trainer = Trainer(config, faces, faces, sys.argv[1] + '.folder')
# Each process normalises by its own share of the batch; with fixed statistics they agree.
trainer.network.eval()
crops = torch.from_numpy(images[:, 14:34, 14:34] / 255.0 - 0.5).float()[:, None]
labels = torch.from_numpy(faces.labels)
mine = slice(trainer.fabric.global_rank, None, trainer.fabric.world_size)
crowd = torch.nn.functional.one_hot(labels, 7).float()
trainer.step(crops[mine], labels[mine], crowd[mine], crowd[mine])
if trainer.fabric.is_global_zero:
    torch.save(
        {
            'processes': trainer.fabric.world_size,
            'gradients': [p.grad for p in trainer.network.parameters()],
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
        ExpressionConfig(preset='realtme')


def test_the_batch_is_shared_evenly(faces, tmp_path):
    fabric = SimpleNamespace(world_size=3)
    with pytest.raises(ConfigurationError, match=r'batch_size is 8; it must be a multiple .* 3'):
        Trainer(CONFIG, faces, faces, tmp_path, fabric=fabric)


def test_the_network_sees_no_more_than_the_faces(faces, tmp_path):
    with pytest.raises(ConfigurationError, match=r'size is 60; it cannot exceed .*, 48x48'):
        Trainer(replace(CONFIG, size=60), faces, faces, tmp_path)


def test_a_precision_that_there_is_not_is_named(faces, tmp_path):
    with pytest.raises(ConfigurationError, match="precision 'foo' no training"):
        Trainer(replace(CONFIG, precision='foo'), faces, faces, tmp_path)


RECIPES = Path(__file__).parents[2] / 'config' / 'training'


def test_a_face_is_shown_in_one_modality():
    with pytest.raises(ConfigurationError, match=r'dim, infrared and fused are 1\.2 together'):
        Modalities(dim=0.6, infrared=0.6)
    assert Modalities(dim=0.7, infrared=0.2, fused=0.1).dim == 0.7


def test_faces_are_mixed_until_the_recipe_says(faces, tmp_path):
    config = replace(CONFIG, mixing=Mixing(mixup=1.0, until=0.5))
    mixed, plain = (Trainer(each, faces, faces, tmp_path).batches for each in (config, CONFIG))
    for epoch, same in ((0, False), (1, True)):
        for (*_, ours, _), (*_, theirs, _) in zip(
            mixed.epoch(epoch), plain.epoch(epoch), strict=True
        ):
            assert torch.equal(ours, theirs) == same


@pytest.mark.parametrize('recipe', ['expression', 'expression_paper'])
@pytest.mark.parametrize(
    ('override', 'message'),
    [
        ('batch_size=-4', 'batch_size is -4; it must be at least 1'),
        ('batch_size=0', 'batch_size is 0; it must be at least 1'),
        ('size=0', 'size is 0; it must be at least 1'),
        ('coarse_size=0', 'coarse_size is 0; it must be at least 1'),
        ('coarse_share=2', r'coarse_share is 2\.0; it must be in 0\.\.1'),
        ('epochs=0', 'epochs is 0; it must be at least 1'),
        ('std=0', r'std is 0\.0; it must be above 0'),
        ('learning_rate=.nan', 'learning_rate is nan; it must be above 0'),
        ('learning_rate=.inf', 'learning_rate is inf; it must be above 0'),
        ('learning_rate=-1', r'learning_rate is -1\.0; it must be above 0'),
        ('momentum=0', r'momentum is 0\.0; it must be above 0 and below 1'),
        ('dropout=1.5', r'dropout is 1\.5; it must be in 0\.\.1'),
        ('label_smoothing=2', r'label_smoothing is 2\.0; it must be in 0\.\.1'),
        ('seed=-1', 'seed is -1; it must be in 0'),
        (
            'augmentation.zoom=1.5',
            r'augmentation: zoom is 1\.5; it must be at least 0 and below 1',
        ),
        ('augmentation.erase=-1', r'augmentation: erase is -1\.0; it must be in 0\.\.1'),
        ('modalities.darkest=0', r'modalities: darkest is 0\.0; it must be above 0 and at most 1'),
        ('modalities.dim=1.1', r'modalities: dim is 1\.1; it must be in 0\.\.1'),
        ('mixing.cutmix=2', r'mixing: cutmix is 2\.0; it must be in 0\.\.1'),
        ('mixing.alpha=0', r'mixing: alpha is 0\.0; it must be above 0'),
    ],
)
def test_numbers_out_of_range_are_named(recipe, override, message):
    path = RECIPES / f'{recipe}.yaml'
    with pytest.raises(ConfigurationError, match=message):
        load_config(path, ExpressionConfig, [override])
    assert load_config(path, ExpressionConfig).epochs == 100
