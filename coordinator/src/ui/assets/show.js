// Shows a download as QR codes, one after another. The coordinator makes the codes; this fetches the file, draws and counts.

const text = (bytes) => (bytes === 1 ? "1 byte" : `${bytes.toLocaleString("en").replaceAll(",", "\u202f")} bytes`);

/** The numbers of a list such as 3,9-11, at most `last`; nothing where it is no such list. */
export function numbers(list, last) {
  const found = new Set();
  for (const part of list.split(",").map((each) => each.trim()).filter(Boolean)) {
    const [, from, to] = /^(\d{1,4})(?:\s*[-–]\s*(\d{1,4}))?$/.exec(part) ?? [];
    if (from === undefined) return null;
    for (let number = Number(from); number <= Math.min(Number(to ?? from), last); number += 1) if (number > 0) found.add(number);
  }
  return [...found].sort((a, b) => a - b);
}

/** The file that stands beside a button: what its link leads to, or what its form would download. */
async function fetched(button) {
  const form = button.dataset.show === "" ? button.closest("form") : null;
  const body = form && (form.enctype === "multipart/form-data" ? new FormData(form) : new URLSearchParams(new FormData(form)));
  const answer = await fetch(form ? form.action : button.dataset.show, form ? { method: "POST", body } : {});
  if (!answer.ok || answer.redirected) throw new Error("the file cannot be fetched");
  return answer.blob();
}

class Showing {
  constructor(dialog, button) {
    this.dialog = dialog;
    this.button = button;
    this.find = (name) => dialog.querySelector(`[data-${name}]`);
    this.canvas = this.find("code");
    this.at = 0;
    this.shown = [];
    this.asked = 0;
    // Whoever wants little motion starts it, or goes step by step.
    this.paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (button.dataset.carrier) this.find("carrier").value = button.dataset.carrier;
    this.find("device").checked = button.hasAttribute("data-device");
    for (const name of ["carrier", "density", "device"]) this.find(name).addEventListener("change", () => this.load());
    this.find("speed").addEventListener("change", () => this.told());
    this.find("only").addEventListener("input", () => this.choose());
    this.find("pause").addEventListener("click", () => { this.paused = !this.paused; this.told(); this.wait(); });
    this.find("back").addEventListener("click", () => this.step(-1));
    this.find("forward").addEventListener("click", () => this.step(1));
    this.resized = () => this.draw();
    addEventListener("resize", this.resized);
  }

  stop() {
    clearTimeout(this.due);
    this.asked = -1;
    removeEventListener("resize", this.resized);
    this.awake?.release().catch(() => {});
  }

  wrong(words, hint) {
    const notice = this.find("wrong");
    notice.replaceChildren(...[words, hint && `What to do: ${hint}`].filter(Boolean).map((line) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      return paragraph;
    }));
    notice.hidden = false;
    this.round = null;
    this.shown = [];
    this.draw();
    this.told();
  }

  /** Asks for the codes of the file, as the fields say. */
  async load() {
    const asked = this.asked += 1;
    clearTimeout(this.due);
    this.find("wrong").hidden = true;
    try {
      this.file ??= await fetched(this.button);
    } catch {
      if (asked === this.asked) this.wrong("The file cannot be fetched.", "load the page again, or download the file.");
      return;
    }
    const query = new URLSearchParams({ carrier: this.find("carrier").value, density: this.find("density").value });
    if (this.find("device").checked) query.set("device", "1");
    let answer;
    let told;
    try {
      answer = await fetch(`/carrier/show?${query}`, {
        method: "POST", body: this.file, headers: { "content-type": "application/octet-stream", "x-csrf": document.body.dataset.csrf ?? "" },
      });
      told = await answer.json();
    } catch {
      told = { words: "The coordinator does not answer.", hint: "load the page again, or download the file." };
    }
    if (asked !== this.asked) return;
    if (!answer?.ok) { this.wrong(told.words, told.hint); return; }
    this.take(told);
    this.choose();
    this.awake ??= await navigator.wakeLock?.request("screen").catch(() => null);
  }

  take(round) {
    this.round = round;
    this.find("what").textContent = `${this.button.dataset.name}: ${round.what}, ${text(round.bytes)}`;
    this.find("device-row").hidden = round.kind !== "psbt";
    this.find("only-row").hidden = !round.numbered || round.frames.length === 1;
    this.find("warnings").replaceChildren(...round.warnings.map((words) => {
      const notice = document.createElement("p");
      notice.className = "notice notice-warn";
      notice.textContent = words;
      return notice;
    }));
  }

  /** Which codes go round. */
  choose() {
    if (!this.round) return;
    const only = this.find("only");
    const last = this.round.frames.length;
    const wanted = this.round.numbered ? numbers(only.value, last) : [];
    only.toggleAttribute("aria-invalid", wanted === null);
    if (wanted === null) only.setAttribute("aria-invalid", "true");
    this.shown = wanted?.length ? wanted : this.round.frames.map((_, place) => place + 1);
    this.at = 0;
    this.draw();
    this.told();
    this.wait();
  }

  wait() {
    clearTimeout(this.due);
    if (this.paused || this.shown.length < 2) return;
    this.due = setTimeout(() => { this.step(1); }, Math.floor(1000 / Number(this.find("speed").value)));
  }

  step(by) {
    if (this.shown.length === 0) return;
    this.at = (this.at + by + this.shown.length) % this.shown.length;
    this.draw();
    this.told();
    this.wait();
  }

  told() {
    const speed = Number(this.find("speed").value);
    const seconds = Math.ceil((this.shown.length * Math.floor(1000 / speed)) / 1000);
    const several = this.shown.length > 1;
    this.find("steps").hidden = !several;
    this.find("pause").textContent = this.paused ? "Go on" : "Pause";
    const count = this.find("count");
    count.textContent = !this.round ? "" : several || this.round.frames.length > 1
      ? `Code ${this.shown[this.at]} of ${this.round.frames.length}; one round takes ${seconds} s` : "One code holds all";
    this.canvas.setAttribute("aria-label", this.round ? count.textContent : "No code");
  }

  /** Draws the code at hand, each module as so many whole points of the screen. */
  draw() {
    const packed = this.round?.frames[(this.shown[this.at] ?? 0) - 1];
    if (!packed) { this.canvas.width = this.canvas.height = 1; return; }
    const { side } = this.round;
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const ratio = devicePixelRatio || 1;
    // So much as leaves what steers it in sight.
    const room = Math.min(this.find("room").clientWidth, Math.max(innerHeight - 380, innerHeight / 2));
    const scale = Math.max(1, Math.floor((room * ratio) / side));
    this.canvas.width = this.canvas.height = side * scale;
    this.canvas.style.width = `${(side * scale) / ratio}px`;
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, side * scale, side * scale);
    pen.fillStyle = "#000";
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const place = y * side + x;
        if (bytes[place >> 3] & (0x80 >> (place & 7))) pen.fillRect(x * scale, y * scale, scale, scale);
      }
    }
  }
}

/** Opens the dialog for the file beside a button. */
export function open(button) {
  const dialog = document.getElementById("show-codes").content.firstElementChild.cloneNode(true);
  document.body.append(dialog);
  const showing = new Showing(dialog, button);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { showing.stop(); dialog.remove(); button.focus(); });
  dialog.showModal();
  showing.load();
}
