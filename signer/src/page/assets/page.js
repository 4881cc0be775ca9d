// Asks for one answer and hands it to the tool that serves this page. The tool decides; this only asks.
const asked = document.body.dataset;
const act = document.getElementById("act");
const decline = document.getElementById("decline");
const said = document.getElementById("said");

// How long a page must have been in front before its button can be pressed. A page that just came up, or was turned to
// by another one, may lie under a press that was meant for what was there before.
const HOLD_MS = 800;
// How often a page asks where its device is.
const ASK_MS = 1000;
const declines = decline.textContent;
let busy = false;
// Whether a device is waited for, which the other button stops.
let waiting = false;
let seen = false;
let wasOnAct = false;
let waits;

function draw() {
  act.disabled = busy || !seen;
  decline.disabled = busy && !waiting;
  decline.textContent = waiting ? "Stop waiting" : declines;
  if (wasOnAct && !act.disabled && document.activeElement === document.body) {
    act.focus();
  }
  wasOnAct &&= act.disabled;
}

function hold() {
  clearTimeout(waits);
  wasOnAct ||= document.activeElement === act;
  seen = false;
  draw();
  if (document.visibilityState === "visible" && document.hasFocus()) {
    waits = setTimeout(() => {
      seen = true;
      draw();
    }, HOLD_MS);
  }
}

document.addEventListener("visibilitychange", hold);
for (const turned of ["focus", "blur", "pageshow"]) {
  addEventListener(turned, hold);
}
hold();

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const ways = {
  async confirm() {
    return {};
  },
  async device() {
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
  const half = asked.browser && localStorage.getItem(asked.browser);
  const response = await fetch(where, {
    method: "POST",
    headers: { "content-type": "application/json", ...(half && { "countersign-half": half }) },
    body: JSON.stringify(answer),
  });
  const { said, over } = await response.json();
  return { words: said, ok: response.ok, ends: over ?? response.ok };
}

// Says where the device is until it is done; then says so to whoever waits for that.
function watch(done) {
  waiting = true;
  draw();
  const asks = setInterval(async () => {
    const { words } = await send("here", {}).catch(() => ({}));
    if (!waiting) {
      return;
    }
    if (words) {
      say(words, "waiting");
    } else if (words === "") {
      done?.();
    }
  }, ASK_MS);
  return () => {
    clearInterval(asks);
    waiting = false;
  };
}

async function run(step) {
  busy = true;
  wasOnAct = true;
  draw();
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
    busy = false;
    draw();
  }
}

// The browser that paired says that it looks at this: then the tool keeps it, whatever others open meanwhile. Any other
// browser hears why its answer does not count once it gives one.
// A device that was at it before this came up is at it still.
if (asked.browser) {
  send("here", {}).then(({ words, ok }) => {
    if (ok && words) {
      busy = true;
      say(words, "waiting");
      watch(() => location.reload());
    }
  }).catch(() => {});
}

const firstWords = {
  confirm: "One moment…",
  device: "Looking for the device…",
};
act.addEventListener("click", () => {
  say(firstWords[asked.ask] ?? "Follow your browser: it asks for your passkey.", "waiting");
  run(async () => {
    const answer = await ways[asked.ask]();
    const watched = asked.ask === "device" ? watch() : () => {};
    return send("answer", answer).finally(watched);
  });
});
decline.addEventListener("click", () => {
  if (waiting) {
    send("stop", {}).then(({ words }) => waiting && words && say(words, "waiting")).catch(() => {});
  } else {
    run(() => send("decline", {}));
  }
});
