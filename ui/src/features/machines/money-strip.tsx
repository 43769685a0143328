// The money at a glance: what is spent of each limit, what is left on the
// accounts, and whether it is known what runs on each cloud.

import { useNavigate } from "@tanstack/react-router";
import { Check, ExternalLink, Minus, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ERRORS } from "../../app/errors";
import { useFormats } from "../../app/format";
import { type Guard, useGuards } from "../../app/guard";
import { useNow } from "../../app/now";
import { useInfo, useSpend } from "../../app/queries";
import { useHost } from "../../app/session";
import type { CloudId, HelpPage, Money } from "../../bindings";
import { Icon } from "../../design/icon";
import { CLOUD_NAMES, CloudBadge } from "../../design/parts";

/** At this share of a limit it is time for a word (rules.md M6). */
const NEAR = 0.8;

export function MoneyStrip() {
  const { t } = useTranslation();
  const f = useFormats();
  const navigate = useNavigate();
  const practice = useInfo().data?.practice;
  const spend = useSpend().data;
  const guards = useGuards();
  const now = useNow(15_000);
  if (practice !== false || !spend) return null;
  const { caps } = spend;
  return (
    <section className="card money" aria-label={t("machines.money")}>
      <dl>
        <Spent name={t("machines.today")} spent={spend.today} cap={caps.day ?? null} />
        <Spent name={f.month(new Date(now))} spent={spend.month} cap={caps.month ?? null} />
        <div>
          <dt>{t("machines.thisRun")}</dt>
          <dd>{caps.run ? f.dollars(caps.run) : t("machines.noCap")}</dd>
        </div>
        {spend.credit === null ? null : (
          <div>
            <dt>{t("machines.credit")}</dt>
            <dd>{f.money(spend.credit)}</dd>
          </div>
        )}
      </dl>
      <ul aria-label={t("machines.guard.title")}>
        {guards.map(guard => (
          <Known key={guard.cloud} guard={guard} />
        ))}
      </ul>
      <button
        type="button"
        className="btn ghost small"
        onClick={() => navigate({ to: "/settings", search: { at: "limits" } })}
      >
        {t("machines.limits")}
      </button>
    </section>
  );
}

function Spent({ name, spent, cap }: { name: string; spent: Money; cap: Money | null }) {
  const { t } = useTranslation();
  const f = useFormats();
  const share = cap ? Math.min(spent / cap, 1) : 0;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {f.money(spent)}{" "}
        <small>{cap ? t("machines.ofCap", { cap: f.dollars(cap) }) : t("machines.noCap")}</small>
        {share >= NEAR ? (
          <span className="tag warn ml-2">
            <Icon of={TriangleAlert} size={12} />
            {t("machines.capNear", { share: f.percent(share) })}
          </span>
        ) : null}
      </dd>
      {cap ? (
        <dd className={share >= NEAR ? "gauge warn" : "gauge grey"} aria-hidden="true">
          <i style={{ width: `${share * 100}%` }} />
        </dd>
      ) : null}
    </div>
  );
}

const PAGES: Record<CloudId, HelpPage> = { vast: "vast-machines", runpod: "runpod-machines" };

function Known({ guard }: { guard: Guard }) {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const { cloud, set, last, problem } = guard;
  const name = CLOUD_NAMES[cloud];
  const read = last && t("machines.guard.reads", { time: f.clock(new Date(last)) });
  return (
    <li data-bad={problem ? "" : undefined}>
      <CloudBadge cloud={cloud} />
      <b className="font-medium">{name}</b>
      <span className="says" title={problem ? t(ERRORS[problem.code].title) : undefined}>
        <Icon of={problem ? TriangleAlert : set ? Check : Minus} size={12} />
        {problem
          ? [t("machines.guard.unknown"), read].filter(Boolean).join(", ")
          : set
            ? (read ?? t("machines.guard.asking"))
            : t("machines.guard.noKey")}
      </span>
      {set ? (
        <button
          type="button"
          className="btn ghost small icon-only"
          aria-label={t("machines.guard.open", { cloud: name })}
          title={t("machines.guard.open", { cloud: name })}
          onClick={() => host.helpOpen(PAGES[cloud])}
        >
          <Icon of={ExternalLink} size={14} />
        </button>
      ) : null}
    </li>
  );
}
