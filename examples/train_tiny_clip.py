"""Train a tiny CLIP on drawn scenes and log AUROC with its interval after each epoch.

    python examples/train_tiny_clip.py [--epochs 8] [--scenes 2000] [--seed 0]
        [--save FOLDER] [--release FOLDER]

Needs torch and transformers; downloads nothing and takes about a minute on two CPU cores. `--save` keeps the
model for `alignbench score --model clip/FOLDER`, `--release` writes scenes that nothing was trained or chosen
on, laid out like the published release, for its `--data-dir`. A scene has an
object on the left and one on the right. Two captioners describe it in three sentences each, later
sentences are more often wrong, and two-object sentences, which are longer, too: so a detector that
never looks at the picture (`blind_position`, `blind_length`) is above chance, and has to be beaten.
"""

import argparse
import json
import random
from pathlib import Path
from typing import NamedTuple

import alignbench_auroc
import evaluate
import numpy as np
import torch
from PIL import Image, ImageDraw
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

try:
    from transformers import CLIPImageProcessorPil as CLIPImageProcessor
except ImportError:  # before transformers 5 there was one name for all
    from transformers import CLIPImageProcessor

COLORS = {
    "red": (220, 40, 40),
    "green": (40, 170, 60),
    "blue": (50, 80, 220),
    "yellow": (240, 210, 50),
}
SHAPES = ("circle", "square", "triangle")
SIDES = ("left", "right")
OPENINGS = {"terse": "", "wordy": "the picture shows "}
WORDS = "<pad> <end> <unk> a and on picture shows the".split()
VOCABULARY = {word: i for i, word in enumerate([*WORDS, *COLORS, *SHAPES, *SIDES])}
PIXELS, TOKENS = 32, 17


class Example(NamedTuple):
    """A picture's index, one sentence about it, and what the metric wants to know."""

    image: int
    sentence: str
    claims: frozenset
    """What the sentence states: (side, color, shape) each."""
    label: int
    captioner: str
    position: int

    def line(self):
        """The sentence as a line of a release."""
        return {
            "model": self.captioner,
            "image_source": "drawn",
            "image_name": f"scene{self.image}",
            "image_type": "Object",
            "sentence_index": self.position,
            "caption": self.sentence,
            "annotation": "correct" if self.label else "incorrect",
            "image_path_in_repo": f"images/drawn/scene{self.image}.png",
        }


def draw(scene, rng):
    """A picture of {side: (color, shape)} with objects of random size and place."""
    image = Image.new("RGB", (PIXELS, PIXELS), (128, 128, 128))
    canvas = ImageDraw.Draw(image)
    for side, (color, shape) in scene.items():
        half, fill = rng.uniform(4, 6), COLORS[color]
        x, y = rng.uniform(7, 9) + 16 * SIDES.index(side), rng.uniform(8, 24)
        box = (x - half, y - half, x + half, y + half)
        if shape == "circle":
            canvas.ellipse(box, fill)
        elif shape == "square":
            canvas.rectangle(box, fill)
        else:
            canvas.polygon([(x, y - half), (x - half, y + half), (x + half, y + half)], fill)
    return np.asarray(image, dtype=np.uint8)


def falsify(scene, side, rng):
    """One object's (side, color, shape) with one of the three wrong in this scene."""
    while True:
        claim = [side, *scene[side]]
        part = rng.randrange(3)
        claim[part] = rng.choice((SIDES, tuple(COLORS), SHAPES)[part])
        if scene[claim[0]] != tuple(claim[1:]):
            return tuple(claim)


def describe(scene, position, rng):
    """A sentence about one or both objects, what it claims, and whether it is correct."""
    claims = [(side, *scene[side]) for side in rng.sample(SIDES, rng.choice((1, 2)))]
    labels = []
    for i, (side, *_) in enumerate(claims):
        labels.append(rng.random() > 0.15 + 0.1 * position)
        if not labels[-1]:
            claims[i] = falsify(scene, side, rng)
    text = " and ".join(f"a {color} {shape} on the {side}" for side, color, shape in claims)
    return text, frozenset(claims), int(all(labels))


def make_examples(scenes, seed):
    """Scenes as sets of facts, their pictures (scenes, 3, height, width), and all sentences on them."""
    rng = random.Random(seed)
    facts, pictures, examples = [], [], []
    for index in range(scenes):
        scene = {side: (rng.choice(tuple(COLORS)), rng.choice(SHAPES)) for side in SIDES}
        facts.append({(side, *scene[side]) for side in SIDES})
        pictures.append(draw(scene, rng))
        for captioner, opening in OPENINGS.items():
            for position in range(3):
                text, claims, label = describe(scene, position, rng)
                examples.append(Example(index, opening + text, claims, label, captioner, position))
    return facts, torch.tensor(np.stack(pictures)).permute(0, 3, 1, 2), examples


def make_tokenizer():
    """Words of the vocabulary and <end>; any other word is <unk>."""
    words = Tokenizer(models.WordLevel(VOCABULARY, unk_token="<unk>"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="$A <end>", special_tokens=[("<end>", VOCABULARY["<end>"])]
    )
    special = {"pad_token": "<pad>", "eos_token": "<end>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=TOKENS, **special)


TOKENIZER = make_tokenizer()


def tokenize(sentences):
    """Token ids of shape (sentences, TOKENS)."""
    return TOKENIZER(sentences, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]


def save(model, folder):
    """The model with its tokenizer and image processor, as `AutoModel` and the others load it."""
    gray = [0.5] * 3
    size = {"height": PIXELS, "width": PIXELS}
    pictures = CLIPImageProcessor(size=size, crop_size=size, image_mean=gray, image_std=gray)
    for part in (model, TOKENIZER, pictures):
        part.save_pretrained(folder)


def write_release(folder, scenes, seed):
    """`scenes` new scenes as a folder in the published layout: halcap_bench.jsonl and images/."""
    drawn = Path(folder) / "images" / "drawn"
    drawn.mkdir(parents=True, exist_ok=True)
    _, pictures, examples = make_examples(scenes, seed)
    for index, picture in enumerate(pictures.permute(0, 2, 3, 1).numpy()):
        Image.fromarray(picture).save(drawn / f"scene{index}.png")
    lines = [json.dumps(example.line()) + "\n" for example in examples]
    (Path(folder) / "halcap_bench.jsonl").write_text("".join(lines), encoding="utf-8")


def make_model():
    """A CLIP of 0.4 million parameters, untrained."""

    def tower(width):
        sizes = {"hidden_size": width, "intermediate_size": 2 * width}
        return sizes | {"num_hidden_layers": 2, "num_attention_heads": 4}

    text = tower(64) | {
        "vocab_size": len(VOCABULARY),
        "max_position_embeddings": TOKENS,
        "pad_token_id": VOCABULARY["<pad>"],
        "eos_token_id": VOCABULARY["<end>"],
        "bos_token_id": None,
    }
    vision = tower(128) | {"image_size": PIXELS, "patch_size": 8}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))


def alignment(model, pictures, examples):
    """Scaled cosines (sentences, pictures) of all sentences with all pictures."""
    tokens = tokenize([example.sentence for example in examples])
    return model(pixel_values=pictures.float() / 127.5 - 1, input_ids=tokens).logits_per_text


def train_epoch(model, optimizer, bias, facts, pictures, examples, batch_size=16):
    """One pass in the order of the scenes. Returns the mean loss.

    Every sentence is judged on every picture of the batch, which teaches what the words look like, and
    once more on its own picture, where a wrong sentence is wrong in a detail only.
    """
    criterion = torch.nn.functional.binary_cross_entropy_with_logits
    model.train()
    losses = []
    each = len(examples) // len(facts)
    for start in range(0, len(facts), batch_size):
        seen = facts[start : start + batch_size]
        batch = examples[start * each : (start + batch_size) * each]
        truth = torch.tensor([[float(example.claims <= known) for known in seen] for example in batch])
        logits = alignment(model, pictures[start : start + batch_size], batch) + bias
        own = torch.arange(len(batch)), torch.tensor([example.image - start for example in batch])
        loss = criterion(logits, truth, pos_weight=(1 - truth).sum() / truth.sum())
        loss = loss + criterion(logits[own], truth[own])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.no_grad()
def validate(metric, model, pictures, examples, batch_size=480):
    """The metric's result on all examples, added batch by batch as a trainer would."""
    model.eval()
    for start in range(0, len(examples), batch_size):
        batch = examples[start : start + batch_size]
        images = torch.tensor([example.image for example in batch])
        scores = alignment(model, pictures, batch)[torch.arange(len(batch)), images]
        metric.add_batch(predictions=scores.tolist(), references=[example.label for example in batch])
    return metric.compute(**groups(examples))


def groups(examples):
    """The columns that make intervals right: an image's sentences go along together."""
    return {
        "captioner": [example.captioner for example in examples],
        "image_id": [str(example.image) for example in examples],
    }


def blind(metric, examples):
    """AUROC of two detectors that do not look: earlier is better, and shorter is better."""
    references = [example.label for example in examples]
    controls = {
        "blind_position": [-example.position for example in examples],
        "blind_length": [-len(example.sentence) for example in examples],
    }
    return {
        name: metric.compute(predictions=scores, references=references, **groups(examples))["auroc"]
        for name, scores in controls.items()
    }


def train(epochs=8, scenes=2000, validation_scenes=400, seed=0, folder=None):
    """Train and return a list with one dict of logged numbers for each epoch, epoch 0 untrained; the model of
    the last epoch, whether it is the best or not, is saved in `folder`."""
    torch.set_num_threads(1)  # such small sizes gain nothing from more, and lose where cores are busy
    torch.manual_seed(seed)
    metric = evaluate.load(str(Path(alignbench_auroc.__file__).with_name("alignbench_auroc.py")))
    _, pictures, held_out = make_examples(validation_scenes, seed=10_000 + seed)
    controls = blind(metric, held_out)
    model, bias = make_model(), torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.AdamW([*model.parameters(), bias], lr=5e-4, weight_decay=0.01)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(held_out):,} sentences held out")
    history = []
    for epoch in range(epochs + 1):
        loss = float("nan")
        if epoch:
            optimizer.param_groups[0]["lr"] = 5e-4 * (1 - (epoch - 1) / epochs)
            loss = train_epoch(model, optimizer, bias, *make_examples(scenes, seed=1000 * seed + epoch))
        result = validate(metric, model, pictures, held_out)
        history.append({"epoch": epoch, "loss": loss, **result, **controls})
        print(
            "epoch {epoch}  loss {loss:.3f}  AUROC {auroc:.3f} [{auroc_low:.3f}, {auroc_high:.3f}]  "
            "blind: position {blind_position:.3f}, length {blind_length:.3f}".format(**history[-1]),
            flush=True,
        )
    if folder:
        save(model, folder)
    return history


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--scenes", type=int, default=2000, help="drawn anew for each epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="FOLDER", help="where to keep the model")
    parser.add_argument("--release", metavar="FOLDER", help="where to write 400 scenes to score")
    args = parser.parse_args(arguments)
    train(args.epochs, args.scenes, seed=args.seed, folder=args.save)
    if args.release:
        write_release(args.release, scenes=400, seed=20_000 + args.seed)


if __name__ == "__main__":
    main()
