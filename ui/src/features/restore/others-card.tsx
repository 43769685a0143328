// What becomes of the machines that did not win.

import { Ban, Check, OctagonAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useRun } from "../../app/run";
import { Icon } from "../../design/icon";
import { CLOUD_NAMES } from "../../design/parts";
import { bibOf, fateOf } from "../race/lane";
import { totalsByCloud, totalsOf } from "../race/totals";

export function OthersCard() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const sum = totalsOf(view);
  if (sum.out === 0) return null;
  const settled = sum.gone + sum.never;
  const leaving = view.lanes.filter(
    lane => lane.phase === "lost" && !["gone", "none"].includes(fateOf(lane)),
  );
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("restore.others", { count: sum.out })}</h2>
        <span className="flex-1" />
        <span className="tag">{t("restore.confirmed", { gone: settled, of: sum.out })}</span>
      </div>
      <div className="card-body">
        <div className="gauge grey mb-3">
          <i style={{ width: `${(settled / sum.out) * 100}%` }} />
        </div>
        <ul className="flex flex-col gap-[6px] text-12">
          {totalsByCloud(view).map(cloud => (
            <Row
              key={cloud.cloud}
              icon={
                cloud.gone === cloud.rented ? (
                  <Icon of={Check} size={14} className="text-accent" />
                ) : (
                  <span className="spinner mx-[2px]" />
                )
              }
              name={CLOUD_NAMES[cloud.cloud]}
            >
              {t("restore.destroyedOf", { gone: cloud.gone, of: cloud.rented })}
              {cloud.gone === cloud.rented && cloud.confirmedAt !== null
                ? `, ${f.clock(new Date(Date.parse(view.started) + cloud.confirmedAt))}`
                : ""}
            </Row>
          ))}
          {sum.never ? (
            <Row
              icon={<Icon of={Ban} size={14} className="text-ink-3" />}
              name={t("restore.neverRented")}
            >
              {t("restore.noCharge", { count: sum.never })}
            </Row>
          ) : null}
        </ul>
        {leaving.length ? (
          <ul className="mt-2 flex flex-col gap-[6px] border-line border-t pt-2 text-12 text-ink-2">
            {leaving.map(lane => (
              <Row
                key={lane.brief.lane}
                icon={
                  fateOf(lane) === "unconfirmed" ? (
                    <Icon of={OctagonAlert} size={14} className="text-danger" />
                  ) : (
                    <span className="spinner mx-[2px]" />
                  )
                }
                name={`${bibOf(lane.brief.lane)} ${lane.brief.location}`}
              >
                {t(`race.fate.${fateOf(lane)}`)}
              </Row>
            ))}
          </ul>
        ) : null}
      </div>
    </section>
  );
}

function Row({ icon, name, children }: { icon: ReactNode; name: string; children: ReactNode }) {
  return (
    <li className="flex items-center gap-2">
      {icon}
      <span>{name}</span>
      <span className="flex-1" />
      <span className="text-right text-ink-2">{children}</span>
    </li>
  );
}
