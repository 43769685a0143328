// All runs, on one second scale.

import { History } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { Page } from "../../app/page";
import { useRuns } from "../../app/queries";
import { Loading } from "../../design/loading";
import { Empty } from "../../design/parts";
import { LastRuns } from "../launch/last-runs";
import "../launch/launch.css";

export function RunsScreen() {
  const { t } = useTranslation();
  const runs = useRuns();
  return (
    <Page title={t("runs.title")}>
      {runs.error ? (
        <ErrorBanner error={runs.error} actions={{ retry: () => runs.refetch() }} />
      ) : runs.isPending ? (
        <Loading rows={6}>{t("runs.reading")}</Loading>
      ) : runs.data.length ? (
        <LastRuns runs={runs.data} all />
      ) : (
        <div className="flex h-full">
          <Empty icon={History} title={t("runs.none")}>
            {t("runs.noneBody")}
          </Empty>
        </div>
      )}
    </Page>
  );
}
