"""The example training loop, at a smaller size."""

import importlib.util
from pathlib import Path

import pytest
from alignbench_auroc import compute_metrics

MISSING = [name for name in ("torch", "transformers", "accelerate") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed")


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[1] / "examples" / "train_tiny_clip.py"
    spec = importlib.util.spec_from_file_location("train_tiny_clip", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tiny_clip_rises_above_what_a_blind_detector_reaches(example, capsys):
    before, after = example.train(epochs=1, scenes=2000, validation_scenes=300)
    blind = max(after["blind_position"], after["blind_length"])
    assert before["auroc_low"] < blind < after["auroc_low"] < after["auroc"] < after["auroc_high"]
    assert after["n"] == 300 * 6
    assert {"auroc_terse", "auroc_wordy"} <= set(after)
    assert "blind: position" in capsys.readouterr().out


def test_false_sentences_are_false_and_labels_say_so(example):
    facts, pictures, examples = example.make_examples(50, seed=3)
    assert pictures.shape == (50, 3, 32, 32)
    for row in examples:
        assert row.label == (row.claims <= facts[row.image])
        assert all(f"a {color} {shape} on the {side}" in row.sentence for side, color, shape in row.claims)
    assert {row.label for row in examples} == {0, 1}


def test_the_trainer_logs_auroc_and_its_interval_and_keeps_the_best(tmp_path):
    import torch
    from transformers import Trainer, TrainingArguments

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(2))

        def forward(self, x, labels):
            logits = x @ self.weight
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels.float())
            return {"loss": loss, "logits": logits}

    torch.manual_seed(0)
    labels = torch.randint(0, 2, (400,))
    signal = torch.stack([torch.randn(400) + labels, torch.randn(400)], dim=1)
    rows = [{"x": x, "labels": y} for x, y in zip(signal, labels, strict=True)]
    arguments = TrainingArguments(
        str(tmp_path), num_train_epochs=2, eval_strategy="epoch", save_strategy="epoch", learning_rate=0.1,
        metric_for_best_model="auroc", load_best_model_at_end=True, report_to="none", use_cpu=True,
    )  # fmt: skip
    compute = compute_metrics(image_id=[str(i // 4) for i in range(400)])
    trainer = Trainer(Linear(), arguments, train_dataset=rows, eval_dataset=rows, compute_metrics=compute)
    trainer.train()
    result = trainer.evaluate()
    assert result["eval_auroc"] == pytest.approx(0.76, abs=0.05)  # of one standard deviation: 0.76
    assert result["eval_auroc_low"] < result["eval_auroc"] < result["eval_auroc_high"]
    assert trainer.state.best_metric == pytest.approx(result["eval_auroc"])


def test_the_model_is_tiny(example):
    assert 300_000 < sum(parameter.numel() for parameter in example.make_model().parameters()) < 500_000
