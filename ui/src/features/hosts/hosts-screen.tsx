// Hosts: every physical machine we rented, how fast it was, why it lost, and
// what the user thinks of it.

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ChartNoAxesColumn, Send } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { Page } from "../../app/page";
import { queries, useInfo } from "../../app/queries";
import { useHost } from "../../app/session";
import type { HostView } from "../../bindings";
import { Axis } from "../../design/axis";
import { SelectField } from "../../design/controls";
import { Icon } from "../../design/icon";
import { LegendItem } from "../../design/legend";
import { Loading } from "../../design/loading";
import { Empty } from "../../design/parts";
import { scaleFor } from "../../design/scale";
import { Segmented } from "../../design/segmented";
import { HostRows, type View } from "./host-rows";
import { type Group, groupOf, sumsOf } from "./sums";
import "./hosts.css";

const GROUPS: Group[] = ["preferred", "seen", "resting", "blocked"];

export function HostsScreen() {
  const { t } = useTranslation();
  const host = useHost();
  const navigate = useNavigate();
  const hosts = useQuery(queries.hosts(host));
  const practice = useInfo().data?.practice;
  const [view, setView] = useState<View>("boots");
  const [gpu, setGpu] = useState<string | null>(null);
  const all = hosts.data ?? [];
  const gpus = [...new Set(all.map(host => host.gpu).filter(Boolean))].sort();
  const shown = gpu === null ? all : all.filter(host => host.gpu === gpu);
  return (
    <Page
      title={t("hosts.title")}
      subject={
        <span className="flex min-w-0 flex-wrap items-center gap-2">
          {all.length ? (
            <>
              <Segmented
                label={t("hosts.show")}
                value={view}
                choices={[
                  { value: "boots", label: t("hosts.views.boots") },
                  { value: "steps", label: t("hosts.views.steps") },
                  { value: "reasons", label: t("hosts.views.reasons") },
                ]}
                onChange={setView}
              />
              {gpus.length > 1 ? (
                <SelectField
                  label={t("offers.gpu")}
                  value={gpu}
                  choices={[
                    { value: null, label: t("hosts.everyGpu") },
                    ...gpus.map(name => ({ value: name, label: name })),
                  ]}
                  onChange={setGpu}
                  className="small"
                >
                  {gpu ?? t("hosts.everyGpu")}
                </SelectField>
              ) : null}
            </>
          ) : null}
          {practice ? <span className="tag accent">{t("app.practice")}</span> : null}
        </span>
      }
    >
      {hosts.error ? (
        <ErrorBanner error={hosts.error} actions={{ retry: () => hosts.refetch() }} />
      ) : hosts.isPending ? (
        <Loading rows={6}>{t("hosts.reading")}</Loading>
      ) : all.length === 0 ? (
        <div className="flex h-full">
          <Empty
            icon={ChartNoAxesColumn}
            title={t("hosts.none")}
            action={
              <button
                type="button"
                className="btn primary"
                onClick={() => navigate({ to: "/launch" })}
              >
                <Icon of={Send} />
                {t("launch.title")}
              </button>
            }
          >
            {t("hosts.noneBody")}
          </Empty>
        </div>
      ) : (
        <>
          <Sums hosts={shown} />
          <HostTable hosts={shown} view={view} />
        </>
      )}
    </Page>
  );
}

function Sums({ hosts }: { hosts: HostView[] }) {
  const { t } = useTranslation();
  const f = useFormats();
  const sums = sumsOf(hosts, useHost().clock.wall());
  const [first, second] = sums.reasons;
  return (
    <dl className="host-sums">
      <div className="card">
        <dt>{t("hosts.boots")}</dt>
        <dd>
          {f.count(sums.boots)} <small>{t("hosts.onHosts", { count: sums.hosts })}</small>
        </dd>
      </div>
      <div className="card">
        <dt>{t("hosts.half")}</dt>
        <dd>
          {sums.median_ms === null ? "–" : f.seconds(sums.median_ms)}{" "}
          <small>
            {sums.p90_ms === null ? "" : t("hosts.nineOfTen", { time: f.seconds(sums.p90_ms) })}
          </small>
        </dd>
      </div>
      <div className="card">
        <dt>{t("hosts.preferredWins")}</dt>
        <dd>
          {sums.wins ? f.percent(sums.preferredWins / sums.wins) : "–"}{" "}
          <small>{t("hosts.ofWins", { count: sums.wins })}</small>
        </dd>
      </div>
      <div className="card">
        <dt>{t("hosts.commonReason")}</dt>
        <dd>
          {first ? t(`hosts.reasons.${first.reason}`) : "–"}{" "}
          <small>
            {first ? f.percent(first.share) : ""}
            {second
              ? `, ${t("hosts.then", {
                  reason: t(`hosts.reasons.${second.reason}`),
                  share: f.percent(second.share),
                })}`
              : ""}
          </small>
        </dd>
      </div>
    </dl>
  );
}

function HostTable({ hosts, view }: { hosts: HostView[]; view: View }) {
  const { t } = useTranslation();
  const now = useHost().clock.wall();
  const longest = Math.max(
    ...hosts.flatMap(host => host.boots.flatMap(boot => boot.ready_ms ?? [])),
    20_000,
  );
  const scale = scaleFor(longest * 1.04, 6);
  return (
    <>
      <section className="card hosts">
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span className="sr">{t("hosts.standing")}</span>
              </th>
              <th scope="col">{t("hosts.host")}</th>
              <th scope="col" className="fold">
                {t("offers.gpu")}
              </th>
              {view === "boots" ? (
                <>
                  <th scope="col" className="plot">
                    <span className="sr">{t("hosts.views.boots")}</span>
                    <Axis scale={scale} />
                  </th>
                  <th scope="col" className="n">
                    {t("hosts.median")}
                  </th>
                  <th scope="col" className="n fold">
                    {t("hosts.p90")}
                  </th>
                  <th scope="col" className="n wins">
                    {t("hosts.wonLost")}
                  </th>
                </>
              ) : (
                <th scope="col" colSpan={4}>
                  {view === "steps" ? t("hosts.medianSteps") : t("hosts.views.reasons")}
                </th>
              )}
              <th scope="col" className="fold">
                {t("hosts.last")}
              </th>
              <th scope="col">
                <span className="sr">{t("hosts.block")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {GROUPS.map(group => (
              <HostRows
                key={group}
                group={group}
                hosts={hosts.filter(host => groupOf(host, now) === group)}
                view={view}
                scale={scale}
              />
            ))}
          </tbody>
        </table>
      </section>
      {view === "boots" ? (
        <div className="hosts-legend">
          <LegendItem sample={<i className="sample boot" />}>{t("hosts.legend.boot")}</LegendItem>
          <LegendItem sample={<i className="sample middle" />}>{t("hosts.median")}</LegendItem>
          <LegendItem sample={<i className="sample half" />}>{t("hosts.legend.half")}</LegendItem>
          <LegendItem sample={<b>×</b>}>{t("hosts.legend.never")}</LegendItem>
        </div>
      ) : null}
    </>
  );
}
