"""Addresses: read as they are meant, and never shown with what is secret."""

import pytest

from darkmask.core.errors import CommandError
from darkmask.core.remote.address import as_address, is_address, shown


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("https://darks.example.org/nrc09/", "https://darks.example.org/nrc09"),
        ("HTTP://localhost:8000/a b", "http://localhost:8000/a b"),
        ("s3://stpubdata/jwst/public/jw01062/", "s3://stpubdata/jwst/public/jw01062"),
        ("s3://bucket", "s3://bucket"),
        ("memory://darks", "memory://darks"),
    ],
)
def test_addresses_of_folders_are_read(typed, address):
    assert is_address(typed)
    assert as_address(typed) == address


@pytest.mark.parametrize("path", ["darks", "/data/darks", "C:/darks", "./s3:/darks", "darks://"[:-2], "1://x"])
def test_paths_are_no_addresses(path):
    assert not is_address(path)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("ftp://host/darks", "is of a kind that is not read here"),
        ("file:///data/darks", "is of a kind that is not read here"),
        ("simplecache::s3://b/x", None),
        ("https://", "names no folder"),
        ("https://host/../darks", "two points"),
        ("https://anna:sesame@host/darks", "a user, a password or a query"),
        ("https://host/darks?X-Amz-Signature=sesame", "a user, a password or a query"),
        ("s3://sesame@bucket/darks", "a user, a password or a query"),
        ("ftp://anna:se/sesame@host/darks", "is of a kind"),
        ("ftp://anna:sesame@host/darks?token=sesame#sesame", "is of a kind"),
    ],
)
def test_what_cannot_be_used_is_said_without_what_is_secret(typed, word):
    if word is None:
        assert not is_address(typed)
        return
    with pytest.raises(CommandError) as caught:
        as_address(typed)
    assert word in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_an_address_is_shown_without_what_is_secret():
    assert shown("https://anna:ses@me@host/darks?token=1") == "https://host/darks"
    assert shown("s3://b/x\x1b[31m") == "s3://b/x?[31m"
