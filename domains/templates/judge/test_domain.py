"""Tests of this task. Run them in this folder: python -m unittest"""

import unittest

from domain import RUBRIC, load, says_yes


class TheTask(unittest.TestCase):
    def setUp(self):
        self.domain = load(None)
        self.case = self.domain.instances("val")[0]

    def test_the_judge_is_asked_once_for_each_point_and_sees_the_reply(self):
        questions = self.domain.questions(self.case, "Dear customer")
        self.assertEqual(len(questions), len(RUBRIC))
        self.assertTrue(all("Dear customer" in question.prompt for question in questions))

    def test_the_score_is_the_share_of_points_fulfilled(self):
        replies = ["Yes."] * (len(RUBRIC) - 2) + ["No", "I cannot tell"]
        self.assertAlmostEqual(self.domain.grade(self.case, "Dear customer", replies).score, 1 - 2 / len(RUBRIC))

    def test_what_is_no_reply_is_not_judged(self):
        for wrong in (None, "", "  ", 7, [], {}, "x" * 3_000):
            self.assertEqual(list(self.domain.questions(self.case, wrong)), [])
            self.assertEqual(self.domain.grade(self.case, wrong, []).score, 0.0)

    def test_a_yes_is_a_yes_however_it_is_written(self):
        self.assertEqual(
            [says_yes(text) for text in ("yes", " Yes.", "**YES**", "no", "", "eyes")], [True] * 3 + [False] * 3
        )


if __name__ == "__main__":
    unittest.main()
