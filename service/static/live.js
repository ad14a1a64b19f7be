// Parts of a page that stay fresh: <section id="…" data-live="/address" data-every="2"> is replaced by the part with
// the same id of what the address answers. Not while somebody has a hand in it, and not while nobody looks.

import { freshen } from "./times.js";

export function watch(part) {
  if (part.dataset.live) setTimeout(() => refresh(part), Number(part.dataset.every) * 1000);
}

async function refresh(part) {
  if (!part.isConnected) return;
  let fresh = null;
  const inHand = part !== document.activeElement && part.contains(document.activeElement);
  if (!document.hidden && !inHand && !part.querySelector("details[open]")) {
    try {
      fresh = await read(part.dataset.live, part.id);
    } catch {
      // the network is away; the next turn may have it
    }
  }
  if (fresh) {
    part.replaceWith(fresh);
    freshen(fresh);
  }
  watch(fresh ?? part);
}

async function read(address, id) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  // a redirect is the way to sign in
  if (!answer.ok || answer.redirected) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
}

for (const part of document.querySelectorAll("[data-live]")) watch(part);
