// The keys of a review: each presses, or with data-focus only reaches, what bears it as data-key.
"use strict";

const isTyping = (target) =>
  target.closest("input:not([type=hidden]), textarea, select, [contenteditable]") !== null;

function step(by) {
  const points = [...document.querySelectorAll(".point:not(:disabled)")];
  const at = points.findIndex((point) => point.hasAttribute("aria-current"));
  const next = points[at + by];
  if (next) next.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  if (isTyping(event.target)) {
    typed(event);
    return;
  }
  const key = event.key.toLowerCase();
  const inList = event.target.closest(".points") !== null;
  if (key === "j" || (inList && key === "arrowdown")) step(1);
  else if (key === "k" || (inList && key === "arrowup")) step(-1);
  else if (!press(key)) return;
  event.preventDefault();
});

// Enter in a field means the button beside it, not the first one of the form.
function typed(event) {
  if (event.key === "Escape") event.target.blur();
  const beside = event.target.closest("#course .filters");
  if (event.key !== "Enter" || !beside) return;
  event.preventDefault();
  beside.querySelector("button").click();
}

function press(key) {
  const found = document.querySelector(`#review [data-key="${CSS.escape(key)}"]`);
  if (!found) return false;
  if (found.disabled) return true;
  if ("focus" in found.dataset) {
    found.scrollIntoView({ block: "center" });
    found.focus();
  } else {
    found.click();
  }
  const details = found.closest("details");
  if (found.tagName === "SUMMARY" && details.open) details.querySelector("input").focus();
  return true;
}

// What was focused may be gone; then the heading of the point is where one goes on.
document.addEventListener("htmx:afterSettle", () => {
  const current = document.querySelector(".point[aria-current]");
  if (!current) return;
  const list = current.closest(".points");
  const top = current.offsetTop - list.offsetTop;
  if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 60) {
    list.scrollTop = top - list.clientHeight / 2;
  }
  if (document.activeElement === document.body) {
    document.getElementById("here").focus({ preventScroll: true });
  }
});
