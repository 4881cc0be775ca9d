// Passkeys: asks the browser for one and hands on what it says. Bytes are base64url without padding in JSON.

export const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
export const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** A refusal in words that people can act on. */
class Told extends Error {}

/** Sends JSON to these pages and gives their answer. */
export async function send(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", "x-csrf": document.body.dataset.csrf ?? "" },
    body: JSON.stringify(body),
  });
  const kind = answer.headers.get("content-type") ?? "";
  const said = kind.startsWith("application/json") ? await answer.json() : {};
  if (!answer.ok) {
    const hint = said.hint ? ` ${said.hint[0].toUpperCase()}${said.hint.slice(1)}.` : "";
    throw new Told((said.words ?? "That was refused. Load the page again and try once more.") + hint);
  }
  return said;
}

const listed = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

/** What a passkey signs for a challenge. */
export async function get(options) {
  const made = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) } });
  return {
    id: text(made.rawId),
    client_data_json: text(made.response.clientDataJSON),
    authenticator_data: text(made.response.authenticatorData),
    signature: text(made.response.signature),
  };
}

/** A new passkey. */
export async function create(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: listed(options.excludeCredentials),
    },
  });
  return { client_data_json: text(made.response.clientDataJSON), attestation_object: text(made.response.attestationObject) };
}

/** What an error of the browser means to the person. */
export function words(error) {
  if (error instanceof Told) return error.message;
  switch (error.name) {
    case "NotAllowedError": return "Nothing was done: the passkey was not used in time, or the request was cancelled. Try again when you are ready.";
    case "InvalidStateError": return "This device holds a passkey of yours for these pages already. Use that one, or another device.";
    case "SecurityError": return "Passkeys do not work at this address. Open these pages at the address that your operator gave you.";
    case "NotSupportedError": return "This device cannot make such a passkey. Use a phone, a newer computer or a security key.";
    case "TypeError": return "The coordinator cannot be reached. Check your connection and try again.";
    default: return `The browser refused: ${error.message}`;
  }
}

/** Runs the ceremony of a button. */
async function run(button, say) {
  const { begin, finish, passkey, label, to } = button.dataset;
  if (!navigator.credentials || !globalThis.PublicKeyCredential) throw new Told("This browser knows no passkeys. Use a newer one.");
  const asked = await send(begin, {});
  say("Your browser asks for the passkey now.");
  const made = passkey === "get" ? await get(asked.options) : await create(asked.options);
  const named = label ? { label: document.getElementById(label).value } : {};
  const done = await send(finish, { ceremony: asked.ceremony, ...named, ...made });
  location.assign(to || done.to || "/");
}

for (const button of document.querySelectorAll("button[data-passkey]")) {
  const said = document.getElementById(button.dataset.said ?? "said");
  const say = (sentence, bad) => {
    said.hidden = false;
    said.classList.toggle("notice-bad", Boolean(bad));
    said.textContent = sentence;
  };
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await run(button, say);
    } catch (error) {
      say(words(error), true);
    } finally {
      button.disabled = false;
    }
  });
}
