// The restore: three marks, where the seconds go, how fast the bytes come.

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { useElapsed } from "../../app/live";
import { Page } from "../../app/page";
import { RULES } from "../../app/rules";
import { useRun } from "../../app/run";
import { RunSubject } from "../../app/run-subject";
import { winnerOf } from "../../app/spans";
import { Banner } from "../../design/parts";
import { CancelRun } from "../race/cancel-run";
import { bibOf } from "../race/lane";
import { Destination } from "./destination";
import { FolderCard } from "./folder-card";
import { MachineCard } from "./machine-card";
import { MarkCards } from "./mark-cards";
import { OthersCard } from "./others-card";
import { Parts } from "./parts-card";
import { RunBar } from "./run-bar";
import { Throughput } from "./throughput";
import { WorkAlready } from "./work-already";
import "./restore.css";

export function RestoreScreen() {
  const { t } = useTranslation();
  const { view } = useRun();
  const [error, setError] = useState<Error | null>(null);
  const lane = winnerOf(view);
  return (
    <Page
      title={t("restore.title")}
      subject={
        <RunSubject>
          {lane ? (
            <span className="tag">{`${bibOf(lane.brief.lane)} ${lane.brief.location}`}</span>
          ) : (
            <Destination />
          )}
        </RunSubject>
      }
      actions={
        <CancelRun
          label={view.destination ? t("restore.stop") : t("restore.cancel")}
          onError={setError}
        />
      }
    >
      {error ? (
        <div className="mb-3">
          <ErrorBanner error={error} />
        </div>
      ) : null}
      <div className="flex min-h-full flex-col">
        <MarkCards />
        <RunBar />
        <Trouble />
        <div className="split">
          <div className="flex min-w-0 flex-col gap-3">
            <Throughput />
            <Parts />
          </div>
          <aside className="flex flex-col gap-3" aria-label={t("restore.aside")}>
            <WorkAlready />
            <OthersCard />
            <FolderCard />
            <MachineCard />
          </aside>
        </div>
      </div>
    </Page>
  );
}

/** After this silence the restore is worth a word. */
const QUIET_MS = 3_000;

/** One amber line: quiet, or longer than its limit. */
function Trouble() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const now = useElapsed(1_000);
  const { restore } = view;
  if (!restore || restore.installed_ms === null || view.marks.complete_ms !== null) return null;
  const last = restore.rates.findLast(rate => rate.bytes_per_s > 0)?.at_ms ?? restore.installed_ms;
  const quiet = now - last;
  if (quiet > QUIET_MS) {
    return (
      <div className="mt-3">
        <Banner tone="warn" title={t("restore.quiet", { time: f.roughly(quiet) })}>
          {t("restore.quietBody", { limit: f.roughly(RULES.stall_limit_ms) })}
        </Banner>
      </div>
    );
  }
  const over = now - restore.installed_ms - RULES.restore_ms;
  if (over < 0 && !view.extended) return null;
  return (
    <div className="mt-3">
      <Banner tone="warn" title={t("restore.extended", { limit: f.roughly(RULES.restore_ms) })}>
        {view.marks.critical_ms === null ? t("restore.extendedBody") : t("restore.extendedWork")}
      </Banner>
    </div>
  );
}
