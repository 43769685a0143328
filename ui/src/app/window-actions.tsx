// What the window can do about an error, whatever screen shows it.

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { createContext, type ReactNode, useContext } from "react";
import type { WindowAction } from "./errors";
import { useSession } from "./session";

export type WindowActions = Record<WindowAction, () => void>;

/** Absent where there is no window yet: its start failed. */
export const WindowActionsContext = createContext<Partial<WindowActions>>({});

export const useWindowActions = () => useContext(WindowActionsContext);

export function WindowActionsProvider({ children }: { children: ReactNode }) {
  const session = useSession();
  const { host } = session;
  const client = useQueryClient();
  const navigate = useNavigate();
  const reload = () => client.invalidateQueries();
  const settings = (at: string) => navigate({ to: "/settings", search: { at } });
  const actions: WindowActions = {
    reload,
    // Whether it worked shows in what the window asks next.
    "restart-engine": () => host.engineRestart().then(reload, reload),
    "open-accounts": () => settings("accounts"),
    "open-storage": () => settings("storage"),
    "open-limits": () => settings("limits"),
    "open-about": () => settings("about"),
    "open-billing": () => host.helpOpen("vast-billing"),
    "open-launch": () => navigate({ to: "/launch" }),
    "open-offers": () => navigate({ to: "/offers" }),
    "open-machines": () => navigate({ to: "/machines" }),
    "open-snapshots": () => navigate({ to: "/snapshots" }),
    "open-run": () => {
      const run = session.current();
      if (run) navigate({ to: "/run/$run", params: { run } });
      else navigate({ to: "/machines" });
    },
    "restic-install": () => host.helpOpen("restic-install"),
    "restic-repair": () => host.helpOpen("restic-repair"),
  };
  return <WindowActionsContext value={actions}>{children}</WindowActionsContext>;
}
