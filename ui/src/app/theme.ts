// Dark, light or high contrast: what the system asks for.

export type Theme = "dark" | "light" | "hc";

/** Sets `data-theme` on the document and follows the system from then on. */
export function followSystemTheme() {
  const light = matchMedia("(prefers-color-scheme: light)");
  const contrast = matchMedia("(prefers-contrast: more)");
  const apply = () => {
    const theme: Theme = contrast.matches ? "hc" : light.matches ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
  };
  light.addEventListener("change", apply);
  contrast.addEventListener("change", apply);
  apply();
}
