// Times in the reader's own zone: the exact one on hover, the words kept fresh.

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function words(seconds) {
  const span = Math.abs(seconds);
  if (span < 10) return "just now";
  const [size, unit] =
    span < 60 ? [1, "s"] : span < 3600 ? [60, "min"] : span < 172800 ? [3600, "h"] : [86400, "days"];
  const text = `${Math.round(span / size)} ${unit}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

export function freshen(root = document) {
  for (const time of root.querySelectorAll("time[data-ago]")) {
    const at = new Date(time.dateTime);
    time.title = exact.format(at);
    time.textContent = words((Date.now() - at) / 1000);
  }
}

freshen();
setInterval(freshen, 15000);
