"""The mark under which an account's quotas are remembered."""

import base64

from jobs.bedrock.account import account_mark, api_key_mark


def access_key(account: int, other_bits: int, kind: str = "ASIA") -> str:
    """An access key id of an account."""
    bits = (1 << 79) | (account << 39) | other_bits
    return kind + base64.b32encode(bits.to_bytes(10, "big")).decode()


def long_term_key(content: str) -> str:
    return "ABSK" + base64.b64encode(content.encode()).decode()


def short_term_key(access_key_id: str, signature: str = "0") -> str:
    url = (
        "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={access_key_id}%2F20261130%2Fus-east-1%2Fbedrock%2Faws4_request&X-Amz-Signature={signature}"
    )
    return "bedrock-api-key-" + base64.b64encode(url.encode()).decode()


def test_all_access_keys_of_an_account_share_a_mark():
    today, tomorrow = access_key(123456789012, 5), access_key(123456789012, 2**39 - 1)
    assert today != tomorrow
    assert account_mark(today) == account_mark(tomorrow) == account_mark(access_key(123456789012, 7, "AKIA"))
    assert account_mark(today) == account_mark("anything", "123456789012")
    assert account_mark(today) != account_mark(access_key(123456789013, 5))


def test_a_published_pair_of_access_key_and_account():
    assert account_mark("ASIAQNZGKIQY56JQ7WML") == account_mark("", "029608264753")


def test_an_access_key_of_unknown_format_gets_its_own_mark():
    assert account_mark("AKIDEXAMPLE") == account_mark("AKIDEXAMPLE")
    assert account_mark("AKIDEXAMPLE") != account_mark("AKIDEXAMPLF")
    assert account_mark("ASIA!!!!!!!!!!!!!!!!") != account_mark("ASIA????????????????")


def test_a_long_term_api_key_has_the_mark_of_its_account():
    key = long_term_key("BedrockAPIKey-ab1c-at-123456789012:secret")
    assert api_key_mark(key) == account_mark("", "123456789012")
    assert api_key_mark(key) == api_key_mark(long_term_key("BedrockAPIKey-zz9z-at-123456789012:other"))
    assert api_key_mark(key) != api_key_mark(long_term_key("BedrockAPIKey-ab1c-at-210987654321:secret"))


def test_a_short_term_api_key_has_the_mark_of_its_access_keys_account():
    today, tomorrow = access_key(123456789012, 5), access_key(123456789012, 6)
    assert api_key_mark(short_term_key(today)) == account_mark("", "123456789012")
    assert api_key_mark(short_term_key(today)) == api_key_mark(short_term_key(tomorrow, "1"))


def test_an_api_key_of_unknown_format_gets_its_own_mark():
    keys = ["key-1", "key-2", "ABSK", "ABSK!", "ABSKa", long_term_key("no account"), "bedrock-api-key-", "é"]
    assert len({api_key_mark(key) for key in keys}) == len(keys)


def test_the_mark_does_not_contain_the_key_or_the_account():
    for mark in (account_mark(access_key(123456789012, 5)), api_key_mark("key-1")):
        assert len(mark) == 16
        assert "123456789012" not in mark
        assert "key-1" not in mark
