"""What the value of a setting may be, said in words, for every setting that there is."""

from __future__ import annotations

import pytest

from engine.core.settings import check_kind, kinds
from engine.errors import SiaError
from engine.loop.fork import FIXED, change_settings
from engine.queries.settings_origin import flat
from tests.histories import settings


def test_every_setting_has_a_kind() -> None:
    assert kinds().keys() == flat(settings()).keys()


@pytest.mark.parametrize("key", [key for key, kind in kinds().items() if kind.what != "text"])
def test_a_word_is_refused_in_words_and_the_value_in_force_is_not(key: str) -> None:
    with pytest.raises(SiaError, match=rf"^the setting {key} must be (a whole number|a number|true or false|.* or )"):
        check_kind(key, "seven")
    check_kind(key, flat(settings())[key])
    if key.partition(".")[0] not in FIXED:
        with pytest.raises(SiaError, match=rf"^the setting {key} must be "):
            change_settings(settings(), [f"{key}=seven"])
