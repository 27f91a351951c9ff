"""What the settings promise: every default is valid, and no settings file can break the program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Bug
from core.settings import SETTINGS, Number, clean, setting


@pytest.mark.parametrize("entry", SETTINGS, ids=lambda s: s.key)
def test_every_default_fits_its_own_kind(entry) -> None:
    assert clean(entry.key, entry.default) == entry.default


@pytest.mark.parametrize("entry", SETTINGS, ids=lambda s: s.key)
def test_what_was_written_to_a_text_file_reads_back_as_the_same_value(entry) -> None:
    text = str(entry.default).lower() if isinstance(entry.default, bool) else str(entry.default)
    assert clean(entry.key, text) == entry.default


@pytest.mark.parametrize("entry", SETTINGS, ids=lambda s: s.key)
@given(raw=st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.binary()))
def test_garbage_reads_as_something_of_the_right_type(entry, raw) -> None:
    assert type(clean(entry.key, raw)) is type(entry.default)


@pytest.mark.parametrize("entry", [s for s in SETTINGS if isinstance(s.kind, Number)])
def test_numbers_outside_their_limits_read_as_the_default(entry) -> None:
    assert clean(entry.key, entry.kind.low - 1) == entry.default
    assert clean(entry.key, entry.kind.high + 1) == entry.default
    assert clean(entry.key, str(entry.kind.high)) == entry.kind.high


def test_an_unknown_setting_is_a_bug() -> None:
    with pytest.raises(Bug):
        setting("no.such.thing")
