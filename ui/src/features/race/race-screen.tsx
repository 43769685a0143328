// The race, live and won.

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useShortcut } from "../../app/keys";
import { Page } from "../../app/page";
import { useRun } from "../../app/run";
import { isOver } from "../../app/run-store";
import { RunSubject } from "../../app/run-subject";
import { useHost } from "../../app/session";
import { LegendItem, LegendStep } from "../../design/legend";
import { CancelRun } from "./cancel-run";
import { HeadlineBar } from "./headline-bar";
import { Hero } from "./hero";
import { Lanes } from "./lanes";
import { Waiting } from "./waiting";
import { nextWave } from "./waves";
import "./race.css";

export function RaceScreen() {
  const { t } = useTranslation();
  const host = useHost();
  const { view } = useRun();
  const [error, setError] = useState<Error | null>(null);
  const wave = useMutation({ mutationFn: () => host.runNextWave(view.run), onError: setError });
  const startWave = () => wave.mutate();
  useShortcut("w", nextWave(view) !== null && !wave.isPending, startWave);

  return (
    <Page
      title={view.winner === null ? t("race.title") : t("race.titleWon")}
      subject={<RunSubject />}
      actions={isOver(view) ? null : <CancelRun label={t("race.cancelAll")} onError={setError} />}
    >
      {error ? (
        <div className="mb-3">
          <ErrorBanner error={error} />
        </div>
      ) : null}
      <Hero />
      <HeadlineBar onNextWave={startWave} asking={wave.isPending} />
      {view.lanes.length + view.planned.length ? <Lanes /> : <Waiting />}
      <Legend />
    </Page>
  );
}

function Legend() {
  const { t } = useTranslation();
  return (
    <div className="lanes-legend">
      <LegendStep step="create" tone="live" />
      <LegendStep step="boot" tone="live" />
      <LegendStep step="connect" tone="live" />
      <LegendItem
        sample={
          <div className="timebar live">
            <div className="runway" />
          </div>
        }
      >
        {t("race.legend.runway")}
      </LegendItem>
      <span className="flex-1" />
      <LegendItem sample={<i className="dot" data-full="" />}>{t("race.legend.inTime")}</LegendItem>
      <LegendItem sample={<i className="dot" />}>{t("race.legend.late")}</LegendItem>
    </div>
  );
}
