"""Adapt a trained PyConv-SE18 to a few photographs taken by one's own lens."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_fusion_ros.exceptions import ConfigurationError, DataError
from fer_fusion_ros.expression.data.augmentation import Augmentation
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.folds import divide
from fer_fusion_ros.expression.data.modalities import Modalities
from fer_fusion_ros.expression.evaluate import Evaluation, evaluate
from fer_fusion_ros.expression.predictor import predict_with
from fer_fusion_ros.expression.pyconv_se18 import STAGES, PyConvSE18, standardise
from fer_fusion_ros.learning.config import SEED, check_ranges
from fer_fusion_ros.learning.fabric import computes_in_bfloat16
from fer_fusion_ros.learning.progress import progress_bar
from fer_fusion_ros.learning.schedule import warmup_cosine

PRECISIONS = ('auto', '32-true', 'bf16-mixed')
"""Names as Lightning Fabric's."""

_LAST_STAGE = 2 * (len(STAGES) - 1)
"""Blocks before the last stage; few photographs do not suffice to teach them anything."""


@dataclass(frozen=True)
class AdaptationConfig:
    """
    A recipe for an adaptation.

    :param known_faces: number of faces whose answers are to stay as they are.
    :param views: of each photograph, differently augmented.
    :param steps: of gradient descent.
    :param known_batch: known faces per step.
    :param photograph_batch: photographs per step.
    :param photograph_weight: of their loss beside that of the known faces; the larger, the more
        the former count and the more answers of the latter change.
    :param learning_rate: highest, after the warm-up.
    :param warmup_steps: length of the linear rise; half a cosine down to zero follows.
    :param momentum: Nesterov's.
    :param precision: `32-true`, `bf16-mixed`, or `auto`: the latter where the processor computes
        in bfloat16, in less than half the time.
    :param folds: groups of people that are left out in turn to estimate what the adaptation
        brings for people it has not seen; 0 for no estimate.
    :param augmentation: geometry and tone of both kinds of faces.
    :param modalities: in which the known faces are shown.
    :param seed: of everything random.
    :raises ConfigurationError: if a number is out of its range, there is no such precision, or
        there is one fold.
    """

    known_faces: int = 16000
    views: int = 16
    steps: int = 400
    known_batch: int = 96
    photograph_batch: int = 32
    photograph_weight: float = 0.1
    learning_rate: float = 0.02
    warmup_steps: int = 20
    momentum: float = 0.9
    precision: str = '32-true'
    folds: int = 3
    augmentation: Augmentation = field(default_factory=Augmentation)
    modalities: Modalities = field(default_factory=Modalities)
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ('known_faces', 'views', 'steps', 'known_batch', 'photograph_batch')
        check_ranges(
            self,
            {
                **dict.fromkeys(counts, '[1, inf)'),
                'photograph_weight': '[0, inf)',
                'learning_rate': '(0, inf)',
                'warmup_steps': '[0, inf)',
                'momentum': '(0, 1)',
                'seed': SEED,
            },
        )
        if self.precision not in PRECISIONS:
            raise ConfigurationError(
                f'precision is {self.precision!r}; choose one of {", ".join(PRECISIONS)}.'
            )
        if self.folds < 0 or self.folds == 1:
            raise ConfigurationError(f'folds is {self.folds}; give 0, or at least 2.')


class Adapter:
    """
    Teach a network's last stage photographs while its answers to known faces stay.

    What the stages before it tell of the faces is computed once, and the statistics of all
    normalisations stay as they are.

    :param network: in evaluation mode; not changed.
    :param metadata: as `load_network` returns it with the network.
    :param known: faces like those the network was trained on; their labels are not used.
    :param photographs: labelled, as the lens shows them.
    :param config: the recipe.
    :param fuse: see `Modalities`.
    :raises DataError: if there are no known faces or no photographs, their labels are not the
        network's, or they do not tell of enough people for the folds.
    """

    def __init__(
        self,
        network: PyConvSE18,
        metadata: dict[str, str],
        known: Faces,
        photographs: Faces,
        config: AdaptationConfig,
        fuse: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> None:
        for faces in (known, photographs):
            if len(faces) == 0:
                raise DataError(f'{faces.name}: there are no faces to adapt with.')
        photographs.check_classes(metadata['labels'].split(','))
        self.network = copy.deepcopy(network).to(memory_format=torch.channels_last)
        self.metadata, self.photographs, self.config = metadata, photographs, config
        self._folds = _folds(photographs, config.folds) if config.folds else None
        rng = np.random.default_rng(config.seed)
        generator = torch.Generator().manual_seed(config.seed)
        rows = rng.permutation(len(known))[: config.known_faces]
        shown = config.modalities(known.images[rows].astype(np.float32) / 255, rng, fuse)
        self._known = self._features(shown, generator)
        with torch.no_grad():
            answers = [self._logits(self.network, part) for part in self._known.split(256)]
        self._answers = torch.cat(answers).softmax(1)
        images = photographs.images.astype(np.float32) / 255
        self._views = torch.stack([self._features(images, generator) for _ in range(config.views)])

    def adapt(
        self, rows: np.ndarray | slice = slice(None), stepped: Callable[[], object] | None = None
    ) -> PyConvSE18:
        """
        Return an adapted copy of the network.

        :param rows: photographs to learn from, indices or mask; all by default.
        :param stepped: called after each step.
        :return: in evaluation mode.
        :raises ConfigurationError: if the learning diverged.
        """
        config = self.config
        network = copy.deepcopy(self.network).train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        weights = [*network.blocks[_LAST_STAGE:].parameters(), *network.fc.parameters()]
        optimiser = torch.optim.SGD(weights, config.learning_rate, config.momentum, nesterov=True)
        views = self._views[:, rows]
        labels = torch.from_numpy(self.photographs.labels)[rows]
        generator = torch.Generator().manual_seed(config.seed)

        def draw(below: int, count: int) -> Tensor:
            return torch.randint(below, (count,), generator=generator)

        for step in range(config.steps):
            factor = warmup_cosine(step, config.steps, config.warmup_steps)
            optimiser.param_groups[0]['lr'] = config.learning_rate * factor
            known = draw(len(self._known), config.known_batch)
            view, photograph = (
                draw(count, config.photograph_batch) for count in (len(views), len(labels))
            )
            features = torch.cat([self._known[known], views[view, photograph]])
            logits = self._logits(network, features).split(
                [config.known_batch, config.photograph_batch]
            )
            loss = F.cross_entropy(logits[0], self._answers[known])
            loss = loss + config.photograph_weight * F.cross_entropy(logits[1], labels[photograph])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if stepped:
                stepped()
        if not loss.isfinite():
            raise ConfigurationError(
                f'The adaptation diverged: learning_rate {config.learning_rate:g} is too much for '
                f'photograph_weight {config.photograph_weight:g}. Lower either.'
            )
        return network.eval()

    def run(self) -> tuple[PyConvSE18, Evaluation | None]:
        """
        Adapt to all photographs, and estimate what that is worth for other people.

        :return: the adapted network, and what networks adapted without a photographed person tell
            of that person, for each of them; None without folds.
        """
        faces, folds, count = self.photographs, self._folds, self.config.folds
        probabilities: dict[str, np.ndarray] = {}
        with progress_bar(self.config.steps * (count + 1), 0, 'step', 'adapting') as bar:
            for fold in range(count):
                network = self.adapt(folds != fold, bar.update)
                part = self.evaluate(network, faces.subset(folds == fold))
                for view, values in part.probabilities.items():
                    whole = probabilities.setdefault(view, np.zeros((len(faces), values.shape[1])))
                    whole[folds == fold] = values
            network = self.adapt(stepped=bar.update)
        return network, Evaluation(faces, probabilities) if count else None

    def evaluate(self, network: PyConvSE18, faces: Faces) -> Evaluation:
        """Say what a network tells of faces."""
        return evaluate(predict_with(network, self.metadata), int(self.metadata['size']), faces)

    @torch.no_grad()
    def _features(self, images: np.ndarray, generator: torch.Generator) -> Tensor:
        """Map images (N, H, W) in 0..1 to what the last stage sees of them, in half precision."""
        size = int(self.metadata['size'])
        crops = self.config.augmentation(torch.from_numpy(images)[:, None], size, generator)
        faces = (crops - float(self.metadata['mean'])) / float(self.metadata['std'])
        features = []
        for part in faces.split(256):
            part = part.contiguous(memory_format=torch.channels_last)
            with self._autocast():
                stem = self.network.stem(standardise(part))
                features.append(self.network.blocks[:_LAST_STAGE](stem).half())
        return torch.cat(features)

    def _logits(self, network: PyConvSE18, features: Tensor) -> Tensor:
        features = features.float().contiguous(memory_format=torch.channels_last)
        with self._autocast():
            return network.fc(network.blocks[_LAST_STAGE:](features).mean((2, 3))).float()

    def _autocast(self) -> torch.autocast:
        precision = self.config.precision
        fast = precision == 'bf16-mixed' or (precision == 'auto' and computes_in_bfloat16('cpu'))
        return torch.autocast('cpu', torch.bfloat16, enabled=fast)


def _folds(photographs: Faces, count: int) -> np.ndarray:
    try:
        return divide(photographs, 'subject', count)
    except DataError as error:
        raise DataError(
            f'{error} Tell who is shown in the column subject of labels.csv, set folds to fewer, '
            'or to 0 for no estimate.'
        ) from error
