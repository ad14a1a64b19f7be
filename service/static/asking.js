// The one way in which our scripts ask the server to change something: JSON, with the page's own token.

export class Away extends Error {} // the network or the server is away: ask again later

const token = () => document.querySelector('meta[name="csrf"]').content;

// { status, body }; throws Away when there was no answer, or one that says to come again.
export async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token() },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Away();
  }
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) throw new Away();
  return { status: answer.status, body: await answer.json().catch(() => ({})) };
}

// Unguessable and unique, also where crypto.randomUUID is missing (it needs https or this machine).
export function newNumber() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
