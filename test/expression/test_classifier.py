import numpy as np
import pytest

from fer_fusion_ros.engine import WEIGHTS, create_engine
from fer_fusion_ros.exceptions import EngineError
from fer_fusion_ros.expression.classifier import Classifier
from fer_fusion_ros.expression.labels import CK_PLUS_LABELS
from fer_fusion_ros.expression.predictor import Predictor


@pytest.fixture(scope='module')
def classifier():
    return Classifier(threads=1)


@pytest.fixture
def crops():
    return np.random.default_rng(0).integers(0, 256, (3, 44, 44), np.uint8)


def test_prepares_crops_as_the_metadata_says(classifier, crops):
    engine = create_engine(WEIGHTS / 'expression.onnx', threads=1)
    mean, std, temperature = (
        float(engine.metadata[key]) for key in ('mean', 'std', 'temperature')
    )
    faces = ((crops / 255 - mean) / std).astype(np.float32)[:, None]
    odds = np.exp(engine.run({'face': faces})['logits'] / temperature)
    expected = odds / odds.sum(axis=1, keepdims=True)
    probabilities = classifier.predict(crops)
    assert probabilities.dtype == np.float32
    assert probabilities == pytest.approx(expected, abs=1e-4)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_takes_any_size_and_number(classifier, crops):
    twice = crops.repeat(2, axis=1).repeat(2, axis=2)
    assert classifier.predict(twice) == pytest.approx(classifier.predict(crops), abs=1e-4)
    assert classifier.predict(crops[:0]).shape == (0, 7)


def test_refuses_weights_of_something_else():
    with pytest.raises(EngineError, match=r'fusion\.onnx is no expression network'):
        Classifier(weights=WEIGHTS / 'fusion.onnx')


@pytest.mark.parametrize('temperature', ['0', '-1', 'nan', 'inf'])
def test_refuses_a_temperature_that_gives_no_probabilities(temperature, tmp_path):
    onnx = pytest.importorskip('onnx')
    model = onnx.load(str(WEIGHTS / 'expression_stride2.onnx'))
    [entry] = [entry for entry in model.metadata_props if entry.key == 'temperature']
    entry.value = temperature
    onnx.save(model, str(tmp_path / 'mine.onnx'))
    with pytest.raises(EngineError, match=r'mine\.onnx: its temperature is .*, but must be'):
        Classifier('onnxruntime', tmp_path / 'mine.onnx')


def test_refuses_other_labels_but_where_any_will_do(tmp_path, crops):
    onnx = pytest.importorskip('onnx')
    model = onnx.load(str(WEIGHTS / 'expression_stride2.onnx'))
    [entry] = [entry for entry in model.metadata_props if entry.key == 'labels']
    entry.value = ','.join(CK_PLUS_LABELS)
    onnx.save(model, str(tmp_path / 'mine.onnx'))
    with pytest.raises(EngineError, match=r'mine\.onnx is for the labels \(.contempt., '):
        Classifier('onnxruntime', tmp_path / 'mine.onnx')
    predict = Predictor(tmp_path / 'mine.onnx', 'onnxruntime')
    assert predict.classes == CK_PLUS_LABELS
    assert predict(crops).shape == (3, 7)


def test_tells_more_faces_than_chance_does(classifier, shared_data):
    from fer_fusion_ros.expression.labels import FER2013_TO_LABEL

    data = np.load(shared_data / 'fer2013' / 'fer2013_train_public.npz')
    labels = np.array(FER2013_TO_LABEL)[data['public_y'][:300]]
    predicted = classifier.predict(data['public_x'][:300, 2:46, 2:46]).argmax(axis=1)
    assert (predicted == labels).mean() > 0.3
