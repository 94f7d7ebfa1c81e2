from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.ledger import merkle

# The eight leaves of Certificate Transparency's reference implementation, the roots of the trees of
# the first 1 to 8 of them, and its audit paths and consistency proofs
# (github.com/google/certificate-transparency: python/ct/crypto/merkle_test.py and
# cpp/merkletree/merkle_tree_test.cc; github.com/transparency-dev/merkle: testdata/).
LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    bytes(range(0x60, 0x70)),
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {  # (index, size): path
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {  # (old size, new size): proof
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
# A path of a real log: entry 848,049 of 3,630,887 in a CT log of 2013 (merkle_test.py, as above).
REAL = {
    "leaf": "7a395c866d5ecdb0cccb623e011dbc392cd348d1d1d72776174e127a24b09c78",
    "index": 848_049,
    "size": 3_630_887,
    "root": "78316a05c9bcf14a3a4548f5b854a9adfcd46a4c034401b3ce7eb7ac2f1d0ecb",
    "path": """
        1a208aeebcd1b39fe2de247ee8db9454e1e93a312d206b87f6ca9cc6ec6f1ddd
        0a1b78b383f580856f433c01a5741e160d451c185910027f6cc9f828687a40c4
        3d1745789bc63f2da15850de1c12a5bf46ed81e1cc90f086148b1662e79aab3d
        9095b61e14d8990acf390905621e62b1714fb8e399fbb71de5510e0aef45affe
        0a332b91b8fab564e6afd1dd452449e04619b18accc0ff9aa8393cd4928451f2
        2336f0181d264aed6d8f3a6507ca14a8d3b3c3a23791ac263e845d208c1ee330
        b4ce56e300590500360c146c6452edbede25d4ed83919278749ee5dbe178e048
        933f6ddc848ea562e4f9c5cfb5f176941301dad0c6fdb9d1fbbe34fac1be6966
        b95a6222958a86f74c030be27c44f57dbe313e5e7c7f4ffb98bcbd3a03bb52f2
        daeeb3ce5923defd0faeb8e0c210b753b85b809445d7d3d3cd537a9aabaa9c45
        7fadd0a13e9138a2aa6c3fdec4e2275af233b94812784f66bcca9aa8e989f2bc
        1864e6ba3e32878610546539734fb5eeae2529991f130c575c73a7e25a2a7c56
        12842d1202b1dc6828a17ab253c02e7ce9409b5192430feba44189f39cc02d66
        29af64b16fa3053c13d02ac63aa75b23aa468506e44c3a2315edc85d2dc22b11
        b527b99934a0bd9edd154e449b0502e2c499bba783f3bc3dfe23364b6b532009
        4584db8ae8e351ace08e01f306378a92bfd43611714814f3d834a2842d69faa8
        86a9a41573b0d6e4292f01e93243d6cc65b30f06606fc6fa57390e7e90ed580f
        a88b98fbe84d4c6aae8db9d1605dfac059d9f03fe0fcb0d5dff1295dacba09e6
        06326dc617a6d1f7021dc536026dbfd5fffc6f7c5531d48ef6ccd1ed1569f2a1
        f41fe8fdc3a2e4e8345e30216e7ebecffee26ff266eeced208a6c2a3cf08f960
        40cf5bde8abb76983f3e98ba97aa36240402975674e120f234b3448911090f8d
        b3222dc8658538079883d980d7fdc2bef9285344ea34338968f736b04aeb387a
    """,
}


def _hex(values):
    return [bytes.fromhex(value) for value in values]


def _tree(size):
    return merkle.tree([merkle.leaf_hash(leaf) for leaf in LEAVES[:size]])


# RFC 6962, section 2.1, word for word as recursive definitions: slow, and independent of our code.
def _mth(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = _below(len(leaves))
    return hashlib.sha256(b"\x01" + _mth(leaves[:k]) + _mth(leaves[k:])).digest()


def _below(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def _path(m, leaves):
    if len(leaves) == 1:
        return []
    k = _below(len(leaves))
    if m < k:
        return [*_path(m, leaves[:k]), _mth(leaves[k:])]
    return [*_path(m - k, leaves[k:]), _mth(leaves[:k])]


def _subproof(m, leaves, known):
    if m == len(leaves):
        return [] if known else [_mth(leaves)]
    k = _below(len(leaves))
    if m <= k:
        return [*_subproof(m, leaves[:k], known), _mth(leaves[k:])]
    return [*_subproof(m - k, leaves[k:], False), _mth(leaves[:k])]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_certificate_transparency(size):
    assert _tree(size)[0].hex() == ROOTS[size - 1]


def test_the_empty_tree_and_single_hashes_are_those_of_the_rfc():
    assert merkle.tree([])[0].hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    leaf = bytes.fromhex("101112131415161718191a1b1c1d1e1f")
    assert merkle.leaf_hash(leaf).hex() == "3bfb960453ebaebf33727da7a1f4db38acc051d381b6da20d6d4e88f0eabfd7a"
    both = merkle.node_hash(bytes(range(0x20)), bytes(range(0x20, 0x40)))
    assert both.hex() == "1a378704c17da31e2d05b6d121c2bb2c7d76f6ee6fa8f983e596c2d034963c57"


@pytest.mark.parametrize(("where", "path"), INCLUSION.items())
def test_proofs_of_inclusion_are_those_of_certificate_transparency(where, path):
    index, size = where
    root, nodes = _tree(8)
    proof = merkle.inclusion_proof(index, size, nodes.__getitem__)
    assert [node.hex() for node in proof] == path
    root = bytes.fromhex(ROOTS[size - 1])
    assert merkle.includes(merkle.leaf_hash(LEAVES[index]), index, size, proof, root)


@pytest.mark.parametrize(("sizes", "path"), CONSISTENCY.items())
def test_proofs_of_consistency_are_those_of_certificate_transparency(sizes, path):
    old, new = sizes
    _, nodes = _tree(8)
    proof = merkle.consistency_proof(old, new, nodes.__getitem__)
    assert [node.hex() for node in proof] == path
    assert merkle.continues(old, bytes.fromhex(ROOTS[old - 1]), new, bytes.fromhex(ROOTS[new - 1]), proof)


def test_a_path_of_a_real_log_leads_to_its_signed_root():
    path = _hex(REAL["path"].split())
    leaf, root = bytes.fromhex(REAL["leaf"]), bytes.fromhex(REAL["root"])
    assert merkle.includes(leaf, REAL["index"], REAL["size"], path, root)
    assert not merkle.includes(leaf, REAL["index"] + 1, REAL["size"], path, root)
    assert not merkle.includes(leaf, REAL["index"], REAL["size"], path[:-1], root)


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_a_proof_of_inclusion_is_the_one_of_the_definition_and_holds(case):
    size, index = case
    leaves = [bytes([i]) for i in range(size)]
    root, nodes = merkle.tree(map(merkle.leaf_hash, leaves))
    proof = merkle.inclusion_proof(index, size, nodes.__getitem__)
    assert root == _mth(leaves)
    assert proof == _path(index, leaves)
    assert merkle.includes(merkle.leaf_hash(leaves[index]), index, size, proof, root)
    assert len(merkle.inclusion_nodes(index, size)) <= 2 * size.bit_length()


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_a_proof_of_consistency_is_the_one_of_the_definition_and_holds(case):
    new, old = case
    leaves = [bytes([i]) for i in range(new)]
    root, nodes = merkle.tree(map(merkle.leaf_hash, leaves))
    proof = merkle.consistency_proof(old, new, nodes.__getitem__)
    assert proof == _subproof(old, leaves, True)
    assert merkle.continues(old, _mth(leaves[:old]), new, root, proof)
    assert len(merkle.consistency_nodes(old, new)) <= 2 * new.bit_length()


@settings(max_examples=300)
@given(st.data())
def test_an_altered_proof_of_inclusion_is_refused(data):
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(size)]
    root, nodes = merkle.tree(leaves)
    proof = merkle.inclusion_proof(index, size, nodes.__getitem__)
    good = (leaves[index], index, size, tuple(proof), root)
    bad = data.draw(
        st.one_of(
            st.builds(lambda x: (x, *good[1:]), st.binary(min_size=0, max_size=33)),
            st.builds(lambda x: (good[0], x, *good[2:]), st.integers(-2, size + 40)),
            st.builds(lambda x: (*good[:3], tuple(x), root), _altered(proof)),
            st.builds(lambda x: (*good[:4], x), st.binary(min_size=0, max_size=33)),
        ).filter(lambda case: case != good)
    )
    assert merkle.includes(*good)
    assert not merkle.includes(*bad)


@settings(max_examples=300)
@given(st.data())
def test_an_altered_proof_of_consistency_is_refused(data):
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(new)]
    root, nodes = merkle.tree(leaves)
    before = merkle.tree(leaves[:old])[0]
    proof = merkle.consistency_proof(old, new, nodes.__getitem__)
    good = (old, before, new, root, tuple(proof))
    bad = data.draw(
        st.one_of(
            st.builds(lambda x: (old, x, new, root, good[4]), st.binary(max_size=33)),
            st.builds(lambda x: (old, before, new, x, good[4]), st.binary(max_size=33)),
            st.builds(lambda x: (old, before, new, root, tuple(x)), _altered(proof)),
            st.builds(lambda x: (x, before, new, root, good[4]), st.integers(-2, old - 1)),
            st.builds(lambda x: (old, before, x, root, good[4]), st.integers(-2, old)),
        ).filter(lambda case: case != good)
    )
    assert merkle.continues(*good)
    assert not merkle.continues(*bad)


def _altered(proof):
    """A bit flipped, a node dropped, added, or two exchanged."""
    node = st.binary(min_size=32, max_size=32)
    ways = [st.builds(lambda at, x: [*proof[:at], x, *proof[at:]], st.integers(0, len(proof)), node)]
    if proof:
        place = st.integers(0, len(proof) - 1)
        ways += [
            st.builds(lambda at: proof[:at] + proof[at + 1 :], place),
            st.builds(lambda at, bit: _flipped(proof, at, bit), place, st.integers(0, 255)),
            st.builds(lambda a, b: _exchanged(proof, a, b), place, place),
        ]
    return st.one_of(ways)


def _flipped(proof, at, bit):
    number = int.from_bytes(proof[at], "big") ^ (1 << bit)
    return [*proof[:at], number.to_bytes(32, "big"), *proof[at + 1 :]]


def _exchanged(proof, a, b):
    mixed = list(proof)
    mixed[a], mixed[b] = mixed[b], mixed[a]
    return mixed


def test_the_edge_cases_of_consistency():
    empty, one = merkle.EMPTY_ROOT, _tree(1)[0]
    assert merkle.continues(0, empty, 1, one, [])
    assert merkle.continues(1, one, 1, one, [])
    assert not merkle.continues(0, one, 1, one, [])
    assert not merkle.continues(0, empty, 1, one, [one])
    assert not merkle.continues(1, one, 1, empty, [])
    assert not merkle.continues(1, one, 2, _tree(2)[0], [])
    assert not merkle.continues(2, one, 1, one, [])


def test_a_proof_of_another_size_does_not_include():
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    two = merkle.node_hash(leaves[0], leaves[1])
    assert merkle.includes(leaves[1], 1, 2, [leaves[0]], two)  # the control
    assert not merkle.includes(leaves[1], 0, 1, [leaves[0]], two)  # longer than the tree is deep
    assert not merkle.includes(leaves[0], 0, 4, [leaves[1]], two)  # shorter
    assert not merkle.includes(leaves[1], 2, 2, [leaves[0]], two)
    assert not merkle.includes(leaves[0], 1, 1, [], leaves[0])
    assert not merkle.includes(leaves[0], -1, 1, [], leaves[0])


def test_a_leaf_that_takes_bytes_of_the_proof_is_none():
    """What is hashed is the two of them in a row, wherever the one ends."""
    left, right = (merkle.leaf_hash(leaf) for leaf in LEAVES[:2])
    for end in (31, 33):
        both = left + right
        assert not merkle.includes(both[:end], 0, 2, [both[end:]], merkle.node_hash(left, right))


def test_a_proof_of_another_size_does_not_continue():
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    root = {size: merkle.tree(leaves[:size])[0] for size in range(1, 6)}
    nodes = merkle.tree(leaves)[1]
    proof = {pair: merkle.consistency_proof(*pair, nodes.__getitem__) for pair in [(1, 2), (3, 4), (3, 5)]}
    for (old, new), path in proof.items():
        assert merkle.continues(old, root[old], new, root[new], path)  # the control
    assert not merkle.continues(1, root[1], 4, root[2], proof[1, 2])  # shorter than the tree is deep
    assert not merkle.continues(3, root[3], 5, root[5], [])
    more = b"m" * 32  # a node above both
    above = [merkle.node_hash(more, root[size]) for size in (3, 4)]
    assert not merkle.continues(3, above[0], 4, above[1], [*proof[3, 4], more])
    assert not merkle.continues(3, root[2], 5, root[5], proof[3, 5])
    assert not merkle.continues(3, root[3], 5, root[4], proof[3, 5])
    assert not merkle.continues(-1, root[3], 5, root[5], proof[3, 5])


def test_nothing_proves_that_a_tree_continues_the_empty_one_or_itself():
    for old, new in ((0, 5), (5, 5), (0, 0)):
        assert merkle.consistency_nodes(old, new) == []
    with pytest.raises(ValueError, match="does not continue"):
        merkle.consistency_nodes(-1, 5)


def test_a_proof_of_what_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="no leaf 3 in a tree of 3"):
        merkle.inclusion_nodes(3, 3)
    with pytest.raises(ValueError, match="no leaf -1"):
        merkle.inclusion_nodes(-1, 3)
    with pytest.raises(ValueError, match="does not continue"):
        merkle.consistency_nodes(4, 3)
