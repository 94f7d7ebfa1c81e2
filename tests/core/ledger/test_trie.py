from __future__ import annotations

import hashlib
import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lockgate.ledger import trie

# Keys that share long beginnings are what a tree over bits gets wrong.
KEYS = st.builds(
    lambda start, rest: (bytes(start) + rest)[:32],
    st.integers(0, 31),
    st.binary(min_size=32, max_size=32),
)
RECORDS = st.builds(trie.Record, st.integers(1, 2**40), st.binary(min_size=32, max_size=32))
MAPS = st.dictionaries(KEYS, RECORDS, min_size=1, max_size=12)


def _built(content, order=None):
    root, nodes = trie.EMPTY, {}
    for key in order or content:
        root, new = trie.put(root, key, content[key], nodes.get)
        nodes.update(new)
    return root, nodes


@given(MAPS, KEYS)
def test_what_was_put_is_found_and_nothing_else(content, absent):
    assume(absent not in content)
    root, nodes = _built(content)
    for key, record in content.items():
        assert trie.find(root, key, nodes.get) == record
    assert trie.find(root, absent, nodes.get) is None


@given(MAPS, st.randoms(use_true_random=False))
def test_the_order_of_writing_leaves_no_trace(content, shuffler):
    keys = list(content)
    shuffler.shuffle(keys)
    assert _built(content, keys)[0] == _built(content)[0]


@given(MAPS, RECORDS, st.data())
def test_another_record_gives_another_root_and_the_earlier_one_stays_readable(content, record, data):
    key = data.draw(st.sampled_from(sorted(content)))
    assume(content[key] != record)
    root, nodes = _built(content)
    later, new = trie.put(root, key, record, nodes.get)
    nodes.update(new)
    assert later != root
    assert trie.find(later, key, nodes.get) == record
    assert trie.find(root, key, nodes.get) == content[key]


@given(MAPS, st.data())
def test_an_altered_or_missing_node_on_the_way_is_noticed(content, data):
    root, nodes = _built(content)
    key = data.draw(st.sampled_from(sorted(content)))
    touched = []
    trie.find(root, key, lambda node: touched.append(node) or nodes[node])
    victim = data.draw(st.sampled_from(touched))
    for instead in (None, b"", nodes[victim][:-1] + bytes([nodes[victim][-1] ^ 1]), nodes[victim] + b"\x00"):
        with pytest.raises(trie.BrokenNodeError):
            trie.find(root, key, {**nodes, victim: instead}.get)


@given(MAPS)
def test_the_nodes_that_a_root_leads_to_are_enough(content):
    root, nodes = _built(content)
    kept = trie.reachable(root, nodes)
    assert {key: trie.find(root, key, kept.get) for key in content} == content


def test_a_subject_lies_about_as_deep_as_the_logarithm_of_their_number():
    keys = [hashlib.sha256(str(i).encode()).digest() for i in range(4_000)]
    root, nodes = _built(dict.fromkeys(keys, trie.Record(1, bytes(32))))
    depths = []
    for key in random.Random(0).sample(keys, 200):
        touched = []
        trie.find(root, key, lambda node, touched=touched: touched.append(node) or nodes[node])
        depths.append(len(touched))
    assert sum(depths) / len(depths) < math.log2(4_000) + 3
    assert max(depths) < 3 * math.log2(4_000)


def test_the_chain_holds_order_place_and_content():
    leaf, other = b"a" * 32, b"b" * 32
    one = trie.chained(trie.chained(trie.NOTHING, 3, leaf), 7, other)
    assert one.count == 2
    assert one != trie.chained(trie.chained(trie.NOTHING, 3, other), 7, leaf)
    assert one != trie.chained(trie.chained(trie.NOTHING, 3, leaf), 8, other)


def test_leaves_and_nodes_are_hashed_apart():
    assert trie.digest(bytes(64)) == hashlib.sha256(b"\x03" + bytes(64)).digest()
    assert trie.digest(bytes(72)) == hashlib.sha256(b"\x02" + bytes(72)).digest()


def test_digests_of_two_kinds_are_two_subjects():
    assert trie.key_of("sha256", "ab") != trie.key_of("lockgateTree1", "ab")
    assert trie.key_of("sha256", "ab") == hashlib.sha256(b"sha256:ab").digest()


def test_a_path_longer_than_a_key_has_bits_is_broken():
    """Only whoever chooses the root can make one, and it is refused all the same."""
    key, nodes = trie.key_of("sha256", "a" * 64), {}

    def below(depth, node):
        for at in range(depth - 1, -1, -1):
            right = key[min(at, 255) >> 3] >> (7 - (min(at, 255) & 7)) & 1
            content = trie.EMPTY + node if right else node + trie.EMPTY
            node = trie.digest(content)
            nodes[node] = content
        return node

    assert trie.find(below(256, trie.EMPTY), key, nodes.get) is None  # the control
    with pytest.raises(trie.BrokenNodeError):
        trie.find(below(257, trie.EMPTY), key, nodes.get)


@pytest.mark.parametrize("content", [b"", b"x", bytes(63), bytes(65), bytes(71), bytes(73)])
def test_a_node_of_no_known_length_is_broken_though_the_root_is_its_hash(content):
    with pytest.raises(trie.BrokenNodeError):
        trie.find(trie.digest(content), trie.key_of("sha256", "a" * 64), {trie.digest(content): content}.get)
