// What a connection test found: what works, what the key may do, how long it
// took.

import { Check, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { ConnectionReport } from "../../bindings";
import { Icon } from "../../design/icon";

/** Beyond this the store refuses signatures, nearly. */
const CLOCK_OFF_MS = 300_000;

export function Report({ report }: { report: ConnectionReport }) {
  const { t } = useTranslation();
  const f = useFormats();
  const may = report.rights.filter(check => check.allowed === true);
  const lacking = report.rights.filter(check => check.allowed === false && check.needed);
  const off = report.clock_off_ms;
  const parts = [
    lacking.length ? t("settings.report.connected") : t("settings.report.works"),
    report.credit === null ? "" : t("settings.report.credit", { money: f.money(report.credit) }),
    report.snapshots === null ? "" : t("settings.report.snapshots", { count: report.snapshots }),
    may.length
      ? t("settings.report.may", {
          rights: may.map(check => t(`settings.rights.${check.right}`)).join(", "),
        })
      : "",
    t("settings.report.took", { ms: f.count(report.took_ms) }),
  ];
  return (
    <div className="report" role="status">
      <p>
        <Icon of={Check} size={14} className="text-accent" />
        <span>{parts.filter(Boolean).join(" ")}</span>
      </p>
      {lacking.length ? (
        <p className="text-danger">
          <Icon of={TriangleAlert} size={14} />
          <span>
            {t("settings.report.lacks", {
              rights: lacking.map(check => t(`settings.rights.${check.right}`)).join(", "),
            })}
          </span>
        </p>
      ) : null}
      {off !== null && Math.abs(off) > CLOCK_OFF_MS ? (
        <p className="text-warn">
          <Icon of={TriangleAlert} size={14} />
          <span>{t("settings.report.clock", { time: f.span(Math.abs(off)) })}</span>
        </p>
      ) : null}
    </div>
  );
}
