// The side bar's places.

import { Link, useLocation } from "@tanstack/react-router";
import {
  ChartNoAxesColumn,
  Layers,
  Send,
  Server,
  Settings2,
  SlidersHorizontal,
} from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Icon, RaceIcon } from "../design/icon";
import { useFormats } from "./format";
import { modOf } from "./keys";
import { useInfo, useMachines } from "./queries";
import { isOver } from "./run-store";
import { useCurrentRun, useRunState, useSession } from "./session";

export const PLACES = [
  { to: "/launch", key: "1", icon: Send, name: "launch.title" },
  { to: "/machines", key: "2", icon: Server, name: "machines.title" },
  { to: "/snapshots", key: "3", icon: Layers, name: "snapshots.title" },
  { to: "/offers", key: "4", icon: SlidersHorizontal, name: "offers.title" },
  { to: "/hosts", key: "5", icon: ChartNoAxesColumn, name: "hosts.title" },
  { to: "/settings", key: ",", icon: Settings2, name: "settings.title" },
] as const;

export function Nav({ rail }: { rail: boolean }) {
  const { t } = useTranslation();
  const f = useFormats();
  const run = useCurrentRun();
  const machines = (useMachines().data ?? []).filter(machine => machine.ownership === "ours");
  return (
    <div className="nav">
      {PLACES.map(place => (
        <div key={place.to} className="contents">
          {place.to === "/settings" ? <span className="gap" aria-hidden="true" /> : null}
          <Place
            to={place.to}
            icon={<Icon of={place.icon} />}
            name={t(place.name)}
            hint={place.key}
            rail={rail}
            {...(place.to === "/machines" && machines.length
              ? { count: f.count(machines.length) }
              : {})}
          />
          {place.to === "/launch" && run ? <RunPlace run={run} rail={rail} /> : null}
        </div>
      ))}
    </div>
  );
}

interface PlaceProps {
  to: string;
  icon: ReactNode;
  name: string;
  hint?: string;
  /** Stands where the key's hint would. */
  count?: string;
  rail: boolean;
  live?: boolean;
}

function Place({ to, icon, name, hint, count, rail, live }: PlaceProps) {
  const { pathname } = useLocation();
  const mod = modOf(useInfo().data?.os);
  const here = pathname === to || pathname.startsWith(`${to}/`);
  return (
    <Link
      to={to}
      title={rail ? name : undefined}
      data-live={live ? "" : undefined}
      aria-current={here ? "page" : undefined}
      aria-keyshortcuts={hint ? `Control+${hint}` : undefined}
      // A clicked link gives the focus back: Enter belongs to the screen.
      onClick={event => event.detail > 0 && event.currentTarget.blur()}
    >
      {icon}
      <span className={rail ? "sr" : "truncate"}>{name}</span>
      {rail ? null : count ? (
        <span className="count">{count}</span>
      ) : hint ? (
        <span className="hint" aria-hidden="true">
          {mod}
          {hint}
        </span>
      ) : null}
    </Link>
  );
}

function RunPlace({ run, rail }: { run: string; rail: boolean }) {
  const { t } = useTranslation();
  const session = useSession();
  const { view } = useRunState(session.run(run));
  return (
    <Place
      to={`/run/${run}`}
      icon={<RaceIcon />}
      name={t(`app.run.${view.phase}`)}
      rail={rail}
      live={!isOver(view)}
    />
  );
}
