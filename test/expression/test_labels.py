"""All numberings of the expressions agree with the message's constants."""

import pytest

from fer_fusion_ros.expression.data.ferplus import COLUMNS
from fer_fusion_ros.expression.labels import (
    FER2013_TO_LABEL,
    FERPLUS_TO_LABEL,
    LABELS,
    UNCERTAIN,
    label_index,
)


def test_they_are_the_constants_of_the_message():
    messages = pytest.importorskip('fer_fusion_ros.msg', reason='fer_fusion_ros is not built')
    for index, name in enumerate(LABELS):
        assert getattr(messages.Expression, name.upper()) == index
    assert messages.Expression.UNCERTAIN == UNCERTAIN


def test_fer2013_and_ferplus_are_translated():
    fer2013 = ('angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral')
    assert tuple(LABELS[index] for index in FER2013_TO_LABEL) == fer2013
    assert [LABELS[index] for index in FERPLUS_TO_LABEL] == [
        LABELS[label_index(name)] for name in COLUMNS[:7]
    ]


@pytest.mark.parametrize(
    ('name', 'label'), [('Happy', 1), (' sadness', 2), ('ANGER', 3), ('afraid', 4)]
)
def test_names_are_understood_in_any_spelling(name, label):
    assert label_index(name) == label


def test_a_name_of_nothing_is_an_error():
    with pytest.raises(KeyError, match='bored'):
        label_index('bored')
