// The screen of a run is what the run is doing now.

import { useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { EndedScreen } from "../features/ended/ended-screen";
import { RaceScreen } from "../features/race/race-screen";
import { ReadyScreen } from "../features/ready/ready-screen";
import { RestoreScreen } from "../features/restore/restore-screen";
import { ErrorBanner } from "./error-banner";
import { useHolds } from "./live";
import { Page } from "./page";
import { refreshRecords } from "./queries";
import { RunProvider, useRun } from "./run";
import { isOver } from "./run-store";
import { useSession } from "./session";

/** The win is looked at this long before the next screen comes. */
const WIN_MS = 1_800;

/** `/run/$run`: the race, the restore, or the end. */
export function RunPage() {
  return (
    <WithRun>
      <Current />
    </WithRun>
  );
}

/** `/run/$run/lanes`: all lanes, whatever the run does now. */
export function LanesPage() {
  return (
    <WithRun>
      <Known>
        <RaceScreen />
      </Known>
    </WithRun>
  );
}

function WithRun({ children }: { children: React.ReactNode }) {
  const { run } = useParams({ strict: false });
  const session = useSession();
  const id = run ?? "";
  useEffect(() => session.setCurrent(id), [session, id]);
  return (
    <RunProvider key={id} store={session.run(id)}>
      {children}
    </RunProvider>
  );
}

function Known({ children }: { children: React.ReactNode }) {
  const { t } = useTranslation();
  const { error, known, store } = useRun();
  if (error && !known) {
    return (
      <Page title={t("race.title")}>
        <ErrorBanner error={error} actions={{ retry: store.retry }} />
      </Page>
    );
  }
  return known ? children : <Page title={t("race.title")}>{null}</Page>;
}

function Current() {
  const { view } = useRun();
  const client = useQueryClient();
  const over = isOver(view);
  useEffect(() => {
    if (over) refreshRecords(client);
  }, [over, client]);
  return (
    <Known>
      <Screen />
    </Known>
  );
}

function Screen() {
  const { view } = useRun();
  const shell = view.marks.shell_ms;
  const watchingWin = useHolds(
    now => view.winner !== null && shell !== null && now - shell < WIN_MS,
  );
  if (view.phase === "failed" || view.phase === "cancelled") return <EndedScreen />;
  if (watchingWin) return <RaceScreen />;
  switch (view.phase) {
    case "restoring":
      return <RestoreScreen />;
    case "ready":
      return <ReadyScreen />;
    default:
      return <RaceScreen />;
  }
}
