// Machines that ended today: when, what they cost, and that they are gone.

import { Link } from "@tanstack/react-router";
import { Check } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useHost } from "../../app/session";
import type { RunSummary } from "../../bindings";
import { Icon } from "../../design/icon";
import { CloudBadge } from "../../design/parts";

export function EndedToday({ runs }: { runs: RunSummary[] }) {
  const { t } = useTranslation();
  const f = useFormats();
  const midnight = new Date(useHost().clock.wall()).setHours(0, 0, 0, 0);
  const endOf = (run: RunSummary) => Date.parse(run.started) + (run.gone_ms ?? 0);
  const ended = runs.filter(
    run => run.machine !== null && run.gone_ms !== null && endOf(run) >= midnight,
  );
  if (ended.length === 0) return null;
  return (
    <section className="card overflow-hidden">
      <table className="table on-card ended-today">
        <thead>
          <tr>
            <th scope="col">{t("machines.endedToday")}</th>
            <th scope="col" className="ran">
              {t("machines.ran")}
            </th>
            <th scope="col" className="n">
              {t("launch.raceCost")}
            </th>
            <th scope="col">{t("machines.gone")}</th>
            <th scope="col">
              <span className="sr">{t("receipt.title")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {ended.map(run => (
            <tr key={run.run}>
              <td>
                <span className="inline-flex items-center gap-2">
                  {run.cloud ? <CloudBadge cloud={run.cloud} /> : null}
                  <b className="font-medium">{run.title}</b>
                  <span className="where">
                    {[run.gpu, run.location].filter(Boolean).join(", ")}
                  </span>
                </span>
              </td>
              <td className="ran">
                {t("machines.fromTo", {
                  from: f.minute(new Date(run.started)),
                  to: f.minute(new Date(endOf(run))),
                })}
              </td>
              <td className="n">{f.money(run.spent)}</td>
              <td>
                <span className="inline-flex items-center gap-2">
                  <Icon of={Check} size={14} className="text-accent" />
                  {f.clock(new Date(endOf(run)))}
                </span>
              </td>
              <td className="n">
                <Link to="/run/$run" params={{ run: run.run }} className="btn ghost small">
                  {t("receipt.title")}
                </Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
