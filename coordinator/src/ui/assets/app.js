// What all pages share: times in the viewer's zone, copying, live updates, keys. Pages work without it.

const two = (number) => String(number).padStart(2, "0");

/** Writes the times of a part of the page in the viewer's zone with its offset; the title stays exact UTC. */
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const offset = -at.getTimezoneOffset();
    const sign = offset < 0 ? "−" : "+";
    const size = Math.abs(offset);
    const zone = offset === 0 ? "UTC" : `${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
    time.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())} ${zone}`;
    time.dataset.local = "";
  }
}

/** Gives what can be copied a button. */
function copyButtons(root) {
  for (const element of root.querySelectorAll("[data-copy]:not([data-copies])")) {
    element.dataset.copies = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.setAttribute("aria-label", "Copy");
    button.title = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(element.dataset.copy);
      button.classList.add("done");
      button.title = "Copied";
      setTimeout(() => { button.classList.remove("done"); button.title = "Copy"; }, 1500);
    });
    if (element.matches("dd, td, li")) element.append(" ", button);
    else element.after(button);
  }
}

/** Lets buttons be seen that do nothing without scripts. */
function codeButtons(root) {
  for (const button of root.querySelectorAll("[data-show][hidden], [data-scan][hidden]")) button.hidden = false;
}

function dress(root) {
  localTimes(root);
  copyButtons(root);
  codeButtons(root);
}

/** Fetches this page again and puts in what is live on it, unless somebody types there. */
async function refresh() {
  const standing = document.querySelector("[data-live]");
  const typing = standing?.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
  if (!standing || typing || standing.querySelector("input:checked, details.keep[open]")) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html", "x-live": "1" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const stopped = page.getElementById("stopped");
  if (stopped) { dress(stopped); document.getElementById("stopped")?.replaceWith(stopped); }
  const fresh = page.querySelector("[data-live]");
  if (!fresh || fresh.outerHTML === standing.dataset.seen) return;
  const open = [...standing.querySelectorAll("details[open][id]")].map((each) => each.id);
  const seen = fresh.outerHTML;
  standing.replaceWith(fresh);
  fresh.dataset.seen = seen;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  dress(fresh);
  globalThis.htmx?.process(fresh);
}

function listen() {
  if (!document.querySelector("[data-live]") || !document.body.dataset.csrf) return;
  let due = 0;
  const source = new EventSource("/live");
  source.addEventListener("happened", () => {
    // Once in a while however much happens, and not all pages at the same time.
    due ||= setTimeout(() => { due = 0; refresh().catch(() => {}); }, 300 + Math.random() * 1200);
  });
  // Too many pages listen: later there may be room.
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) setTimeout(listen, 60000); });
  addEventListener("pagehide", () => source.close());
}

function keys() {
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.activeElement?.matches("input, textarea, select, [contenteditable]")) return;
    const search = document.getElementById("search");
    if (search) { event.preventDefault(); search.focus(); }
  });
}

// What shows and scans QR codes is loaded by whoever wants it.
addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-show], [data-scan]");
  if (!button) return;
  const part = button.matches("[data-show]") ? "show" : "scan";
  import(`./${part}.js`).then((codes) => codes.open(button)).catch(() => {
    button.textContent = "It could not be loaded: load the page again";
  });
});

// On a phone the menu begins closed; where there is room it is always open.
const narrow = matchMedia("(max-width: 56rem)");
const menu = () => document.querySelector("details.menu")?.toggleAttribute("open", !narrow.matches);
narrow.addEventListener("change", menu);
menu();
document.body.addEventListener("htmx:configRequest", (event) => { event.detail.headers["x-csrf"] = document.body.dataset.csrf ?? ""; });
document.body.addEventListener("htmx:afterSwap", (event) => dress(event.detail.target));
dress(document);
listen();
keys();
