"""The seven expressions, in the order of the network's output and of Expression.msg."""

LABELS: tuple[str, ...] = ('neutral', 'happy', 'sad', 'angry', 'fear', 'surprise', 'disgust')
"""Name of each category; the index is the constant in ``Expression.msg``."""

CK_PLUS_LABELS: tuple[str, ...] = ('contempt', *LABELS[1:])
"""The labels of CK+, which has contempt where the others have neutral."""

UNCERTAIN: int = 255
"""Category of an expression that the recogniser abstained from naming."""

FER2013_TO_LABEL: tuple[int, ...] = (3, 6, 4, 1, 2, 5, 0)
"""Index in `LABELS` of FER2013's 0 angry, 1 disgust, 2 fear, 3 happy, 4 sad, 5 surprise, 6
neutral."""

FERPLUS_TO_LABEL: tuple[int, ...] = (0, 1, 5, 2, 3, 6, 4)
"""Index in `LABELS` of FERPlus's first seven columns (neutral, happiness, surprise, sadness,
anger, disgust, fear); contempt, unknown and NF have no counterpart."""

SYNONYMS: dict[str, str] = {
    'neutrality': 'neutral',
    'happiness': 'happy',
    'sadness': 'sad',
    'anger': 'angry',
    'afraid': 'fear',
    'fearful': 'fear',
    'surprised': 'surprise',
    'disgusted': 'disgust',
}
"""Other spellings found in the names of class folders and label files."""


def canonical_name(name: str) -> str:
    """Return an expression's name as `LABELS` spells it, if it is a spelling of one of them."""
    key = name.strip().lower()
    return SYNONYMS.get(key, key)


def label_index(name: str) -> int:
    """
    Return the category of an expression's name.

    :param name: a member of `LABELS` or of `SYNONYMS`, in any case.
    :raises KeyError: if the name is neither.
    """
    if canonical_name(name) not in LABELS:
        raise KeyError(name)
    return LABELS.index(canonical_name(name))


def label_of(category: int) -> str:
    """Return the name of a category; 'uncertain' for `UNCERTAIN`."""
    return 'uncertain' if category == UNCERTAIN else LABELS[category]
