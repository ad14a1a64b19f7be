// One key labels and brings the next picture. A few pictures are leased and loaded ahead, so the next one is there
// at once; answers go out in the background, in order (outbox.js). Nothing here knows what a model said.

import { Away, ask, newNumber } from "./asking.js";
import { Outbox } from "./outbox.js";

const AHEAD = 4;
const MOST_UNSENT = 3; // with those ahead it stays below what one person may hold
const IDLE_MS = 5 * 60 * 1000; // who looked away so long holds no picture any more
const LOOK_AGAIN_MS = 5000;

const at = (id) => document.getElementById(id);
const root = at("review");
const frame = at("frame");
const strip = at("strip");
const buttons = [...document.querySelectorAll("#choices button[data-key], #choices button[data-kind]")];

let current = null; // the question on show; `token` is missing while an undo is on its way
let ahead = []; // leased and loading
let given = []; // own answers that can be taken back, newest first
let filling = false;
let active = Date.now();

const outbox = new Outbox(root.dataset.person, { told, changed });

// pictures ahead

async function fill() {
  const wanted = AHEAD + (current ? 0 : 1) - ahead.length;
  if (filling || wanted <= 0 || outbox.size > MOST_UNSENT) return;
  filling = true;
  try {
    const { status, body } = await ask("/review/next", { holding: held(), count: wanted });
    if (status === 401) return changed(outbox.size, "signed-out");
    if (status === 403) return changed(outbox.size, "reload");
    if (!outbox.size) changed(0, "");
    for (const question of body.reviews ?? []) ahead.push(load(question));
    at("waiting").textContent = (body.waiting ?? 0).toLocaleString("en");
    if (!current && ahead.length) show(ahead.shift());
    else if (!current) rest(body.waiting);
  } catch (error) {
    if (!(error instanceof Away)) throw error;
    changed(outbox.size, "away");
  } finally {
    filling = false;
  }
}

// What is answered and not sent yet is in hand too: the server must not bring it again.
function held() {
  const known = [current, ...ahead].filter(Boolean).map((question) => question.id);
  return [...new Set([...known, ...outbox.acts.map((act) => act.review)])];
}

function load(question) {
  question.image = new Image();
  question.image.alt = "The picture to label";
  question.image.id = "shown";
  question.image.src = question.picture;
  question.image.decode().catch(() => (question.broken = true));
  return question;
}

// what is on show

function next() {
  show(ahead.shift() ?? null);
  fill();
}

function show(question) {
  current = question;
  closer(false);
  at("choices").querySelector("fieldset").disabled = !question;
  at("original").hidden = !question;
  at("zoom").hidden = !question;
  if (!question) return frame.replaceChildren(at("loading").content.cloneNode(true));
  question.shown_at = new Date().toISOString();
  frame.replaceChildren(question.image);
  at("original").href = question.original;
}

function rest(waiting) {
  const nothing = at("nothing").content.cloneNode(true);
  nothing.querySelector("p").textContent = waiting
    ? `${waiting} more: in other hands, or answered or skipped by you. This page looks again by itself.`
    : "Every question is answered. This page looks again by itself.";
  frame.replaceChildren(nothing);
}

function closer(wanted) {
  frame.classList.toggle("closer", wanted);
  at("zoom").setAttribute("aria-pressed", String(wanted));
  if (wanted) {
    frame.scrollTo((frame.scrollWidth - frame.clientWidth) / 2, (frame.scrollHeight - frame.clientHeight) / 2);
  }
}

// what a key does

function press(button) {
  if (button.id === "undo") return undo();
  if (button.id === "zoom") return closer(!frame.classList.contains("closer"));
  if (!current) return;
  const { kind, label = null } = button.dataset;
  const { id: review, token, shown_at, thumbnail } = current;
  say("");
  if (kind === "skip") {
    outbox.add({ does: "skip", review, token });
  } else {
    const submission = newNumber();
    const words = button.querySelector("span").textContent;
    given.unshift({ submission, question: current, thumbnail, words });
    outbox.add({ does: "answer", review, token, kind, label, submission, shown_at });
    speak(`${words}. Next picture.`);
  }
  mark(button);
  drawStrip();
  next();
}

function undo(one = given[0]) {
  if (!one) return;
  given = given.filter((other) => other !== one);
  drawStrip();
  speak(`Taken back: ${one.words}.`);
  const question = one.question;
  if (one.submission && outbox.withdraw(one.submission)) return again(question);
  outbox.add({ does: "undo", review: question.id, submission: one.submission, label_id: one.label_id });
  again({ ...question, token: null });
}

function again(question) {
  if (current) ahead.unshift(current);
  show(question.image ? question : load(question));
}

function mark(button) {
  for (const other of buttons) other.classList.toggle("chosen", other === button);
  setTimeout(() => button.classList.remove("chosen"), 160);
}

// what the server says later

function told(act, { status, body }) {
  const one = given.find((other) => other.submission && other.submission === act.submission);
  if (act.does === "answer" && status === 200 && one) one.label_id = body.label_id;
  if (act.does === "undo" && status === 200) {
    for (const question of [current, ...ahead]) {
      if (question?.id === act.review && !question.token) Object.assign(question, { token: body.token });
    }
  }
  if (status !== 200) refused(act, body, one);
  drawStrip();
  fill();
}

function refused(act, body, one) {
  if (act.does === "answer") given = given.filter((other) => other !== one);
  if (act.does === "undo") drop(act.review);
  say(body.detail);
}

function drop(review) {
  ahead = ahead.filter((question) => question.id !== review);
  if (current?.id === review) next();
}

function changed(size, why) {
  const unsent = at("unsent");
  unsent.hidden = !size && !why;
  unsent.textContent = size ? `unsent ${size}` : "no connection";
  if (why === "away") say("The server cannot be reached. Go on: answers are kept here and sent when it is back.");
  if (why === "signed-out") say("You are signed out. Your answers are kept here: sign in again to send them.", "/sign-in?next=/review");
  if (why === "reload") say("This page has grown old. Your answers are kept here: load it again to send them.", "/review");
  if (!why && unsent.dataset.why === "away") say("");
  unsent.dataset.why = why;
}

// words

function say(text, address) {
  const message = at("message");
  message.hidden = !text;
  message.textContent = text ?? "";
  if (text && address) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "Go there";
    message.append(" ", link);
  }
}

function speak(text) {
  at("spoken").textContent = text;
}

function drawStrip() {
  at("count").textContent = given.length;
  at("undo").disabled = !given.length;
  at("strip-name").hidden = !given.length;
  strip.replaceChildren(...given.slice(0, 24).map(drawAnswer));
}

function drawAnswer(one) {
  const drawn = at("answered").content.cloneNode(true);
  const button = drawn.querySelector("button");
  drawn.querySelector("img").src = one.thumbnail;
  drawn.querySelector("span").textContent = one.words;
  button.title = `Take back: ${one.words}`;
  button.classList.toggle("unsent", !one.label_id);
  button.addEventListener("click", () => undo(one));
  return drawn;
}

// holding on

async function renew() {
  if (document.hidden || Date.now() - active > IDLE_MS) return;
  for (const question of [current, ...ahead]) {
    if (!question?.token) continue;
    try {
      const { status } = await ask(`/review/${question.id}/renew`, { token: question.token });
      if (status === 409) lost(question);
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      return;
    }
  }
}

function lost(question) {
  if (question !== current) return drop(question.id);
  say("This picture went to somebody else meanwhile. If you answer, it is kept as an extra opinion.");
}

// keys

function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
  if (!at("keys").checked || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  const key = event.key.toLowerCase();
  const button = buttons.find((one) => one.dataset.key?.split(" ").includes(key));
  if (!button || button.disabled || button.matches("fieldset:disabled *")) return;
  event.preventDefault();
  press(button);
}

function begin() {
  given = [...strip.children].map((drawn) => {
    const thumbnail = drawn.querySelector("img").getAttribute("src");
    const address = thumbnail.split("?")[0];
    const question = { id: drawn.dataset.review, picture: `${address}?size=1600`, original: address, thumbnail };
    return { label_id: drawn.dataset.labelId, question, thumbnail, words: drawn.querySelector("span").textContent };
  });
  at("keys").checked = localStorage.getItem("ursa-keys") !== "off";
  at("switch").hidden = false;
  at("keys").addEventListener("change", () => localStorage.setItem("ursa-keys", at("keys").checked ? "on" : "off"));
  for (const button of buttons) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      press(button);
    });
  }
  addEventListener("keydown", keyed);
  for (const sign of ["keydown", "pointerdown", "pointermove"]) addEventListener(sign, () => (active = Date.now()), { passive: true });
  setInterval(renew, (Number(root.dataset.lease) * 1000) / 3);
  setInterval(() => current || document.hidden || fill(), LOOK_AGAIN_MS);
  drawStrip();
  outbox.send();
  fill();
}

if (document.querySelector("[data-kind=class]")) begin();
