// Answers on their way: kept in order, in the browser's own storage, until the server has each of them.
// A reload loses nothing, and posting one twice is harmless: each carries its own number.

import { Away, ask } from "./asking.js";

const WAIT = [500, 1000, 2000, 4000, 8000, 15000];

export class Outbox {
  // told(act, answer): the server took an act or refused it. changed(size, why): how much is unsent, and why
  // nothing moves: "" (it does), "away", "signed-out" or "reload".
  constructor(person, { told, changed }) {
    this.prefix = `ursa-unsent-${person}-`;
    this.told = told;
    this.changed = changed;
    this.acts = this.kept();
    this.sending = false;
    this.failures = 0;
    addEventListener("online", () => this.send());
  }

  get size() {
    return this.acts.length;
  }

  // One entry of the storage for each act, so that two windows never write over each other's.
  kept() {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    return keys.sort().map((key) => JSON.parse(localStorage.getItem(key)));
  }

  keep(act) {
    localStorage.setItem(this.prefix + act.order, JSON.stringify(act));
  }

  forget(act) {
    localStorage.removeItem(this.prefix + act.order);
  }

  add(act) {
    const last = this.acts.at(-1)?.order.split("-");
    const now = String(Date.now());
    const turn = last?.[0] === now ? Number(last[1]) + 1 : 0;
    act.order = `${now}-${String(turn).padStart(4, "0")}`;
    this.acts.push(act);
    this.keep(act);
    this.changed(this.size, "");
    this.send();
  }

  // Take an answer out again that has not been sent; false when it may have been.
  withdraw(submission) {
    const place = this.acts.findIndex((act) => act.submission === submission && act.does === "answer");
    if (place < 0 || (place === 0 && (this.sending || this.failures > 0))) return false;
    this.forget(this.acts[place]);
    this.acts.splice(place, 1);
    this.changed(this.size, "");
    return true;
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    clearTimeout(this.timer);
    try {
      while (this.acts.length && (await this.sendFirst()));
    } finally {
      this.sending = false;
    }
  }

  // True when the next one may follow.
  async sendFirst() {
    const act = this.acts[0];
    let answer;
    try {
      answer = await ask(...request(act));
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      this.timer = setTimeout(() => this.send(), WAIT[Math.min(this.failures, WAIT.length - 1)]);
      this.failures += 1;
      this.changed(this.size, "away");
      return false;
    }
    this.failures = 0;
    if (answer.status === 401 || answer.status === 403) {
      this.changed(this.size, answer.status === 401 ? "signed-out" : "reload");
      return false;
    }
    this.acts.shift();
    this.forget(act);
    this.follow(act, answer);
    this.changed(this.size, "");
    this.told(act, answer);
    return true;
  }

  // What later acts must know: the number of the label they take back, the token of the lease they answer on.
  follow(act, { status, body }) {
    for (const later of [...this.acts]) {
      if (act.does === "answer" && later.does === "undo" && later.submission === act.submission) {
        if (status === 200) later.label_id = body.label_id;
        else this.drop(later); // there is nothing to take back of an answer that did not count
      }
      if (act.does === "undo" && status === 200 && later.review === act.review && !later.token) {
        later.token = body.token;
      }
      if (this.acts.includes(later)) this.keep(later);
    }
  }

  drop(act) {
    this.acts = this.acts.filter((one) => one !== act);
    this.forget(act);
  }
}

function request({ does, review, token, kind, label, submission, shown_at, label_id }) {
  if (does === "undo") return ["/review/undo", { label_id }];
  if (does === "skip") return [`/review/${review}/skip`, { token: token ?? "" }];
  return [`/review/${review}/answer`, { token: token ?? "", kind, label, submission, shown_at }];
}
