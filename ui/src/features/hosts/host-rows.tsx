// Hosts in groups: preferred first, blocked last; each with what we saw of it.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Ban, Hourglass, Star } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats, useWhen } from "../../app/format";
import { useHost } from "../../app/session";
import type { HostStanding, HostView, LostReason, Step } from "../../bindings";
import { Gridlines } from "../../design/axis";
import { Icon } from "../../design/icon";
import { CLOUD_NAMES, CloudBadge } from "../../design/parts";
import type { Scale } from "../../design/scale";
import { counts, type Group } from "./sums";
import { Swarm } from "./swarm";

export type View = "boots" | "steps" | "reasons";

export const STEPS: Step[] = ["create", "boot", "connect", "install", "restore"];

interface HostRowsProps {
  group: Group;
  hosts: HostView[];
  view: View;
  scale: Scale;
}

export function HostRows({ group, hosts, view, scale }: HostRowsProps) {
  const { t } = useTranslation();
  if (hosts.length === 0) return null;
  return (
    <>
      <tr className="group">
        {/* No wider than the table is with its folding columns away. */}
        <th scope="rowgroup" colSpan={6}>
          <b>{t(`hosts.groups.${group}`, { count: hosts.length })}</b>{" "}
          <span>{t(`hosts.about.${group}`)}</span>
        </th>
        <td colSpan={3} className="fold" />
      </tr>
      {hosts.map(host => (
        <Row
          key={`${host.cloud}-${host.host}`}
          host={host}
          group={group}
          view={view}
          scale={scale}
        />
      ))}
    </>
  );
}

function Row({
  host,
  group,
  view,
  scale,
}: {
  host: HostView;
  group: Group;
  view: View;
  scale: Scale;
}) {
  const { t } = useTranslation();
  const f = useFormats();
  const when = useWhen();
  const api = useHost();
  const client = useQueryClient();
  const stand = useMutation({
    mutationFn: (standing: HostStanding) => api.hostSetStanding(host.cloud, host.host, standing),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ["hosts"] }),
        client.invalidateQueries({ queryKey: ["offers"] }),
      ]),
  });
  const { record } = host;
  const blocked = host.standing === "blocked";
  const preferred = host.standing === "preferred";
  const name = `${CLOUD_NAMES[host.cloud]} ${host.host}`;
  const losses = host.boots.filter(boot => counts(boot.reason)).length;
  if (stand.error) {
    return (
      <tr>
        <td colSpan={6}>
          <ErrorBanner error={stand.error} actions={{ retry: stand.reset }} />
        </td>
      </tr>
    );
  }
  return (
    <tr data-host={host.host} className={blocked ? "blocked" : undefined}>
      <td>
        {blocked ? (
          <span className="star">
            <Icon of={Ban} />
          </span>
        ) : group === "resting" ? (
          <span
            className="star"
            title={t("hosts.restsUntil", {
              time: when(record.rests_until ?? "", api.clock.wall()),
            })}
          >
            <Icon of={Hourglass} />
          </span>
        ) : (
          <button
            type="button"
            className="star"
            aria-pressed={preferred}
            aria-label={t("hosts.prefer", { name })}
            title={preferred ? t("hosts.unprefer") : t("hosts.preferThis")}
            disabled={stand.isPending}
            onClick={() => stand.mutate(preferred ? "none" : "preferred")}
          >
            <Icon of={Star} />
          </button>
        )}
      </td>
      <th scope="row">
        <span className="who">
          <CloudBadge cloud={host.cloud} />
          <span className="mono name">{host.host}</span>
          <span className="truncate text-ink-2" title={host.location}>
            {host.location}
          </span>
        </span>
      </th>
      <td className="fold text-ink-2">{host.gpu}</td>
      {view === "boots" ? (
        <>
          <td className="plot">
            <Gridlines scale={scale} strongEvery={10_000} />
            <Swarm boots={host.boots} scale={scale} blocked={blocked} />
          </td>
          <td className="n strong">
            {record.median_ready_ms === null ? "–" : f.seconds(record.median_ready_ms)}
          </td>
          <td className="n fold text-ink-2">
            {record.p90_ready_ms === null ? "–" : f.seconds(record.p90_ready_ms)}
          </td>
          <td className="n wins">
            {record.wins} <span className="text-ink-3">/ {losses}</span>
          </td>
        </>
      ) : view === "steps" ? (
        <td colSpan={4}>
          <dl className="steps">
            {STEPS.map(step => {
              const stat = host.steps.find(stat => stat.step === step);
              return (
                <div key={step}>
                  <dt>{t(`app.steps.${step}`)}</dt>
                  <dd>{stat ? f.seconds(stat.median_ms) : "–"}</dd>
                </div>
              );
            })}
          </dl>
        </td>
      ) : (
        <td colSpan={4}>
          <Reasons host={host} />
        </td>
      )}
      <td className="fold text-ink-2">
        {host.boots.length ? when(host.last, api.clock.wall()) : t("hosts.byYou")}
      </td>
      <td className="n">
        <button
          type="button"
          className="btn ghost small"
          aria-label={blocked ? t("hosts.unblockOne", { name }) : t("hosts.blockOne", { name })}
          disabled={stand.isPending}
          onClick={() => stand.mutate(blocked ? "none" : "blocked")}
        >
          {blocked ? t("hosts.unblock") : t("hosts.block")}
        </button>
      </td>
    </tr>
  );
}

function Reasons({ host }: { host: HostView }) {
  const { t } = useTranslation();
  const reasons = new Map<LostReason, number>();
  for (const { reason } of host.boots) {
    if (counts(reason)) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  if (reasons.size === 0) return <span className="text-ink-3">{t("hosts.noReason")}</span>;
  return (
    <span className="flex flex-wrap gap-1">
      {[...reasons]
        .sort(([, a], [, b]) => b - a)
        .map(([reason, count]) => (
          <span key={reason} className="tag">
            {t(`hosts.reasons.${reason}`)}
            {count > 1 ? ` × ${count}` : ""}
          </span>
        ))}
    </span>
  );
}
