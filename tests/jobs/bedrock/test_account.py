"""A mark of the account that keys belong to."""

import base64

from jobs.bedrock.account import account_mark


def key_id(account: int, rest: int, kind: str = "ASIA") -> str:
    """An access key id that holds an account's number, with other bits around it."""
    bits = (1 << 79) | (account << 39) | rest
    return kind + base64.b32encode(bits.to_bytes(10, "big")).decode()


def test_all_access_keys_of_an_account_share_a_mark():
    today, tomorrow = key_id(123456789012, 5), key_id(123456789012, 2**39 - 1)
    assert today != tomorrow
    assert account_mark(today) == account_mark(tomorrow) == account_mark(key_id(123456789012, 7, "AKIA"))
    assert account_mark(today) == account_mark("anything", "123456789012")
    assert account_mark(today) != account_mark(key_id(123456789013, 5))


def test_a_published_pair_of_access_key_and_account():
    assert account_mark("ASIAQNZGKIQY56JQ7WML") == account_mark("", "029608264753")


def test_an_access_key_of_unknown_format_gets_its_own_mark():
    assert account_mark("AKIDEXAMPLE") == account_mark("AKIDEXAMPLE")
    assert account_mark("AKIDEXAMPLE") != account_mark("AKIDEXAMPLF")
    assert account_mark("ASIA!!!!!!!!!!!!!!!!") != account_mark("ASIA????????????????")


def test_the_mark_does_not_contain_the_key_or_the_account():
    mark = account_mark(key_id(123456789012, 5))
    assert len(mark) == 16
    assert "123456789012" not in mark
