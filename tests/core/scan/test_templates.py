"""Chat templates: what reaches Python's insides is found however its name is put together; real ones pass."""

from __future__ import annotations

import json

import pytest

from lockgate.scan.record import Answer
from lockgate.scan.worker import scan_path

NAME = "'__ssalc__'[::-1]"
REACHING = [
    "{{ x[%s] }}" % NAME,  # noqa: UP031 - braces
    "{% set k = '__ssalc__'[::-1] %}{{ x[k] }}",
    "{% set a = '__cla' %}{% set b = 'ss__' %}{{ x[a + b] }}",
    "{% set a, b = '__cla', 'ss__' %}{{ x[a + b] }}",
    "{% set n = '_' %}{{ x[n * 2 + 'class'] }}",
    "{% set f = '%s%s' %}{{ x[f % ('__cla', 'ss__')] }}",
    "{% for k in ['__cla' ~ 'ss__'] %}{{ x[k] }}{% endfor %}",
    "{% for k in 'class' | list %}{{ x[k | upper] }}{% endfor %}",
    "{% for k in ['__cla' ~ 'ss__', 1] %}{{ x[loop.previtem] }}{% endfor %}",
    "{% for k in dict(__class__=1) %}{{ x[k] }}{% endfor %}",
    "{% set ns = namespace() %}{% set ns.k = '__cla' ~ 'ss__' %}{{ x[ns.k] }}",
    "{% set ns = namespace(k='__cla' ~ 'ss__') %}{{ x[ns['k']] }}",
    "{% set ns = namespace(**{'k': '__cla' ~ 'ss__'}) %}{{ x[ns.k] }}",
    "{% macro m(k) %}{{ x[k] }}{% endmacro %}{{ m('__cla' ~ 'ss__') }}",
    "{% macro m(a, k='__cla' ~ 'ss__') %}{{ x[k] }}{% endmacro %}{{ m(1) }}",
    "{% macro m(k) %}{{ x[k] }}{% endmacro %}{{ m(*['__cla' ~ 'ss__']) }}",
    "{% macro m() %}{{ x[varargs[0]] }}{% endmacro %}{{ m('__cla' ~ 'ss__') }}",
    "{% macro m() %}__class__{% endmacro %}{% for k in [m()] %}{{ x[k] }}{% endfor %}",
    "{% set k %}__cla{{ 'ss__' }}{% endset %}{{ x[k] }}",
    "{% with k = '__cla' ~ 'ss__' %}{{ x[k] }}{% endwith %}",
    "{% set l = [] %}{% do l.append('__cla' ~ 'ss__') %}{{ x[l[0]] }}",
    "{% set d = {} %}{{ d.update({'k': '__cla' ~ 'ss__'}) }}{{ x[d.k] }}",
    "{% set k = 'gi_frame' %}{{ x[k] }}",
    "{{ x[eos_token] }}",
    "{{ messages | map('at' ~ 'tr', 'x') | list }}",
    "{{ messages | map('attr', 'x') | list }}",
    "{{ messages | map('map', 'attr', 'x') | list }}",
    "{{ messages | map(*['attr', 'x']) | list }}",
    "{{ messages | map(attribute='gi_frame') | list }}",
    "{{ messages | map(attribute='a._b') | list }}",
    "{{ messages | groupby('__cla' ~ 'ss__') }}",
    "{{ messages | sum(attribute='__cla' ~ 'ss__') }}",
    "{{ messages | map('sum', '__cla' ~ 'ss__') | list }}",
    "{{ messages | join('', '__cla' ~ 'ss__') }}",
]
# Of the kinds that templates of published models are made of.
PLAIN = [
    "{% for m in messages %}{{ '<|' ~ m['role'] ~ '|>' + m['content'] | trim }}{% endfor %}",
    "{% set ns = namespace(i=0, text='a') %}{% set ns.text = ns.text ~ 'b' %}{{ messages[ns.i + 1] }}",
    "{% set i = messages | length - 1 %}{{ messages[i] }}{{ messages[i - 1:] }}{{ messages[(i // 2) % 2] }}",
    "{% for m in messages[::-1] %}{{ messages[loop.index0 - 1]['role'] }}{% endfor %}",
    "{% for name, p in tool.parameters | dictsort %}{{ tool.required[name] }}{% endfor %}",
    "{% for k in tools | map(attribute='name') | list %}{{ tools[k] }}{{ loop.previtem }}{% endfor %}",
    "{% for k in ['role', 'content'] %}{{ messages[0][k] }}{% endfor %}",
    "{% set key = 'content' if true else 'text' %}{{ messages[0][key] }}",
    "{% for m in messages | selectattr('role', 'equalto', 'user') %}{{ m['a_b'] }}{% endfor %}",
    "{% macro show(m, sep='_') %}{{ m['content'] ~ sep }}{% endmacro %}{{ show(messages[0]) }}",
    "{{ messages[0].content.split('</think>')[-1].lstrip('\\n')[1:] }}",
    "{{ tools | map('tojson') | join(', ') }}",
    "{% set l = [] %}{% do l.append('a' ~ 'b') %}{{ l | join('_') }}{{ l | sort(attribute='name') }}",
]


def _judged(template: str, tmp_path):
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({"chat_template": template}))
    return scan_path(str(path), "")


@pytest.mark.parametrize("template", REACHING)
def test_a_name_that_is_put_together_is_found_wherever_it_goes(template, tmp_path):
    said = _judged(template, tmp_path)
    assert said.answer is Answer.UNSAFE, template
    assert {hit.rule for hit in said.hits} == {"LG-SCAN-060"}


@pytest.mark.parametrize("template", PLAIN)
def test_what_templates_of_models_do_is_safe(template, tmp_path):
    said = _judged(template, tmp_path)
    assert said.answer is Answer.SAFE, said.hits


@pytest.mark.parametrize(
    "template", ["{{ " + "a + " * 20_000 + "a }}", "{{ " + "(" * 5000 + ")" * 5000 + " }}"]
)
def test_a_template_that_is_too_deep_is_not_safe(template, tmp_path):
    assert _judged(template, tmp_path).answer is not Answer.SAFE


@pytest.mark.parametrize("many", ["10**9", "9**9**9", "99999 * n", "999 * 999", "1000000", "0, 10000000"])
def test_a_template_that_counts_without_end_is_reported_and_not_worked_out(judged, many):
    text = "{% set n = messages|length %}{% for a in range(" + many + ") %}x{% endfor %}"
    assert "LG-SCAN-060" in {hit.rule for hit in judged(text.encode()).hits}


@pytest.mark.parametrize("few", ["messages|length", "1, messages|length", "12", "(messages|length - 1) // 2"])
def test_a_template_that_counts_its_messages_is_safe(judged, few):
    text = "{% for a in range(" + few + ") %}{{ messages[a]['content'] }}{% endfor %}"
    assert judged(text.encode()).answer is Answer.SAFE
