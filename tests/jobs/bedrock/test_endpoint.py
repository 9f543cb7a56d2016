"""Validation of endpoints, proxies and CA bundles."""

import ssl
from pathlib import Path

import pytest
from loopback_tls import make_authority
from yarl import URL

from jobs.bedrock.endpoint import Proxy, check_endpoint, proxy_for, tls_context
from jobs.errors import ConfigurationError

AWS = "https://bedrock-runtime.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (AWS, AWS),
        (AWS + "/", AWS),
        ("HTTPS://Example.COM:443/base/", "https://example.com/base"),
        ("https://example.com:8443", "https://example.com:8443"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.9.9.9:9000", "http://127.9.9.9:9000"),
        ("http://[::1]:9000/", "http://[::1]:9000"),
        ("http://localhost:9000", "http://localhost:9000"),
    ],
)
def test_an_endpoint_is_normalised(url: str, endpoint: str) -> None:
    assert check_endpoint(url) == endpoint


@pytest.mark.parametrize(
    "url",
    ["", "bedrock", "127.0.0.1:9000", "ftp://example.com", "https://", "https://user:secret@example.com",
     "https://example.com?x=1", "https://example.com#x", "https://example.com:port", "https://[::1",
     "https://a..b", "https://xn--a.com", f"https://{'a' * 64}.com"],
)  # fmt: skip
def test_an_invalid_endpoint_is_rejected(url: str) -> None:
    with pytest.raises(ConfigurationError, match="URL"):
        check_endpoint(url)


@pytest.mark.parametrize(
    "url",
    ["https://user:s3cret@example.com", "https://s3cret@example.com:port", "https://u:s3cret@[::1", "s3cret@example.x",
     "http://u:a@s3cret@example.com", "https://example.com?key=s3cret", "ftp://u:s3cret@example.com?s3cret@x"],
)  # fmt: skip
def test_the_message_about_an_invalid_endpoint_shows_no_secret(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_endpoint(url)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "localhost.example.com", "0.0.0.0", "[2001:db8::1]"])
def test_plain_http_is_allowed_on_loopback_only(host: str) -> None:
    with pytest.raises(ConfigurationError, match="unencrypted"):
        check_endpoint(f"http://{host}:9000")


@pytest.mark.parametrize(
    ("setting", "url"), [("http://proxy:3128", "http://proxy:3128"), ("proxy:3128", "http://proxy:3128")]
)
def test_the_proxy_comes_from_the_environment(setting: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", setting)
    assert proxy_for(AWS) == Proxy(URL(url), {})


def test_proxy_credentials_become_a_proxy_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:p%40ss@proxy:3128")
    assert proxy_for(AWS) == Proxy(URL("http://proxy:3128"), {"Proxy-Authorization": "Basic dXNlcjpwQHNz"})


@pytest.mark.parametrize("exempt", ["*", ".amazonaws.com", "bedrock-runtime.us-east-1.amazonaws.com"])
def test_no_proxy_is_honoured(exempt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", exempt)
    assert proxy_for(AWS) is None


def test_there_is_no_proxy_on_loopback_or_without_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for(AWS) is None
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    assert proxy_for("http://127.0.0.1:9000") is None


@pytest.mark.parametrize("setting", ["socks5://user:secret@proxy:1080", "http://", "http://proxy:port"])
def test_an_invalid_proxy_is_rejected_without_showing_its_credentials(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", setting)
    with pytest.raises(ConfigurationError) as caught:
        proxy_for(AWS)
    assert "secret" not in str(caught.value)


def test_a_ca_bundle_replaces_the_default_certificates(tmp_path: Path) -> None:
    authority, _ = make_authority(tmp_path)
    assert len(tls_context(str(authority)).get_ca_certs()) == 1
    default = tls_context()
    assert default.cert_store_stats()["x509_ca"] > 50
    assert (default.verify_mode, default.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_ca_bundle_may_be_a_directory(tmp_path: Path) -> None:
    assert tls_context(str(tmp_path)).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("text", [None, "not a certificate"])
def test_an_unreadable_ca_bundle_is_named(text: str | None, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    if text is not None:
        bundle.write_text(text)
    with pytest.raises(ConfigurationError, match=r"bundle\.pem") as caught:
        tls_context(str(bundle))
    assert "AWS_CA_BUNDLE" in caught.value.hint
