from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.storage.provenance.ids import pack_ids, pack_shares, unpack_ids, unpack_shares

IDS = st.lists(st.integers(1, 2**53), min_size=1, max_size=300)


def test_a_range_without_gaps_takes_no_bytes() -> None:
    assert pack_ids(list(range(5, 1005))) == (5, 1004, None)


def test_a_part_of_a_batch_takes_a_byte_a_record() -> None:
    _, _, packed = pack_ids([each for each in range(10**9, 10**9 + 1000) if each % 7 in (0, 3, 4)])
    assert packed is not None
    assert len(packed) <= 430


@given(IDS | IDS.map(sorted) | st.integers(1, 2**53).map(lambda first: list(range(first, first + 100))))
def test_ids_come_back_as_they_were_with_the_least_and_the_greatest_of_them(ids: list[int]) -> None:
    low, high, packed = pack_ids(ids)
    assert (low, high, unpack_ids(packed, low, high)) == (min(ids), max(ids), ids)


@pytest.mark.parametrize("shares", [[], [1], [1, 1, 1], [2, 0, 3], list(range(200))])
def test_shares_come_back_as_they_were(shares: list[int]) -> None:
    assert unpack_shares(pack_shares(shares), len(shares)) == shares
