// Scans QR codes with the camera. It only collects their texts; the coordinator puts them together, and the whole becomes a
// file in the form beside the button, as if it had been dropped there.

/** The most codes of one series, and of series that are kept apart. */
const MOST = 2500;
const MOST_SERIES = 8;
/** The most points of a side that are looked at. */
const MOST_POINTS = 1080;

/** What was read for each field before, so that a scan that was interrupted goes on. */
const begun = new Map();

/** What the beginning of a code says: which series it is of, how many there are, and which it is. */
export function head(code) {
  const bbqr = /^B\$[0-9A-Z]{2}([0-9A-Z]{2})([0-9A-Z]{2})./.exec(code);
  if (bbqr) return { series: code.slice(0, 6), of: parseInt(bbqr[1], 36), part: parseInt(bbqr[2], 36) + 1 };
  const ur = /^ur:([a-z0-9-]+)\/\d+-(\d{1,9})\//i.exec(code);
  if (ur) return { series: `${ur[1]}/${ur[2]}`.toLowerCase(), of: Number(ur[2]) };
  return { series: code, of: 1 };
}

/** Numbers as ranges: 3, 9–11. */
export function ranges(numbers) {
  const parts = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  const words = parts.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  return words.length > 12 ? `${words.slice(0, 12).join(", ")} …` : words.join(", ");
}

/** The codes of one series. */
class Series {
  constructor(of, numbered) {
    this.of = of;
    this.texts = new Set();
    this.parts = numbered ? new Set() : null;
    this.next = of;
  }

  /** Whether it is worth while to ask whether they make up the whole. */
  isReady() {
    return this.parts ? this.parts.size >= this.of && this.texts.size >= this.next : this.texts.size >= this.next;
  }

  missing() {
    const missing = [];
    for (let part = 1; part <= this.of && missing.length < MOST; part += 1) if (!this.parts.has(part)) missing.push(part);
    return missing;
  }
}

const calm = {
  NotAllowedError: ["The browser does not let this page use the camera.", "allow the camera for this site in the browser's settings, or bring the file."],
  NotFoundError: ["There is no camera.", "connect one, or bring the file."],
  OverconstrainedError: ["There is no camera.", "connect one, or bring the file."],
  NotReadableError: ["The camera cannot be used: another program may have it.", "close that program, or bring the file."],
  insecure: ["Cameras are only for pages over https, or at localhost.", "open these pages over https, or bring the file."],
  reader: ["This browser cannot read codes here.", "use a current browser, or bring the file."],
  other: ["The camera cannot be used.", "try again, or bring the file."],
};

class Scanning {
  constructor(dialog, button) {
    this.dialog = dialog;
    this.field = button.dataset.scan;
    this.find = (name) => dialog.querySelector(`[data-${name}]`);
    this.video = this.find("video");
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.series = begun.get(this.field) ?? new Map();
    begun.set(this.field, this.series);
    this.strange = new Set();
    this.find("anew").addEventListener("click", () => this.anew());
    this.find("anew").hidden = this.series.size === 0;
  }

  anew() {
    this.series.clear();
    this.strange.clear();
    this.find("wrong").hidden = true;
    this.find("aside").hidden = true;
    this.find("anew").hidden = true;
    this.find("bar").value = 0;
    this.say("Show the codes to the camera.");
  }

  say(words) {
    this.find("told").textContent = words;
    this.find("said").textContent = words;
  }

  wrong([words, hint]) {
    const notice = this.find("wrong");
    notice.replaceChildren(...[words, hint && `What to do: ${hint}`].filter(Boolean).map((line) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      return paragraph;
    }));
    notice.hidden = false;
  }

  async start() {
    if (!isSecureContext || !navigator.mediaDevices?.getUserMedia) { this.fail(calm.insecure); return; }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false, video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } },
      });
    } catch (error) {
      this.fail(calm[error.name] ?? calm.other);
      return;
    }
    if (this.over) { for (const track of stream.getTracks()) track.stop(); return; }
    this.stream = stream;
    for (const track of stream.getTracks()) track.addEventListener("ended", () => { if (!this.over) this.fail(calm.other); });
    this.reader = new Worker(new URL("./scan-worker.js", import.meta.url), { type: "module" });
    this.reader.addEventListener("message", ({ data }) => { this.busy = false; if (data !== null) this.take(data); });
    this.reader.addEventListener("error", () => { this.stop(); this.fail(calm.reader); });
    this.video.srcObject = stream;
    this.find("view").hidden = false;
    this.find("bar").hidden = false;
    this.say("Show the codes to the camera.");
    await this.video.play().catch(() => {});
    this.look();
  }

  fail(told) {
    this.find("told").textContent = "";
    this.find("view").hidden = true;
    this.find("bar").hidden = true;
    this.wrong(told);
  }

  /** Ends the camera. */
  stop() {
    this.over = true;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.reader?.terminate();
    this.video.srcObject = null;
  }

  /** Gives the reader the middle of the picture whenever it has nothing to do. */
  look() {
    if (this.over) return;
    const again = () => this.look();
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(again);
    else setTimeout(again, 50);
    const points = Math.min(this.video.videoWidth, this.video.videoHeight);
    if (this.busy || points === 0) return;
    const side = Math.min(points, MOST_POINTS);
    this.canvas.width = this.canvas.height = side;
    const [left, top] = [(this.video.videoWidth - points) / 2, (this.video.videoHeight - points) / 2];
    this.pen.drawImage(this.video, left, top, points, points, 0, 0, side, side);
    const { data, width, height } = this.pen.getImageData(0, 0, side, side);
    this.busy = true;
    this.reader.postMessage({ data, width, height }, [data.buffer]);
  }

  /** Takes the text of a code. */
  take(code) {
    const found = code.trim();
    const { series, of, part } = head(found);
    if (found === "" || this.over) return;
    let here = this.series.get(series);
    if (this.strange.has(found)) return;
    if (!here) {
      if (this.series.size >= MOST_SERIES) return;
      here = new Series(of, part !== undefined);
      this.series.set(series, here);
    }
    const known = here.texts.size;
    if (here.texts.size < MOST) here.texts.add(found);
    if (here.texts.size === known && here === this.last) return;
    this.last = here;
    here.parts?.add(part);
    this.find("anew").hidden = false;
    this.progress(here);
    if (here.isReady()) this.ask(series, here);
  }

  progress(here) {
    const have = here.parts?.size ?? Math.min(here.resolved ?? 0, here.of);
    this.find("bar").value = here.of > 0 ? (here.parts ? have : Math.min(here.texts.size, here.of * 1.2) / 1.2) / here.of : 0;
    const told = this.find("told");
    if (here.of === 1) told.textContent = "A code is read.";
    else if (here.parts) told.textContent = have < here.of ? `${have} of ${here.of} codes; missing ${ranges(here.missing())}` : "All codes are read.";
    else told.textContent = `${here.texts.size} codes; about ${here.of + Math.ceil(here.of / 10)} are needed`;
    // What is read out loud: each quarter, not each code.
    const quarter = Math.floor(this.find("bar").value * 4);
    if (quarter !== this.quarter) { this.quarter = quarter; this.find("said").textContent = told.textContent; }
    const others = [...this.series.values()].filter((each) => each !== here && each.of > 1).length;
    if (others > 0) this.aside("Codes of another series are in sight, too. They are kept apart.");
  }

  aside(words) {
    this.find("aside").textContent = words;
    this.find("aside").hidden = false;
  }

  /** Asks whether the codes of a series make up the whole. */
  async ask(series, here) {
    if (this.asking) return;
    this.asking = true;
    // A fountain needs a few more now and then; each time some more than before.
    here.next = here.texts.size + Math.max(1, Math.ceil(here.of / 20));
    let answer;
    let told;
    try {
      answer = await fetch("/carrier/scan", {
        method: "POST", body: [...here.texts].join("\n"), headers: { "content-type": "text/plain", "x-csrf": document.body.dataset.csrf ?? "" },
      });
      told = await answer.json();
    } catch {
      told = { words: "The coordinator does not answer.", hint: "see that you are connected; the scan goes on." };
      here.next = here.texts.size;
    }
    this.asking = false;
    if (this.over) return;
    if (answer?.ok && told.whole !== undefined) { this.done(told); return; }
    if (answer?.ok) {
      here.resolved = told.have;
      this.find("wrong").hidden = true;
      if (told.aside) this.aside(`${told.aside.words} ${told.aside.hint}`);
      if (here.isReady()) this.ask(series, here);
    } else if (answer?.status === 422 && here.of === 1) {
      // Something else in sight, such as a code on a box.
      this.series.delete(series);
      if (this.strange.size < 100) this.strange.add([...here.texts][0]);
      this.aside(`${told.words} ${told.hint}`);
    } else if (answer?.status === 422) {
      this.series.delete(series);
      this.wrong([told.words, told.hint]);
    } else if (answer?.status === 401 || answer?.status === 403) {
      this.stop();
      this.fail(["Your session has ended.", "load the page again, sign in, and scan once more."]);
    } else {
      this.wrong([told.words, told.hint]);
      setTimeout(() => { if (!this.over) this.ask(series, here); }, 2000);
    }
  }

  /** Puts the whole into the form. */
  done({ whole, what, name }) {
    const input = document.getElementById(this.field);
    begun.delete(this.field);
    this.dialog.close();
    if (!input) return;
    const file = new File([Uint8Array.from(atob(whole), (letter) => letter.charCodeAt(0))], name);
    const all = new DataTransfer();
    for (const each of input.multiple ? [...input.files, file] : [file]) all.items.add(each);
    input.files = all.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    const id = `${this.field}-scanned`;
    document.getElementById(id)?.remove();
    const told = document.createElement("p");
    told.id = id;
    told.className = "notice notice-good";
    told.setAttribute("role", "status");
    (input.closest(".field") ?? input).append(told);
    told.textContent = `Scanned ${name}: ${what}. Nothing is sent before you hand it in.`;
    input.form?.querySelector("button[type=submit]")?.focus();
  }
}

/** Opens the dialog for the field that a button names. */
export function open(button) {
  const dialog = document.getElementById("scan-codes").content.firstElementChild.cloneNode(true);
  document.body.append(dialog);
  const scanning = new Scanning(dialog, button);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    scanning.stop();
    dialog.remove();
    if (document.activeElement === document.body) button.focus();
  });
  dialog.showModal();
  scanning.start();
}
