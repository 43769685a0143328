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
import { ACCESS } from "../restore/tool-rows";
import type { PolicyRecord } from "./record";
import { SpreadBar } from "./spread";

interface PredictionCardProps {
  /** For the form as it stands; absent while it is asked for. */
  estimate: Estimate | undefined;
  /** There were boots of our own to predict from, the last time. */
  history: boolean;
  /** What earlier runs of this recipe and policy say. */
  record: PolicyRecord | null;
  practice: boolean;
  launching: boolean;
  /** What launching would mean could not be told. */
  blocked: boolean;
  /** It could, and would be refused. */
  refused: boolean;
  onLaunch: () => void;
}

export function PredictionCard(props: PredictionCardProps) {
  const { estimate, history, record, practice, launching, blocked, refused, onLaunch } = props;
  const { t } = useTranslation();
  return (
    <aside
      className="card prediction"
      aria-label={t("launch.prediction")}
      aria-busy={!blocked && !estimate}
    >
      {blocked ? (
        <div className="px-5 pt-[14px]">
          <div className="text-ink-2">{t("launch.shellReadyAbout")}</div>
          <div className="big mt-[6px] text-ink-3">–</div>
          <p className="mt-2 text-ink-2">{t("launch.blocked")}</p>
        </div>
      ) : estimate?.shell || (!estimate && history) ? (
        <Known estimate={estimate} />
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
          disabled={launching || blocked || refused}
          title={blocked || refused ? t("launch.blocked") : undefined}
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

const MARKS = ["shell", "complete"] as const;

/** Its shape stays while the figures are asked for anew. */
function Known({ estimate }: { estimate: Estimate | undefined }) {
  const { t } = useTranslation();
  const f = useFormats();
  const shell = estimate?.shell;
  const longest = Math.max(shell?.p90_ms ?? 0, estimate?.complete?.p90_ms ?? 0, 30_000);
  const scale = scaleFor(longest * 1.02, 2);
  return (
    <div className="px-5 pt-[14px]">
      <div className="flex flex-wrap justify-between gap-x-3">
        <span className="text-ink-2">{t("launch.shellReadyAbout")}</span>
        <span className="caption self-center">
          {estimate ? t("launch.fromBoots", { count: estimate.boots_known }) : ""}
        </span>
      </div>
      <div className="mt-[6px] flex items-end gap-3">
        <div className={shell ? "big" : "big text-ink-3"}>
          {shell ? f.count(Math.round(shell.median_ms / 1_000)) : "–"}
          <small>s</small>
        </div>
        <span className="flex-1" />
        {shell ? (
          <span className="caption pb-[6px] text-right">
            {t("launch.eightOfTen")}
            <br />
            {t("launch.fromTo", {
              from: Math.round(shell.p10_ms / 1_000),
              to: f.roughly(shell.p90_ms),
            })}
          </span>
        ) : null}
      </div>
      <div className="mt-4 grid grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-3">
        <dl className="contents">
          {MARKS.map(name => {
            const spread = estimate?.[name] ?? null;
            return estimate && !spread ? null : (
              <div key={name} className="contents">
                <dt className="flex items-center gap-2 text-12 text-ink-2">
                  <Mark name={name} state="now" />
                  {t(`app.marks.${name}`)}
                </dt>
                <dd>
                  <SpreadBar spread={spread} scale={scale} live />
                </dd>
                <dd className="text-right font-semibold">
                  {spread ? f.roughly(spread.median_ms) : "–"}
                </dd>
              </div>
            );
          })}
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
  const hours =
    estimate?.credit != null && estimate.price
      ? Math.floor(estimate.credit / estimate.price)
      : null;
  return (
    <dl className="facts px-5 py-2">
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
      <dd>{estimate ? f.money(estimate.at_most) : "–"}</dd>
      {estimate?.price === null ? null : (
        <>
          <dt>{t("launch.facts.then")}</dt>
          <dd>{estimate ? f.perHour(estimate.price) : "–"}</dd>
        </>
      )}
      {estimate?.access ? (
        <>
          <dt>{t("launch.facts.holds")}</dt>
          <dd className={estimate.access === "lasting" ? "access text-warn" : "access"}>
            {t(ACCESS[estimate.access])}
          </dd>
        </>
      ) : null}
      {practice || estimate?.credit === null ? null : (
        <>
          <dt>
            {t("launch.facts.credit")}
            {hours === null ? null : (
              <span className="caption block">{t("launch.facts.lasts", { count: hours })}</span>
            )}
          </dt>
          <dd>{estimate ? f.money(estimate.credit) : "–"}</dd>
        </>
      )}
    </dl>
  );
}
