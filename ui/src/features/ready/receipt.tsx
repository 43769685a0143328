// What the race cost and what became of everything it rented, in the clouds'
// own confirmations.

import { ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { LanesLink } from "../../app/lanes-link";
import { useRun } from "../../app/run";
import type { RunView } from "../../bindings";
import { CopyButton } from "../../design/copy-button";
import { Icon, RaceIcon } from "../../design/icon";
import { CLOUD_NAMES, ReceiptLine } from "../../design/parts";
import { totalsByCloud, totalsOf } from "../race/totals";

/** All of it is the clouds' own word. */
export const isCharged = (view: RunView) =>
  view.lanes.every(lane => lane.machine === null || lane.charged);

interface Line {
  name: string;
  value: string;
}

export function Receipt({ kept }: { kept: number }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const sum = totalsOf(view);
  // A run that ended with leftovers has given up waiting for them.
  const unconfirmed = sum.unconfirmed + (view.leftovers.length ? sum.leaving : 0);
  const leaving = view.leftovers.length ? 0 : sum.leaving;
  const settled = leaving === 0 && unconfirmed === 0;
  const dated = (ms: number) => f.clock(new Date(Date.parse(view.started) + ms));

  const lines: Line[] = [
    { name: t("receipt.asked"), value: t("receipt.machines", { count: sum.asked }) },
    { name: t("receipt.kept"), value: f.count(kept) },
    { name: t("receipt.destroyed"), value: f.count(sum.gone) },
    { name: t("receipt.never"), value: f.count(sum.never) },
  ];
  if (leaving) lines.push({ name: t("receipt.leaving"), value: f.count(leaving) });
  if (unconfirmed) lines.push({ name: t("receipt.unconfirmed"), value: f.count(unconfirmed) });
  const says: Line[] = totalsByCloud(view).map(cloud => ({
    name: t("receipt.says", { cloud: CLOUD_NAMES[cloud.cloud], count: cloud.rented - cloud.gone }),
    value: cloud.confirmedAt === null ? "–" : dated(cloud.confirmedAt),
  }));
  const total: Line = {
    name: t("receipt.total", { count: sum.gone + sum.never }),
    value: f.money(sum.spent),
  };

  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("receipt.title")}</h2>
        <span className="flex-1" />
        {settled ? (
          <span className="tag accent">
            <Icon of={ShieldCheck} size={12} />
            {t("receipt.confirmed")}
          </span>
        ) : (
          <span className={unconfirmed ? "tag danger" : "tag"}>
            {unconfirmed ? t("receipt.notConfirmed") : t("receipt.confirming")}
          </span>
        )}
      </div>
      <div className="card-body">
        <ul className="receipt">
          {lines.map(line => (
            <ReceiptLine key={line.name} name={line.name}>
              {line.value}
            </ReceiptLine>
          ))}
          {says.length ? <li className="gap" aria-hidden="true" /> : null}
          {says.map(line => (
            <ReceiptLine key={line.name} name={line.name}>
              {line.value}
            </ReceiptLine>
          ))}
          <ReceiptLine name={total.name} sum>
            {total.value}
          </ReceiptLine>
        </ul>
        {view.practice ? null : (
          <p className="caption mt-2">
            {isCharged(view) ? t("ready.charged") : t("ready.estimate")}
          </p>
        )}
        <div className="mt-3 flex flex-wrap gap-2">
          <CopyButton
            text={() =>
              [
                t("receipt.title"),
                ...[...lines, ...says, total].map(line => `${line.name}: ${line.value}`),
              ].join("\n")
            }
          />
          <LanesLink className="btn ghost small">
            <RaceIcon />
            {t("receipt.lanes", { count: sum.asked })}
          </LanesLink>
        </div>
      </div>
    </section>
  );
}
