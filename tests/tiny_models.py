"""Tiny models of `transformers` with random weights, as folders that a detector loads; no network."""

import io

import numpy as np
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from alignbench_tools.captions import Caption, Sentence

torch.set_num_threads(1)  # such sizes gain nothing from more
PIXELS = 32
VOCABULARY = 64
COLORS = {"red": (220, 40, 40), "green": (40, 170, 60), "blue": (50, 80, 220), "yellow": (240, 210, 50)}
SPECIAL = ["<pad>", "<unk>", "<begin>", "<end>", "<image>", "Yes", "No", "yes", "no"]
WORDS = [*SPECIAL, *"a the picture is and on with user assistant : . ' ? , -".split(), *COLORS]


def tokenizer(window, bounds=True):
    """Words and marks, between <begin> and <end> where `bounds`."""
    words = {word: place for place, word in enumerate(WORDS)}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    if bounds:
        inner.post_processor = processors.TemplateProcessing(
            single="<begin> $A <end>", special_tokens=[("<begin>", 2), ("<end>", 3)]
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", bos_token="<begin>", eos_token="<end>",
        additional_special_tokens=["<image>"], model_max_length=window,
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def letters(window):
    """The tokenizer that `transformers` insists on for SigLIP 2; here each letter is a token."""
    words = {word: place for place, word in enumerate([*SPECIAL, "▁", *"abcdefghijklmnopqrstuvwxyz."])}
    made = transformers.Siglip2Tokenizer(
        words, [], pad_token="<pad>", unk_token="<unk>", bos_token="<begin>", eos_token="<end>",
        model_max_length=window,
    )  # fmt: skip
    return made


def tower(width=32):
    return {
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }


def text_config(window):
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    return tower() | ids | {"vocab_size": VOCABULARY, "max_position_embeddings": window}


def vision_config():
    return tower() | {"image_size": PIXELS, "patch_size": 8}


def image_processor(kind=None):
    # By its Pillow class where there is one: the plain name may ask for torchvision.
    kind = kind or "CLIPImageProcessor"
    made = getattr(transformers, f"{kind}Pil", None) or getattr(transformers, kind)
    if kind == "Siglip2ImageProcessor":
        return made(patch_size=8, max_num_patches=16)
    size = {"height": PIXELS, "width": PIXELS}
    if kind == "CLIPImageProcessor":
        return made(size={"shortest_edge": PIXELS}, crop_size=size)
    return made(size=size)


def clip(window):
    config = transformers.CLIPConfig(
        text_config=text_config(window), vision_config=vision_config(), projection_dim=16
    )
    return transformers.CLIPModel(config), image_processor()


def siglip(window):
    config = transformers.SiglipConfig(text_config=text_config(window), vision_config=vision_config())
    return transformers.SiglipModel(config), image_processor("SiglipImageProcessor")


def siglip2(window):
    vision = tower() | {"num_patches": 16, "patch_size": 8}
    config = transformers.Siglip2Config(text_config=text_config(window), vision_config=vision)
    return transformers.Siglip2Model(config), image_processor("Siglip2ImageProcessor")


def blip(window):
    text = text_config(window) | {"encoder_hidden_size": 32}
    config = transformers.BlipConfig(
        text_config=text, vision_config=vision_config(), projection_dim=16, image_text_hidden_size=16
    )
    return transformers.BlipForImageTextRetrieval(config), image_processor("BlipImageProcessor")


def blip2(window):
    reader = tower() | {
        "vocab_size": VOCABULARY, "encoder_hidden_size": 32, "use_qformer_text_input": True,
        "max_position_embeddings": window, "pad_token_id": 0,
    }  # fmt: skip
    config = transformers.Blip2Config(
        vision_config=vision_config(), qformer_config=reader,
        text_config={"model_type": "opt", "hidden_size": 32, "num_hidden_layers": 1, "ffn_dim": 32,
                     "num_attention_heads": 4, "vocab_size": VOCABULARY, "word_embed_proj_dim": 32},
        num_query_tokens=4, image_text_hidden_size=16,
    )  # fmt: skip
    return transformers.Blip2ForImageTextRetrieval(config), image_processor("BlipImageProcessor")


CHAT = (
    "{% for message in messages %}{{ message.role }} : {% for part in message.content %}"
    "{% if part.type == 'image' %}<image> {% else %}{{ part.text }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)


def llava():
    """(model, processor) of a LLaVA that answers Yes or No."""
    torch.manual_seed(0)
    reader = {
        "model_type": "llama", "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0,
        "bos_token_id": 2, "eos_token_id": 3,
    }  # fmt: skip
    vision = {"model_type": "clip_vision_model", **vision_config()}
    config = transformers.LlavaConfig(
        text_config=reader, vision_config=vision, image_token_index=WORDS.index("<image>"),
        image_seq_length=16,
    )  # fmt: skip
    processor = transformers.LlavaProcessor(
        image_processor(), tokenizer(512, bounds=False), patch_size=8, chat_template=CHAT,
        vision_feature_select_strategy="default", num_additional_image_tokens=1,
    )  # fmt: skip
    return _spread(transformers.LlavaForConditionalGeneration(config), 0.1), processor


MAKERS = {"clip": clip, "siglip": siglip, "siglip2": siglip2, "blip": blip, "blip2": blip2}


def seeded(kind, window):
    """(model, image processor), the same at each call."""
    torch.manual_seed(0)
    model, processor = MAKERS[kind](window)
    return _spread(model, 0.2), processor


def _spread(model, std):
    """`model` with weights large enough that pictures and texts make a difference."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=std)
    return model.eval()


def save(kind, folder, window):
    """A folder with model, tokenizer and image processor."""
    model, processor = seeded(kind, window)
    words = letters(window) if kind == "siglip2" else tokenizer(window)
    for part in (model, processor, words):
        part.save_pretrained(folder)
    return folder


def picture(color, seed=0, size=(40, 36), format="PNG"):
    """Bytes of a picture of that color, with noise."""
    noise = np.random.default_rng(seed).integers(-20, 20, (size[1], size[0], 3))
    pixels = np.clip(np.array(COLORS[color]) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


def caption(name, *texts, captioner="terse"):
    """A caption of those sentences."""
    sentences = tuple(Sentence(f"{captioner}/{name}/{place}", text) for place, text in enumerate(texts))
    return Caption(captioner, str(name), " ".join(texts), sentences, 0)
