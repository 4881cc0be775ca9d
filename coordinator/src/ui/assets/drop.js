// Files dropped anywhere on the page, and PSBTs pasted, go into the form that hands them in. Nothing is sent by itself.

const form = document.querySelector("form[data-drop]");
const files = form?.querySelector("input[type=file]");
const pasted = form?.querySelector("textarea[name=pasted]");

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}

/** Adds files to those that are chosen already. */
function add(more) {
  const all = new DataTransfer();
  for (const file of [...files.files, ...more]) all.items.add(file);
  files.files = all.files;
  form.scrollIntoView({ block: "center" });
  form.querySelector("button[type=submit]").focus();
}

if (form && files) {
  form.querySelector("[data-drop-words]")?.removeAttribute("hidden");
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) form.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.remove("dropping");
    add(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    if (document.activeElement?.matches("input, textarea, select, [contenteditable]")) return;
    if (event.clipboardData.files.length > 0) {
      event.preventDefault();
      add(event.clipboardData.files);
      return;
    }
    const text = event.clipboardData.getData("text").trim();
    if (text === "" || !pasted) return;
    event.preventDefault();
    pasted.value = pasted.value.trim() === "" ? text : `${pasted.value.trim()}\n\n${text}`;
    pasted.closest("details")?.setAttribute("open", "");
    form.scrollIntoView({ block: "center" });
    form.querySelector("button[type=submit]").focus();
  });
}
