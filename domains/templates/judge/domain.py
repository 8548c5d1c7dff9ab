"""A rubric that a language model judges: one question a point, and the score is the share of points fulfilled.

To put your own rubric here, write `RUBRIC` and `asked`; put your own inputs into `make`. `sia check . --judge MODEL`
says how far you can trust the judge: it grades one answer ten times.
"""

import hashlib
import random

from domains.contract import Grade, Instance, Question, Summary

SIZES = {"train": 16, "val": 24, "test": 24}
RUBRIC = {
    "name": "Does the reply address the customer by name, {name}?",
    "sorry": "Does the reply apologise, and only once?",
    "cause": "Does the reply say that {cause}?",
    "remedy": "Does the reply say that {remedy}?",
    "date": "Does the reply say that this happens by {date}?",
    "honest": "Is the reply free of promises other than that {remedy} by {date}?",
}
SYSTEM = "You check a reply to a customer against one point. Say yes or no, and nothing else."

NAMES = ("Ada", "Bo", "Cem", "Dee", "Eli", "Fay", "Gus", "Hal", "Ivy", "Jo")
CAUSES = {
    "train": (
        ("My parcel has not come.", "the parcel was sorted to the wrong depot", "a new parcel is sent"),
        ("I was charged twice.", "a payment was booked twice", "one payment is paid back"),
        ("I cannot sign in.", "the account was locked after a wrong code", "the account is opened again"),
        ("The lamp stopped working.", "the lamp has a faulty switch", "a new lamp is sent"),
        ("Nobody came to repair it.", "the appointment was lost", "a new visit is booked"),
    ),
    "val": (
        ("The shirt is too small.", "the label of the shirt names a wrong size", "the larger shirt is sent"),
        ("My voucher is refused.", "vouchers of last year have ended", "the voucher is renewed"),
        ("Half of the screws are missing.", "a bag was left out when the shelf was packed", "the screws are sent"),
        ("I get your letters in triplicate.", "three addresses are kept for one person", "two addresses are removed"),
        ("The line is dead again.", "a cable was cut by roadworks", "the cable is mended"),
    ),
    "test": (
        ("My ticket shows another date.", "the concert was moved", "the price is refunded"),
        ("The kettle leaks.", "the seal of this series is porous", "a mechanic brings another seal"),
        ("Why is my meter reading estimated?", "the reader found nobody at home", "a reader calls again"),
        ("The translation has gaps.", "two pages were scanned badly", "both pages are translated"),
        ("My seat was taken.", "the train ran with fewer carriages", "half of the fare is repaid"),
    ),
}
"""Each split has causes of its own, so that a reply learned by heart on one is worth nothing on another."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


class Replies:
    """Inputs that never change: the number of an instance is the seed of its input."""

    def __init__(self):
        self.by_split = {split: [make(split, number) for number in range(size)] for split, size in SIZES.items()}

    def digest(self):
        return hashlib.sha256(repr((self.by_split, RUBRIC, SYSTEM)).encode()).hexdigest()

    def instances(self, split):
        return self.by_split[split]

    def questions(self, instance, answer):
        """The questions to the judge about a reply; none if the answer is no reply."""
        if not is_reply(answer):
            return []
        return [Question(prompt=asked(point, instance, answer), system=SYSTEM, max_tokens=4) for point in RUBRIC]

    def grade(self, instance, answer, replies):
        if not is_reply(answer):
            return Grade(score=0.0, detail="the answer is no text of 1 to 2,000 letters")
        missed = [point for point, said in zip(RUBRIC, replies, strict=True) if not says_yes(said)]
        score = 1.0 - len(missed) / len(RUBRIC)
        return Grade(score=score, detail=f"missed: {', '.join(missed) or 'nothing'}", measures={"letters": len(answer)})

    def summarise(self, split, graded):
        late = [row.instance.id for row in graded if row.instance.data["facts"]["date"] == "Friday"]
        return Summary(subsets={"promised for Friday": late})

    def baselines(self, train, on):
        """A standard reply that says nothing."""
        return {"thank you": [f"Dear {case.data['name']}, thank you for your message. We look into it." for case in on]}


def make(split, number):
    """The input of that number."""
    draw = random.Random(f"replies {split} {number}")
    message, cause, remedy = draw.choice(CAUSES[split])
    facts = {"cause": cause, "remedy": remedy, "date": draw.choice(DAYS)}
    order = f"My order is {draw.randrange(10_000, 99_999)}."
    return Instance(
        id=f"{split}-{number:02d}", data={"message": f"{message} {order}", "name": draw.choice(NAMES), "facts": facts}
    )


def is_reply(answer):
    """Whether the answer is a text that can be judged."""
    return isinstance(answer, str) and bool(answer.strip()) and len(answer) <= 2_000


def asked(point, instance, answer):
    """The question about one point; the reply is between marks, since the harness may write anything."""
    facts = {"name": instance.data["name"], **instance.data["facts"]}
    return f"The reply:\n<reply>\n{answer}\n</reply>\n\n{RUBRIC[point].format(**facts)} Yes or no?"


def says_yes(text):
    """Whether the judge agrees; anything that is not clearly a yes is a no."""
    return text.strip().lower().lstrip("*\"'").startswith("yes")


def load(data):
    """The domain; it needs no data."""
    return Replies()
