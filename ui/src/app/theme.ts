// Dark, light or high contrast: what the user chose, or the system asks for.

import type { Theme } from "../bindings";

const light = matchMedia("(prefers-color-scheme: light)");
const contrast = matchMedia("(prefers-contrast: more)");

/** As it stands in `data-theme`. */
const SHOWN = { dark: "dark", light: "light", "high-contrast": "hc" } as const;

let chosen: Theme = "system";

function show() {
  const system = contrast.matches ? "hc" : light.matches ? "light" : "dark";
  document.documentElement.dataset.theme = chosen === "system" ? system : SHOWN[chosen];
}

light.addEventListener("change", show);
contrast.addEventListener("change", show);

/** Sets `data-theme` on the document, and follows the system where that is the wish. */
export function applyTheme(theme: Theme) {
  chosen = theme;
  show();
}
