// Keeps this browser's half of what pairing made with this page's own origin, which no other port of the host reads.
const { browser, half } = document.body.dataset;
try {
  localStorage.setItem(browser, half);
} catch {
  addEventListener("DOMContentLoaded", () => {
    document.querySelector("h1").textContent = "Not paired";
    document.querySelector("h1 + p").textContent =
      "This browser keeps nothing for this page. Let it, or use another browser; then pair again.";
  });
}
