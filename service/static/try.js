// Try it without leaving the page: drop, paste, choose or photograph a picture and see the answer beside it.
// Without this script the same form does the same by a new page.

import { watch } from "./live.js";
import { freshen } from "./times.js";

const form = document.getElementById("try");
const zone = document.getElementById("zone");
const message = document.getElementById("message");
const inputs = [...form.querySelectorAll("input[type=file]")];

form.querySelector("button").hidden = true;

for (const input of inputs) {
  input.addEventListener("change", () => {
    if (input.files.length) send(input.files[0]);
  });
}

for (const name of ["dragenter", "dragover"]) {
  zone.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])][0];
  if (file) send(file);
});

async function send(file) {
  tell("Sending …", "");
  zone.setAttribute("aria-busy", "true");
  const body = new FormData();
  body.append("csrf", form.elements.csrf.value);
  body.append("image", file, file.name || "pasted");
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("answer");
    if (fresh) return show(fresh, answer.url);
    tell(page.getElementById("sentence")?.textContent ?? "Something went wrong here.", "bad");
  } catch {
    tell("The server cannot be reached. Send the picture again when it is back.", "bad");
  } finally {
    zone.removeAttribute("aria-busy");
    for (const input of inputs) input.value = "";
  }
}

function show(fresh, address) {
  document.getElementById("answer").replaceWith(fresh);
  history.replaceState(null, "", address);
  freshen(fresh);
  watch(fresh);
  tell("", "");
  fresh.focus();
}

function tell(text, kind) {
  message.hidden = !text;
  message.className = `notice ${kind}`;
  message.textContent = text;
}
