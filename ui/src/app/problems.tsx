// What is impossible now, or soon: the worst first, one at a time, above every
// screen.

import { useContext } from "react";
import { useTranslation } from "react-i18next";
import { Banner } from "../design/parts";
import { HostError } from "../host";
import { CapBanner } from "./cap-warning";
import { ErrorBanner } from "./error-banner";
import { useInfo } from "./queries";
import { RunContext } from "./run";

export function Problems() {
  const { t } = useTranslation();
  const info = useInfo().data;
  const caps = useContext(RunContext)?.view.caps ?? [];
  const problem = info?.problems[0];
  if (!problem) {
    return caps.length ? (
      <div className="problems">
        <CapBanner caps={caps} />
      </div>
    ) : null;
  }
  return (
    <div className="problems">
      <ErrorBanner error={new HostError(problem)} />
      {info.practice && !info.practice_asked ? (
        <Banner tone="accent" title={t("app.practiceInstead")} />
      ) : null}
    </div>
  );
}
