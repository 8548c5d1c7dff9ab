"""Tests of this task. Run them in this folder: python -m unittest"""

import unittest

from domain import DAYS, load, problems

WEEK = {
    "people": {"ada": ["sun"], "bo": []},
    "shifts": dict.fromkeys(DAYS, 0) | {"mon": 1, "tue": 1, "wed": 1, "sun": 1},
    "most": 3,
}


class TheTask(unittest.TestCase):
    def test_a_rota_that_fulfils_everything_is_accepted(self):
        self.assertEqual(problems(WEEK, "mon,ada\ntue,ada\nwed,bo\nsun,bo\n"), [])

    def test_each_rule_is_checked(self):
        for answer, says in (
            ("mon,ada\ntue,ada\nwed,ada\nsun,bo", "in a row"),
            ("mon,ada\ntue,bo\nwed,ada\nsun,ada", "cannot work on sun"),
            ("mon,ada\ntue,bo\nwed,ada", "sun has 0"),
            ("mon,ada\nmon,ada\ntue,bo\nwed,ada\nsun,bo", "twice on mon"),
            ("mon,bo\ntue,bo\nwed,ada\nsun,bo\nthu,bo", "bo has 4 shifts"),
            ("mon,eve\ntue,bo\nwed,ada\nsun,bo", "is no day and name"),
        ):
            self.assertTrue(any(says in problem for problem in problems(WEEK, answer)), answer)

    def test_whatever_is_no_text_is_not_accepted(self):
        case = load(None).instances("val")[0]
        for answer in (None, "", 0, [], {}, b"mon,ada", "x" * 100_000):
            self.assertEqual(load(None).grade(case, answer).score, 0.0)


if __name__ == "__main__":
    unittest.main()
