// What pressing Launch would mean: time from our own boots, worst cost, price,
// credit. Without boots of our own it says so, and invents nothing.

import { Send } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { Estimate } from "../../bindings";
import { Axis } from "../../design/axis";
import { Icon } from "../../design/icon";
import { Mark } from "../../design/mark";
import { Kbd } from "../../design/parts";
import { percentOf, scaleFor } from "../../design/scale";
import type { PolicyRecord } from "./record";
import { SpreadBar } from "./spread";

interface PredictionCardProps {
  estimate: Estimate | undefined;
  /** What earlier runs of this recipe and policy say. */
  record: PolicyRecord | null;
  /** A newer answer is on its way. */
  stale: boolean;
  practice: boolean;
  launching: boolean;
  blocked: boolean;
  onLaunch: () => void;
}

export function PredictionCard(props: PredictionCardProps) {
  const { estimate, record, stale, practice, launching, blocked, onLaunch } = props;
  const { t } = useTranslation();
  return (
    <aside
      className="card prediction"
      aria-label={t("launch.prediction")}
      data-stale={stale ? "" : undefined}
      aria-busy={!blocked && (stale || !estimate)}
    >
      {estimate?.shell && estimate.boots_known > 0 ? (
        <Known estimate={estimate} shell={estimate.shell} />
      ) : blocked ? (
        <div className="px-5 pt-[14px]">
          <div className="text-ink-2">{t("launch.shellReadyAbout")}</div>
          <div className="big mt-[6px] text-ink-3">–</div>
        </div>
      ) : (
        <Unknown loading={!estimate} practice={practice} />
      )}
      <hr className="rule-h mt-3" />
      {blocked ? null : <Facts estimate={estimate} record={record} practice={practice} />}
      <div className="launch-go mt-auto p-4 pt-2">
        <button
          type="button"
          className="launch"
          aria-keyshortcuts="Enter"
          disabled={launching || blocked}
          title={blocked ? t("launch.blocked") : undefined}
          onClick={onLaunch}
        >
          <span className="go">
            {launching ? <span className="spinner" /> : <Icon of={Send} size={20} />}
            {t("launch.go")}
          </span>
          <Kbd>Enter</Kbd>
        </button>
      </div>
    </aside>
  );
}

function Known({ estimate, shell }: { estimate: Estimate; shell: NonNullable<Estimate["shell"]> }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { complete } = estimate;
  const scale = scaleFor(Math.max(shell.p90_ms, complete?.p90_ms ?? 0) * 1.02, 2);
  const seconds = Math.round(shell.median_ms / 1_000);
  return (
    <div className="px-5 pt-[14px]">
      <div className="flex flex-wrap justify-between gap-x-3">
        <span className="text-ink-2">{t("launch.shellReadyAbout")}</span>
        <span className="caption self-center">
          {t("launch.fromBoots", { count: estimate.boots_known })}
        </span>
      </div>
      <div className="mt-[6px] flex items-end gap-3">
        <div className="big">
          {f.count(seconds)}
          <small>s</small>
        </div>
        <span className="flex-1" />
        <span className="caption pb-[6px] text-right">
          {t("launch.eightOfTen")}
          <br />
          {t("launch.fromTo", {
            from: Math.round(shell.p10_ms / 1_000),
            to: f.roughly(shell.p90_ms),
          })}
        </span>
      </div>
      <div className="mt-4 grid grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-3">
        <dl className="contents">
          {[
            { name: "shell" as const, spread: shell },
            ...(complete ? [{ name: "complete" as const, spread: complete }] : []),
          ].map(({ name, spread }) => (
            <div key={name} className="contents">
              <dt className="flex items-center gap-2 text-12 text-ink-2">
                <Mark name={name} state="now" />
                {t(`app.marks.${name}`)}
              </dt>
              <dd>
                <SpreadBar spread={spread} scale={scale} live />
              </dd>
              <dd className="text-right font-semibold">{f.roughly(spread.median_ms)}</dd>
            </div>
          ))}
        </dl>
        <span />
        <Axis scale={scale} />
        <span className="invisible font-semibold">{f.roughly(99_000)}</span>
      </div>
    </div>
  );
}

const VENDOR = { from: 30_000, to: 300_000 };

function Unknown({ loading, practice }: { loading: boolean; practice: boolean }) {
  const { t } = useTranslation();
  const scale = scaleFor(VENDOR.to, 5);
  if (loading) {
    return (
      <div className="late px-5 pt-[14px]">
        <div className="text-ink-2">{t("launch.asking")}</div>
        <div className="skeleton mt-4 h-12 w-32" />
        <div className="skeleton mt-4 w-full" />
        <div className="skeleton mt-2 w-2/3" />
      </div>
    );
  }
  return (
    <div className="px-5 pt-[14px]">
      <div className="text-ink-2">{t("launch.shellReadyAbout")}</div>
      <p className="mt-2 font-semibold text-20">{t("launch.noBoots")}</p>
      {practice ? (
        <p className="mt-1 text-ink-2">{t("launch.noBootsPractice")}</p>
      ) : (
        <>
          <p className="mt-1 text-ink-2">{t("launch.vendorSays")}</p>
          <div className="spread mt-4" aria-hidden="true">
            <i
              className="range unknown"
              style={{
                left: percentOf(VENDOR.from, scale),
                width: percentOf(VENDOR.to - VENDOR.from, scale),
              }}
            />
          </div>
          <Axis scale={scale} />
        </>
      )}
    </div>
  );
}

interface FactsProps {
  estimate: Estimate | undefined;
  record: PolicyRecord | null;
  practice: boolean;
}

function Facts({ estimate, record, practice }: FactsProps) {
  const { t } = useTranslation();
  const f = useFormats();
  if (!estimate) return <div className="min-h-[168px]" />;
  const hours =
    estimate.credit !== null && estimate.price
      ? Math.floor(estimate.credit / estimate.price)
      : null;
  return (
    <dl className="facts px-5 py-2">
      <dt>
        {t("launch.facts.offers")}
        <span className="caption block">
          {estimate.truncated
            ? t("launch.facts.seenMore", { count: estimate.found, found: f.count(estimate.found) })
            : t("launch.facts.seen", { count: estimate.found, found: f.count(estimate.found) })}
        </span>
      </dt>
      <dd>{f.count(estimate.usable)}</dd>
      {record ? (
        <>
          <dt>
            {t("launch.facts.chance")}
            <span className="caption block">
              {t("launch.facts.fromRuns", { count: record.runs })}
            </span>
          </dt>
          <dd>{f.percent(record.chance)}</dd>
          <dt>{t("launch.facts.likely")}</dt>
          <dd>{f.money(record.usual)}</dd>
        </>
      ) : null}
      <dt>
        {t("launch.facts.atMost")}
        <span className="caption block">{t("launch.facts.atMostWhat")}</span>
      </dt>
      <dd>{f.money(estimate.at_most)}</dd>
      {estimate.price === null ? null : (
        <>
          <dt>{t("launch.facts.then")}</dt>
          <dd>{f.perHour(estimate.price)}</dd>
        </>
      )}
      {practice || estimate.credit === null ? null : (
        <>
          <dt>
            {t("launch.facts.credit")}
            {hours === null ? null : (
              <span className="caption block">{t("launch.facts.lasts", { count: hours })}</span>
            )}
          </dt>
          <dd>{f.money(estimate.credit)}</dd>
        </>
      )}
    </dl>
  );
}
