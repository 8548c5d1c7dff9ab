"""Builds a reply from parts."""

OPENINGS = {"none": "", "customer": "Dear customer,", "name": "Dear {name},"}
APOLOGIES = {
    "none": "",
    "once": "I am sorry for the trouble.",
    "thrice": "We are so sorry! We apologise. Please accept our deepest apologies.",
}
REMEDIES = {"none": "", "vague": "We will solve everything at once.", "exact": "{remedy} by {date}."}


def solve(instance, ctx):
    facts = {"name": instance.data["name"], **instance.data["facts"]}
    parts = [OPENINGS[ctx.params["opening"]], APOLOGIES[ctx.params["apology"]]]
    if ctx.params["cause"]:
        parts.append("{cause}.")
    parts.append(REMEDIES[ctx.params["remedy"]])
    sentences = [part.format(**facts) for part in parts if part]
    return " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences) or "Hello."
