"""A harness for trimul that has a language model write kernels, tries each, and submits the fastest that is right.

Kernels in `kernels/` (NAME.py, and NAME.cpp where it is compiled), where there are any, are tried after the reference
and before the model is asked: that is where what proved good in one generation is kept for the next.
"""

from pathlib import Path

import archive
import replies

HERE = Path(__file__).parent


def prepare(ctx):
    """The prompts, by name."""
    return {path.stem: path.read_text().strip() for path in (HERE / "prompts").glob("*.md")}


def solve(instance, ctx):
    """The fastest kernel of the archive, after `attempts` replies of the model."""
    prompts, params = ctx.prepared, ctx.params
    reference = {"language": "torch", "source": instance.data["reference"]}
    tried = archive.Archive(reference["source"], params["trial_s"])
    ctx.log(tried.add("reference", reference))
    for name, kernel in archive.kept(HERE / "kernels"):
        ctx.log(tried.add(name, kernel))
    for attempt in range(params["attempts"]):
        asked = prompts["ask"].format(
            reference=reference["source"],
            timed="\n".join(instance.data["timed"]),
            tolerance=instance.data["tolerance"],
            tried=tried.told(params["shown"]),
        )
        messages = [{"role": "system", "text": prompts["system"]}, {"role": "user", "text": asked}]
        text = ctx.model.chat(messages, max_tokens=params["reply_tokens"])["text"]
        try:
            kernel = replies.kernel(text)
        except ValueError as error:
            ctx.log(tried.refuse(f"reply {attempt + 1}", text[-2000:], str(error)))
        else:
            ctx.log(tried.add(f"reply {attempt + 1}", kernel))
    return tried.best() or reference
