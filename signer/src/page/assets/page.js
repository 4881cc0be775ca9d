// Asks for one answer and hands it to the tool that serves this page. The tool decides; this only asks.
const asked = document.body.dataset;
const act = document.getElementById("act");
const decline = document.getElementById("decline");
const said = document.getElementById("said");

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const ways = {
  async confirm() {
    return {};
  },
  async assert() {
    const allowCredentials = asked.credentials.split(" ").map((id) => ({ type: "public-key", id: bytes(id) }));
    const { rawId, response } = await navigator.credentials.get({
      publicKey: { challenge: bytes(asked.challenge), rpId: "localhost", allowCredentials, userVerification: "required" },
    });
    return {
      id: text(rawId),
      authenticatorData: text(response.authenticatorData),
      clientDataJSON: text(response.clientDataJSON),
      signature: text(response.signature),
    };
  },
  async register() {
    const { response } = await navigator.credentials.create({
      publicKey: {
        challenge: bytes(asked.challenge),
        rp: { id: "localhost", name: "Countersign on this computer" },
        user: { id: bytes(asked.user), name: asked.name, displayName: asked.name },
        pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -8 }],
        authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
        attestation: "none",
      },
    });
    return {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
    };
  },
};

function say(words, kind) {
  said.textContent = words;
  said.className = kind;
}

async function send(where, answer) {
  const response = await fetch(where, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(answer),
  });
  const { said, over } = await response.json();
  return { words: said, ok: response.ok, ends: over ?? response.ok };
}

async function run(step) {
  act.disabled = decline.disabled = true;
  let over = false;
  try {
    const { words, ok, ends } = await step();
    say(words, ok ? "done" : "wrong");
    over = ends;
  } catch (error) {
    const words = error.name === "NotAllowedError"
      ? "The passkey did not answer, or you cancelled. Nothing was signed."
      : `It did not work: ${error.message}`;
    say(words, "wrong");
  }
  if (over) {
    document.body.classList.add("over");
  } else {
    act.disabled = decline.disabled = false;
    act.focus();
  }
}

act.addEventListener("click", () => {
  say(asked.ask === "confirm" ? "One moment…" : "Follow your browser: it asks for your passkey.", "waiting");
  run(async () => send("answer", await ways[asked.ask]()));
});
decline.addEventListener("click", () => run(() => send("decline", {})));
