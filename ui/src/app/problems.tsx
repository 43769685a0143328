// What is impossible now, and machines nobody owns: the worst first, one at a
// time, above every screen.

import { useTranslation } from "react-i18next";
import { Banner } from "../design/parts";
import { HostError } from "../host";
import { ErrorBanner } from "./error-banner";
import { useInfo } from "./queries";

export function Problems() {
  const { t } = useTranslation();
  const info = useInfo().data;
  const problem = info?.problems[0];
  if (!problem) return null;
  return (
    <div className="problems">
      <ErrorBanner error={new HostError(problem)} />
      {info.practice && !info.practice_asked ? (
        <Banner tone="accent" title={t("app.practiceInstead")} />
      ) : null}
    </div>
  );
}
