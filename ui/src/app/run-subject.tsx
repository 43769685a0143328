// What a run is about, beside the title of its screens.

import { useTranslation } from "react-i18next";
import { useRun } from "./run";

export function RunSubject({ children }: { children?: React.ReactNode }) {
  const { t } = useTranslation();
  const { view } = useRun();
  return (
    <span className="flex min-w-0 flex-wrap items-center gap-x-2 text-ink-3">
      <span className="truncate" title={view.title}>
        {view.title}
      </span>
      {view.restore ? (
        <span className="mono text-ink-2" title={view.restore.snapshot}>
          {view.restore.snapshot.slice(0, 8)}
        </span>
      ) : null}
      {children ?? <span className="tag">{t(`app.policy.${view.policy}`)}</span>}
      {view.practice ? <span className="tag accent">{t("app.practice")}</span> : null}
    </span>
  );
}
