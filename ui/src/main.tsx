// The entry: language, theme, host, window.

// The styles come first: they set the order of layers.
import "./design/index.css";

import { createRoot } from "react-dom/client";
import { App, createApp } from "./app/app";
import { ErrorBanner } from "./app/error-banner";
import { endFirstFrame } from "./app/first-frame";
import { type Language, preferredLanguage, setLanguage, startI18n } from "./app/i18n";
import { NoShell } from "./app/no-shell";
import { loadScreens } from "./app/router";
import { applyTheme } from "./app/theme";
import { type WindowActions, WindowActionsContext } from "./app/window-actions";
import { type Host, hostError } from "./host";
import { isTauri, tauriHost } from "./host/tauri";

/** Only then is the fake host part of the build. */
const FAKE = import.meta.env.MODE !== "production";

/** In milliseconds: the rest of the code comes when the window stands. */
const AFTER_THE_FIRST_WORDS = 400;

async function chooseHost(query: URLSearchParams): Promise<Host | null> {
  if (isTauri()) return tauriHost;
  if (!FAKE) return null;
  const { fakeFromQuery } = await import("./host/fake");
  const host = fakeFromQuery(query);
  Object.assign(window, { fakeHost: host });
  return host;
}

async function start() {
  const query = new URLSearchParams(location.search);
  const wished = FAKE ? (query.get("lang") as Language | null) : null;
  startI18n(wished ?? preferredLanguage(navigator.languages));
  // Until the answer is there, the theme of the last time is the better guess.
  if (!document.documentElement.dataset.theme) applyTheme("system");

  const element = document.getElementById("root");
  if (!element) return;
  const root = createRoot(element);
  const host = await chooseHost(query);
  if (!host) {
    endFirstFrame();
    return root.render(<NoShell />);
  }
  try {
    const [info, preferences] = await Promise.all([host.appInfo(), host.preferencesGet()]);
    const { theme = "system", language = "system" } = preferences;
    applyTheme(theme);
    if (!wished && language !== "system") await setLanguage(language);
    root.render(<App {...createApp(host, info, preferences, FAKE ? query.get("at") : null)} />);
    setTimeout(loadScreens, AFTER_THE_FIRST_WORDS);
  } catch (cause) {
    endFirstFrame();
    const again: Partial<WindowActions> = { reload: () => location.reload() };
    root.render(
      <WindowActionsContext value={again}>
        <div className="p-8">
          <ErrorBanner error={hostError(cause)} actions={{ retry: () => location.reload() }} />
        </div>
      </WindowActionsContext>,
    );
  }
}

start();
