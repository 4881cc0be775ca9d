#!/usr/bin/env python3
"""Checks every golden file of F1-F4 with the implementation in reference.py: what it would write is what
is there, and signatures, proofs and assertions verify, as in a client of one's own."""

import json

import reference
from reference import HERE, canonical, message, root, root_of_proof, sha256, th, u32, verifies
from reference_webauthn import ecdsa_verifies, from_der, webauthn_file


def read(name):
    return json.loads((HERE / (name + ".json")).read_text())


def parts(signature):
    """The three parts of a passkey's signature."""
    found, at = [], 1
    for _ in range(3):
        length, at = signature[at], at + 1
        if length == 0xFD:
            length, at = int.from_bytes(signature[at:at + 2], "little"), at + 2
        found.append(signature[at:at + length])
        at += length
    assert at == len(signature)
    return found


def check(name, counted):
    print(f"{name}: {counted} checked")


for name, made in [
    ("hash", reference.hash_file()), ("keys", reference.keys_file()), ("intent", reference.intent_file()),
    ("merkle", reference.merkle_file()), ("approval", reference.approval_file()),
    ("receipt", reference.receipt_file()), ("webauthn", webauthn_file()),
]:
    assert made == read(name), f"{name}.json is not what reference.py writes"

messages = read("hash")["messages"]
for case in messages:
    vault, subject = bytes.fromhex(case["vault"]), bytes.fromhex(case["subject"])
    assert message(case["purpose"], vault, subject, case["expires"]).hex() == case["message"]
check("messages", len(messages))

intents = read("intent")["intents"]
for case in intents:
    assert canonical(case["fields"]).decode() == case["canonical"]
    assert th("intent", case["canonical"].encode()).hex() == case["hash"]
check("intents", len(intents))

trees = read("merkle")["trees"]
for case in trees:
    assert root([bytes.fromhex(subject) for subject in case["subjects"]]).hex() == case["root"]
    for proven in case["proofs"]:
        subject, proof = bytes.fromhex(proven["subject"]), bytes.fromhex(proven["proof"])
        assert root_of_proof(subject, proof).hex() == case["root"]
check("trees", len(trees))

approvals = read("approval")
key = reference.public(bytes.fromhex(approvals["approver_seed"]))
for case in approvals["approvals"]:
    signature = bytes.fromhex(case["signature"])
    assert verifies(key, bytes.fromhex(case["message"]), signature[1:])
    assert not verifies(key, sha256(b"another message"), signature[1:])
check("approvals", len(approvals["approvals"]))

passkeys = read("webauthn")["valid"]
for case in passkeys:
    data, client, signature = parts(bytes.fromhex(case["signature"]))
    key, signed = bytes.fromhex(case["key"].split(":")[1]), data + sha256(client)
    if case["key"].startswith("webauthn-es256:"):
        assert ecdsa_verifies(key, signed, *from_der(signature)), case["why"]
        assert not ecdsa_verifies(key, signed + b"x", *from_der(signature)), case["why"]
    else:
        assert verifies(key, signed, signature), case["why"]
check("assertions", len(passkeys))
print("every golden file is as the reference says")
