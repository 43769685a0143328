// The window: side bar or rail, and the screen beside it.

import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Icon, Logo, RaceIcon } from "../design/icon";
import { useFormats } from "./format";
import { useShortcut } from "./keys";
import { useInfo, useMachines } from "./queries";
import { isOver } from "./run-store";
import { useCurrentRun, useRunState, useSession } from "./session";

/** Below this width there is room for the rail only. */
const NARROW = matchMedia("(max-width: 1120px)");

export function Shell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const session = useSession();
  const run = useCurrentRun();
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
  // A run needs the width, until somebody asks for the side bar.
  const rail = narrow || (wish ?? (live && pathname.startsWith("/run/")));

  // The tray can launch too.
  useEffect(
    () =>
      session.host.onRunBegan(began => {
        session.setCurrent(began);
        navigate({ to: "/run/$run", params: { run: began } });
      }),
    [session, navigate],
  );

  useShortcut("mod+\\", !narrow, () => setWish(!rail));
  useShortcut("mod+1", true, () => navigate({ to: "/launch" }));
  useShortcut("mod+2", run !== null, () => {
    if (run) navigate({ to: "/run/$run", params: { run } });
  });

  return (
    <div className="app" data-rail={rail ? "" : undefined}>
      <nav className="side" aria-label={t("app.main")}>
        <div className="brand">
          <Logo />
          {rail ? null : <span>Dumont Cloud</span>}
        </div>
        <div className="nav">
          <NavLink
            to="/launch"
            icon={<Icon of={Send} />}
            name={t("launch.title")}
            hint="1"
            rail={rail}
          />
          {run ? <RunLink run={run} rail={rail} /> : null}
        </div>
        <div className="foot">
          <Practice rail={rail} />
          <Burn rail={rail} />
        </div>
      </nav>
      <Outlet />
    </div>
  );
}

interface NavLinkProps {
  to: string;
  icon: ReactNode;
  name: string;
  hint: string;
  rail: boolean;
  live?: boolean;
}

function NavLink({ to, icon, name, hint, rail, live }: NavLinkProps) {
  const { pathname } = useLocation();
  const mod = useInfo().data?.os === "macos" ? "⌘" : "Ctrl ";
  return (
    <Link
      to={to}
      title={rail ? name : undefined}
      data-live={live ? "" : undefined}
      aria-current={pathname === to || pathname.startsWith(`${to}/`) ? "page" : undefined}
      aria-keyshortcuts={`Control+${hint}`}
      // A clicked link gives the focus back: Enter belongs to the screen.
      onClick={event => event.detail > 0 && event.currentTarget.blur()}
    >
      {icon}
      <span className={rail ? "sr" : "truncate"}>{name}</span>
      {rail ? null : (
        <span className="hint" aria-hidden="true">
          {mod}
          {hint}
        </span>
      )}
    </Link>
  );
}

function RunLink({ run, rail }: { run: string; rail: boolean }) {
  const { t } = useTranslation();
  const session = useSession();
  const { view } = useRunState(session.run(run));
  return (
    <NavLink
      to={`/run/${run}`}
      icon={<RaceIcon />}
      name={t(`app.run.${view.phase}`)}
      hint="2"
      rail={rail}
      live={!isOver(view)}
    />
  );
}

function Practice({ rail }: { rail: boolean }) {
  const { t } = useTranslation();
  const practice = useInfo().data?.practice;
  if (!practice || rail) return null;
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

/** What runs, and what an hour of it costs. */
function Burn({ rail }: { rail: boolean }) {
  const { t } = useTranslation();
  const f = useFormats();
  const machines = (useMachines().data ?? []).filter(machine => machine.ownership === "ours");
  const live = useLiveCost();
  const price = live?.price ?? machines.reduce((sum, machine) => sum + machine.price, 0);
  const count = live?.machines ?? machines.length;
  if (rail) {
    return (
      <div className="burn">
        <b className="font-semibold text-12">{f.money(price)}</b>
        <br />
        <span className="text-ink-3">{t("app.perHour")}</span>
      </div>
    );
  }
  return (
    <div className="burn flex flex-wrap items-baseline gap-x-2">
      <b className="font-semibold text-14">{f.money(price)}</b>
      <span className="text-12 text-ink-3">/h</span>
      <span className="flex-1" />
      <span className="text-12 text-ink-3">{t("app.running", { count })}</span>
    </div>
  );
}

/** During a run its facts are newer than the list of machines. */
function useLiveCost(): { price: number; machines: number } | null {
  const session = useSession();
  const run = useCurrentRun();
  const store = run ? session.run(run) : null;
  const view = useSyncExternalStore(
    listener => store?.subscribe(listener) ?? (() => {}),
    () => store?.getSnapshot().view ?? null,
  );
  if (!view || isOver(view)) return null;
  const machines = view.lanes.filter(
    lane => lane.rented === "yes" && !lane.destroyed_confirmed,
  ).length;
  return { price: view.price, machines };
}
