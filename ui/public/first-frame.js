// Until the window's code has run, its side bar stands as it stood last time:
// the places, no figures. `src/app/first-frame.ts` keeps it and takes it away.
try {
  const kept = JSON.parse(localStorage.getItem("first-frame") ?? "null");
  const frame = document.getElementById("first-frame");
  if (kept && frame) {
    document.documentElement.lang = kept.language;
    document.documentElement.dataset.theme = kept.theme;
    frame.className = "app";
    frame.toggleAttribute("data-rail", kept.rail);
    frame.innerHTML = kept.side;
  }
} catch {
  // Without it the window stays dark a little longer.
}
