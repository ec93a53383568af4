from __future__ import annotations

import copy
import pickle
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.batch import Batch
from router.expression import TemplateError, UrlTemplate


def made(source: str, **record: Any) -> str | None:
    return UrlTemplate(source).over(Batch.of([record]))[0]


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("http://x", "http://x"),
        ("https://x:8080/a b/é?q=ü", "https://x:8080/a%20b/%C3%A9?q=%C3%BC"),
        ("http://x/{{ id }}", "http://x/7"),
        ("http://x/{{ name }}", "http://x/a%2Fb%3Fc%23d%20%25%C3%A9"),
        ("http://x/?q={{ name }}&n={{ id }}", "http://x/?q=a%2Fb%3Fc%23d%20%25%C3%A9&n=7"),
        ("http://x/v{{ id }}.{{ id }}/%41", "http://x/v7.7/%41"),
        ("http://x/?{{ id }}={{ empty }}", "http://x/?7="),
        ("http://x/{{ flag }}", "http://x/true"),
        ("http://x/a?b=../c", "http://x/a?b=../c"),
    ],
)
def test_values_are_written_in_percent_signs(source: str, url: str) -> None:
    assert made(source, id=7, name="a/b?c#d %é", empty="", flag=True) == url


@pytest.mark.parametrize("value", [None, "", ".", "..", [1], {"a": 1}, float("nan"), "\ud800"])
def test_a_value_that_leads_elsewhere_makes_no_url(value: Any) -> None:
    assert made("http://x/users/{{ v }}/posts", v=value) is None


def test_steps_are_no_dots_even_in_parts() -> None:
    assert made("http://x/{{ a }}{{ b }}/y", a=".", b=".") is None
    assert made("http://x/a{{ a }}/y", a="..") == "http://x/a../y"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ url }}", "a URL begins with its server, such as https://api.example.com/"),
        ("ftp://x/", "a URL begins with its server"),
        ("x.example.com/a", "a URL begins with its server"),
        ("http://{{ host }}/", "a URL begins with its server"),
        ("http://x{{ host }}/", "a server is written out; end it with a '/', such as http://x/"),
        ("http://x:{{ port }}/", "a server is written out"),
        ("http://me:secret@x/", "a URL holds no user and password; give them as 'auth'"),
        ("http://x:port/", "'http://x:port' names no server: port could not be cast to integer value as 'port'"),
        ("http://x:99999/", "names no server: port out of range 0-65535"),
        ("http://x:0/", "names no server: its port is 0"),
        ("http://strasse.büro/", "names no server: write it in ASCII, as xn--..."),
        ("http://x/a#b", "what is behind a '#' is never sent"),
        ("http://x/../{{ a }}", "a URL has no step '.' or '..'"),
        ("http://x/{{ a }}/../b", "a URL has no step '.' or '..'"),
        ("http://x/{{ a", "'{{' is not closed"),
    ],
)
def test_a_url_that_cannot_be_is_refused(source: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said.replace("(", r"\(").replace("?", r"\?")):
        UrlTemplate(source)


@given(st.text())
def test_no_value_changes_the_server_the_steps_or_the_other_values(value: str) -> None:
    url = made("https://host:81/a/{{ v }}/b?x={{ v }}&y=1", v=value)
    if url is None:
        assert value in {"", ".", ".."} or any("\ud800" <= each <= "\udfff" for each in value)
        return
    found = urlsplit(url)
    assert url.isascii()
    assert (found.scheme, found.netloc, found.fragment) == ("https", "host:81", "")
    assert [unquote(step) for step in found.path.split("/")] == ["", "a", value, "b"]
    assert parse_qsl(found.query) == [("x", value), ("y", "1")]


def test_it_says_its_server_and_hides_the_rest() -> None:
    assert UrlTemplate("https://hooks.example.com:444/secret/{{ a }}").server == "https://hooks.example.com:444"


def test_templates_are_values() -> None:
    template = UrlTemplate("http://x/{{ a }}")
    assert copy.deepcopy(template) == template == pickle.loads(pickle.dumps(template))
    assert template.fields == {"a"}
