"""A Llama of two layers with random weights, and a task on it that a few rounds can teach: say words of the sky."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.models.protocol import Message, Reply, Request
from engine.weights.sample import Call, Sample

WORDS = ["red", "green", "blue", "one", "two", "three", "cat", "dog", "sun", "moon", "sea", "tree"]
WANTED = {"sun", "moon", "blue"}
TEMPLATE = (
    "{% for m in messages %}<|im_start|> {{ m['content'] }} <|im_end|> {% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>{% endif %}"
)


def checkpoint(folder: Path) -> Path:
    """Writes model and tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    names = ["<unk>", "<|im_start|>", "<|im_end|>", *WORDS]
    plain = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>"))  # noqa: S106
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"unk_token": "<unk>", "bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, chat_template=TEMPLATE, **special)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
    ids: dict[str, Any] = {"vocab_size": len(names), "bos_token_id": 1, "eos_token_id": 2}
    LlamaForCausalLM(LlamaConfig(**shape, **heads, **ids, initializer_range=0.2)).save_pretrained(folder)
    return folder


def asked(word: str, seed: int, **more: Any) -> Request:
    """What every test asks."""
    return Request("", [Message("user", word)], **{"temperature": 1.0, "seed": seed, "max_tokens": 3, **more})


def graded(words: Sequence[str], replies: Sequence[Reply], k: int) -> list[Sample]:
    """k replies to each word; the reward is how many of the three words that it may have are wanted."""
    found = []
    for i, reply in enumerate(replies):
        call = Call(reply.prompt_ids, [token.id for token in reply.tokens])
        found.append(Sample(words[i // k], i % k, sum(word in WANTED for word in reply.text.split()) / 3, [call]))
    return found
