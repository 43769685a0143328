// The window: side bar or rail, and the screen beside it.

import { Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Logo } from "../design/icon";
import { Connections } from "./connections";
import { CostCard } from "./cost-card";
import { endFirstFrame, useFirstFrame } from "./first-frame";
import { useShortcut } from "./keys";
import { KeysSheet } from "./keys-sheet";
import { LinkDialog } from "./link-dialog";
import { Nav, PLACES } from "./nav";
import { PaletteContext } from "./palette/open";
import { Palette } from "./palette/palette";
import { usePreferences } from "./preferences";
import { useInfo } from "./queries";
import { QuitDialog } from "./quit-dialog";
import { isOver } from "./run-store";
import { useCurrentRun, useSession } from "./session";
import { WindowActionsProvider } from "./window-actions";
import { useWindowEvents } from "./window-events";

/** Below this width there is room for the rail only. */
const NARROW = matchMedia("(max-width: 1120px)");

export function Shell() {
  const [isOpen, setOpen] = useState(false);
  const palette = useMemo(
    () => ({ isOpen, open: () => setOpen(true), close: () => setOpen(false) }),
    [isOpen],
  );
  useWindowEvents();
  useLayoutEffect(endFirstFrame, []);
  const { pathname } = useLocation();
  return (
    <WindowActionsProvider>
      <PaletteContext value={palette}>
        {pathname === "/welcome" ? <Outlet /> : <Frame />}
        <Palette />
        <KeysSheet />
        <LinkDialog />
        <QuitDialog />
      </PaletteContext>
    </WindowActionsProvider>
  );
}

function Frame() {
  const { t, i18n } = useTranslation();
  const side = useRef<HTMLElement>(null);
  const navigate = useNavigate();
  const { preferences, change } = usePreferences();
  const { pathname } = useLocation();
  const narrow = useSyncExternalStore(
    listener => {
      NARROW.addEventListener("change", listener);
      return () => NARROW.removeEventListener("change", listener);
    },
    () => NARROW.matches,
  );
  const live = useLive();
  const [wish, setWish] = useState<boolean | null>(null);
  // A race and a long table need the width, until somebody asks for the side bar.
  const wide = (live && pathname.startsWith("/run/")) || pathname === "/offers";
  const rail = narrow || (wish ?? (preferences.rail || wide));

  useFirstFrame(side, rail, i18n.resolvedLanguage, preferences.theme);
  useShortcut("mod+\\", !narrow, () => {
    setWish(!rail);
    if (!wide) change({ rail: !rail });
  });
  const go = (index: number) => () => {
    const place = PLACES[index];
    if (place) navigate({ to: place.to });
  };
  useShortcut("mod+1", true, go(0));
  useShortcut("mod+2", true, go(1));
  useShortcut("mod+3", true, go(2));
  useShortcut("mod+4", true, go(3));
  useShortcut("mod+5", true, go(4));
  useShortcut("mod+,", true, go(5));

  return (
    <div className="app" data-rail={rail ? "" : undefined}>
      <nav ref={side} className="side" aria-label={t("app.main")}>
        <div className="brand">
          <Logo />
          {rail ? null : <span>Dumont Cloud</span>}
        </div>
        <Nav rail={rail} />
        <div className="foot">
          {rail ? null : <Practice />}
          {rail ? null : <Connections />}
          <CostCard rail={rail} />
        </div>
      </nav>
      <Outlet />
    </div>
  );
}

function Practice() {
  const { t } = useTranslation();
  if (!useInfo().data?.practice) return null;
  return (
    <div className="note">
      <span className="tag accent mb-1">{t("app.practice")}</span>
      <br />
      {t("app.practiceFree")}
    </div>
  );
}

/** Whether a run is going on. */
function useLive(): boolean {
  const session = useSession();
  const run = useCurrentRun();
  const store = run ? session.run(run) : null;
  return useSyncExternalStore(
    listener => store?.subscribe(listener) ?? (() => {}),
    () => store !== null && !isOver(store.getSnapshot().view),
  );
}
