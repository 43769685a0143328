// Before the first offer is known: nothing for 300 ms, then rows to come.

import { useTranslation } from "react-i18next";

const ROWS = [150, 118, 134, 126, 142, 110, 138];

export function Waiting() {
  const { t } = useTranslation();
  return (
    <section className="card late" aria-label={t("race.lanes")} aria-busy="true">
      <div className="card-head caption">
        <span className="spinner" />
        {t("race.say.asking")}
      </div>
      <div className="card-body flex flex-col gap-4" aria-hidden="true">
        {ROWS.map(width => (
          <div key={width} className="flex items-center gap-3">
            <div className="skeleton w-4" />
            <div className="skeleton" style={{ width }} />
            <div className="skeleton w-12" />
            <div className="skeleton flex-1 opacity-50" />
            <div className="skeleton w-24" />
          </div>
        ))}
      </div>
    </section>
  );
}
