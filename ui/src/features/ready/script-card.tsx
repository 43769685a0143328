// The recipe's own script, once the machine is ready: whether it was started,
// and where it writes.

import { Check, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useRun } from "../../app/run";
import { Icon } from "../../design/icon";

export function ScriptCard() {
  const { t } = useTranslation();
  const script = useRun().view.ready_script;
  if (!script) return null;
  const failed = script.problem !== null;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("ready.script")}</h2>
        <span className="flex-1" />
        <span className={failed ? "tag warn" : "tag accent"}>
          <Icon of={failed ? TriangleAlert : Check} size={12} />
          {failed ? t("ready.scriptFailed") : t("ready.scriptRuns")}
        </span>
      </div>
      <div className="card-body selectable text-ink-2">
        {failed ? (
          script.problem
        ) : (
          <>
            {t("ready.scriptLog")} <span className="mono break-all">{script.log}</span>
          </>
        )}
      </div>
    </section>
  );
}
