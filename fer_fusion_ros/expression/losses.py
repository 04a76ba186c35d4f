"""The paper's classification losses, equations (10)-(12)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def large_margin_cosine(
    features: Tensor, weight: Tensor, labels: Tensor, scale: float = 30.0, margin: float = 0.35
) -> Tensor:
    """
    Large-margin cosine loss (CosFace), equation (11).

    :param features: (N, D) float, input of the last fully connected layer; only its direction
        matters.
    :param weight: (C, D) float, that layer's weight; only the directions of its rows matter.
    :param labels: (N,) int64 in 0..C-1.
    :param scale: s, the factor on the cosines.
    :param margin: m, what is taken from the cosine of the true class. With 0 this is cross
        entropy over scaled cosines.
    :return: scalar, mean over the batch.
    """
    cosine = F.normalize(features) @ F.normalize(weight).T
    own = F.one_hot(labels, len(weight)).to(cosine.dtype)
    return F.cross_entropy(scale * (cosine - margin * own), labels)


def expression_loss(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    labels: Tensor,
    target: Tensor | None = None,
    cosine_weight: float = 0.1,
    scale: float = 30.0,
    margin: float = 0.35,
    label_smoothing: float = 0.0,
) -> Tensor:
    """
    Cross entropy plus weighted large-margin cosine loss on one shared layer, equation (12).

    :param features: (N, D) float, input of the last fully connected layer.
    :param weight: (C, D) float, that layer's weight.
    :param bias: (C,) float, that layer's bias, which the cosine term ignores.
    :param labels: (N,) int64 in 0..C-1.
    :param target: (N, C) float distribution that the cross entropy uses in place of the labels,
        such as a mixture with a crowd's votes.
    :param cosine_weight: λ; the paper sets 0.1.
    :param scale: s of the cosine term.
    :param margin: m of the cosine term.
    :param label_smoothing: share of the target spread evenly over the classes.
    :return: scalar, mean over the batch.
    """
    logits = F.linear(features, weight, bias)
    loss = F.cross_entropy(
        logits, labels if target is None else target, label_smoothing=label_smoothing
    )
    if cosine_weight:
        loss = loss + cosine_weight * large_margin_cosine(features, weight, labels, scale, margin)
    return loss


def mix_targets(labels: Tensor, crowd: Tensor, share: float) -> Tensor:
    """
    Mix one-hot labels with the crowd's distributions.

    :param labels: (N,) int64 in 0..C-1.
    :param crowd: (N, C) float, each row a distribution, or zeros where there are no votes.
    :param share: weight of the crowd, 0..1; a row without votes keeps its label alone.
    :return: (N, C) float, each row a distribution.
    """
    own = F.one_hot(labels, crowd.shape[1]).to(crowd.dtype)
    voted = (crowd.sum(1, keepdim=True) > 0).to(crowd.dtype)
    return torch.lerp(own, crowd, share * voted)
