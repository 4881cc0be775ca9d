// Checks the golden files of docs/formats.md F1-F4 with Node's own cryptography alone: an example for
// clients in JavaScript, and a second opinion on the Rust library. Node 20 or later; prints what it checked.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";

const read = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), "utf8"));
const hex = (text) => Buffer.from(text, "hex");
const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const counted = (name, number) => {
  assert(number > 0, name);
  console.log(`${name}: ${number} checked`);
};

// --- F1 ---
function th(tag, ...parts) {
  const tagged = sha256(Buffer.from(`countersign/v1/${tag}`));
  return sha256(tagged, tagged, ...parts);
}
function u32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}
function u64(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes;
}
const message = (purpose, vault, subject, expires) => th(`sign/${purpose}`, vault, subject, u64(expires));

// --- F2 ---
function canonical(fields) {
  const members = Object.keys(fields).sort().map((key) => `${JSON.stringify(key)}:${JSON.stringify(fields[key])}`);
  return Buffer.from(`{${members.join(",")}}`);
}

// --- F3 ---
const half = (count) => {
  let half = 1;
  while (half * 2 < count) half *= 2;
  return half;
};
function top(subjects) {
  if (subjects.length === 1) return th("leaf", subjects[0]);
  const left = half(subjects.length);
  return th("branch", top(subjects.slice(0, left)), top(subjects.slice(left)));
}
const root = (subjects) => th("root", u32(subjects.length), top([...subjects].sort(Buffer.compare)));
function rootOfProof(subject, proof) {
  const [count, index] = [proof.readUInt32LE(0), proof.readUInt32LE(4)];
  const siblings = [];
  for (let at = 8; at < proof.length; at += 32) siblings.push(proof.subarray(at, at + 32));
  const up = (count, index, siblings) => {
    if (count === 1) return th("leaf", subject);
    const [left, sibling, rest] = [half(count), siblings.at(-1), siblings.slice(0, -1)];
    return index < left
      ? th("branch", up(left, index, rest), sibling)
      : th("branch", sibling, up(count - left, index - left, rest));
  };
  return th("root", u32(count), up(count, index, siblings));
}

// --- F4 ---
// The DER heads of SubjectPublicKeyInfo for the two curves; node reads compressed points too.
const HEADS = {
  ed25519: "302a300506032b6570032100",
  "webauthn-eddsa": "302a300506032b6570032100",
  "webauthn-es256": "3039301306072a8648ce3d020106082a8648ce3d030107032200",
};
const BYTES = { ed25519: 1, "webauthn-es256": 2, "webauthn-eddsa": 3 };
function publicKey(text) {
  const [algorithm, digits] = text.split(":");
  const key = createPublicKey({ key: hex(HEADS[algorithm] + digits), format: "der", type: "spki" });
  return { algorithm, key, id: sha256(Buffer.from([BYTES[algorithm]]), hex(digits)) };
}
function parts(signature) {
  const found = [];
  let at = 1;
  for (let part = 0; part < 3; part += 1) {
    let length = signature[at];
    at += 1;
    if (length === 0xfd) {
      length = signature.readUInt16LE(at);
      at += 2;
    }
    assert(at + length <= signature.length, "cut off");
    found.push(signature.subarray(at, at + length));
    at += length;
  }
  assert.equal(at, signature.length);
  return found;
}
function verifies(text, msg, signature, passkey) {
  const { algorithm, key } = publicKey(text);
  if (signature[0] !== BYTES[algorithm]) return false;
  if (algorithm === "ed25519") return signature.length === 65 && verify(null, msg, key, signature.subarray(1));
  const [data, client, signed] = parts(signature);
  const said = JSON.parse(client.toString("utf8"));
  const flags = data[32];
  return said.type === "webauthn.get"
    && said.challenge === msg.toString("base64url")
    && passkey.origins.includes(said.origin)
    && (said.crossOrigin ?? false) === false
    && data.subarray(0, 32).equals(sha256(Buffer.from(passkey.rp_id)))
    && (flags & 0x05) === 0x05
    && (passkey.synced || (flags & 0x08) === 0)
    && verify(algorithm === "webauthn-es256" ? "sha256" : null, Buffer.concat([data, sha256(client)]), key, signed);
}

const hashes = read("hash");
for (const { tag, data, hash } of hashes.tagged) assert.equal(th(tag, hex(data)).toString("hex"), hash);
for (const { purpose, vault, subject, expires, message: expected } of hashes.messages) {
  assert.equal(message(purpose, hex(vault), hex(subject), expires).toString("hex"), expected);
}
counted("messages", hashes.messages.length);

const keys = read("keys");
for (const { text, id } of [...keys.keys, ...keys.passkeys]) assert.equal(publicKey(text).id.toString("hex"), id);
keys.signatures.forEach(({ message, signature }, at) => {
  assert(verifies(keys.keys[at].text, hex(message), hex(signature)));
});
counted("keys", keys.keys.length + keys.passkeys.length);

const intents = read("intent");
for (const { fields, canonical: expected, hash } of intents.intents) {
  assert.equal(canonical(fields).toString(), expected);
  assert.equal(th("intent", Buffer.from(expected)).toString("hex"), hash);
}
counted("intents", intents.intents.length);

const { trees } = read("merkle");
for (const tree of trees) {
  assert.equal(root(tree.subjects.map(hex)).toString("hex"), tree.root);
  for (const { subject, proof } of tree.proofs) {
    assert.equal(rootOfProof(hex(subject), hex(proof)).toString("hex"), tree.root);
  }
}
counted("trees", trees.length);

const approvals = read("approval");
const approver = keys.keys.find(({ id }) => id === approvals.approver_key_id).text;
for (const { purpose, intents, root: expected, expires, message: msg, signature } of approvals.approvals) {
  assert.equal(root(intents.map(hex)).toString("hex"), expected);
  assert.equal(message(purpose, hex(approvals.vault), hex(expected), expires).toString("hex"), msg);
  assert(verifies(approver, hex(msg), hex(signature)));
}
counted("approvals", approvals.approvals.length);

const passkeys = read("webauthn");
for (const { why, key, message, signature, synced } of passkeys.valid) {
  const pinned = { rp_id: passkeys.rp_id, origins: passkeys.origins, synced };
  assert(verifies(key, hex(message), hex(signature), pinned), why);
  assert(!verifies(key, hex(message), hex(signature), { ...pinned, origins: ["https://localhost"] }), why);
}
counted("assertions", passkeys.valid.length);
console.log("every golden file is as the reference says");
