"""Tests of this task. Run them in this folder: python -m unittest"""

import unittest

from domain import load


class TheTask(unittest.TestCase):
    def setUp(self):
        self.domain = load(None)

    def test_the_label_and_nothing_else_is_right(self):
        case = self.domain.instances("val")[0]
        self.assertEqual(self.domain.grade(case, case.label).score, 1.0)
        for wrong in (None, "", "nonsense", 0, [case.label], {"label": case.label}):
            self.assertEqual(self.domain.grade(case, wrong).score, 0.0)

    def test_no_text_is_in_two_splits(self):
        texts = [case.data for split in ("train", "val", "test") for case in self.domain.instances(split)]
        self.assertEqual(len(texts), len(set(texts)))

    def test_every_label_can_be_learnt(self):
        known = {case.label for case in self.domain.instances("train")}
        for split in ("val", "test"):
            self.assertLessEqual({case.label for case in self.domain.instances(split)}, known)


if __name__ == "__main__":
    unittest.main()
