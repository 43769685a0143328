// Throughput: now, on average, and over the last readings.

import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { LiveText } from "../../app/live";
import { useRun } from "../../app/run";
import type { RateReading, RestoreView } from "../../bindings";

export function Throughput() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const { restore } = view;
  if (!restore) return null;
  const begun = restore.installed_ms ?? restore.planned_ms;
  const last = restore.rates.at(-1)?.at_ms ?? begun;
  const average = last > begun ? (restore.bytes_done / (last - begun)) * 1_000 : 0;
  const [speed, speedUnit] = f.speed(restore.bytes_per_s);
  const [done, unit] = f.bytesLike(restore.bytes_done, restore.bytes);
  const [all] = f.bytesLike(restore.bytes, restore.bytes);
  const eta = restore.eta_ms;
  return (
    <section className="card throughput">
      <div className="card-head">
        <h2>{t("restore.throughput")}</h2>
        <span className="flex-1" />
        {restore.connections ? (
          <span className="caption">
            {t("restore.connections", { count: restore.connections })}
          </span>
        ) : null}
        {restore.fallback && restore.tool ? (
          <span className="caption truncate" title={restore.fallback}>
            {t("restore.fallback", {
              tool: `${restore.tool.tool} ${restore.tool.version}`,
              reason: restore.fallback,
            })}
          </span>
        ) : null}
      </div>
      <div className="card-body">
        <div className="stats mb-4">
          <div className="stat">
            <b className="items-baseline">
              {speed} <small>{speedUnit}</small>
            </b>
            <span>{t("restore.nowAverage", { speed: f.speed(average)[0] })}</span>
          </div>
          {restore.fetched_bytes !== null && restore.fetched_of_bytes !== null ? (
            <Downloaded done={restore.fetched_bytes} all={restore.fetched_of_bytes} />
          ) : null}
          <div className="stat">
            <b className="items-baseline">
              {done} <small>{t("restore.of", { all: `${all} ${unit}` })}</small>
            </b>
            <span>{t("restore.restored")}</span>
          </div>
          <div className="stat">
            <b className="items-baseline">
              {f.count(restore.files_done)}{" "}
              <small>{t("restore.of", { all: f.count(restore.files) })}</small>
            </b>
            <span>{t("restore.filesWord")}</span>
          </div>
          {eta === null ? null : (
            <div className="stat">
              <b className="items-baseline">
                <LiveText of={now => f.tenths(Math.max(last + eta - now, 0))} />
                <small>s</small>
              </b>
              <span>{t("restore.left")}</span>
            </div>
          )}
        </div>
        <Chart
          rates={restore.rates}
          restore={restore}
          label={t("restore.chart", { speed, average: f.speed(average)[0] })}
        />
      </div>
    </section>
  );
}

function Downloaded({ done, all }: { done: number; all: number }) {
  const { t } = useTranslation();
  const f = useFormats();
  const [some, unit] = f.bytesLike(done, all);
  const [whole] = f.bytesLike(all, all);
  return (
    <div className="stat">
      <b className="items-baseline">
        {some} <small>{t("restore.of", { all: `${whole} ${unit}` })}</small>
      </b>
      <span>{t("restore.downloaded")}</span>
    </div>
  );
}

interface ChartProps {
  rates: RateReading[];
  restore: RestoreView;
  label: string;
}

/** The reading every 250 ms, from the first kept one to the expected end. */
function Chart({ rates, restore, label }: ChartProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const first = rates[0];
  const last = rates.at(-1);
  if (!first || !last || rates.length < 2) return <div className="chart" aria-hidden="true" />;
  const top = Math.max(...rates.map(rate => rate.bytes_per_s));
  const ceiling = niceCeiling(top * 1.12);
  const from = first.at_ms;
  const to = Math.max(last.at_ms + (restore.eta_ms ?? 0), last.at_ms + 1);
  const x = (at: number) => ((at - from) / (to - from)) * 100;
  const y = (rate: number) => 100 - (rate / ceiling) * 100;
  const line = rates
    .map(
      (rate, index) =>
        `${index ? "L" : "M"}${x(rate.at_ms).toFixed(2)} ${y(rate.bytes_per_s).toFixed(2)}`,
    )
    .join(" ");
  return (
    <>
      <div className="chart">
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label={label}>
          {[0, 0.25, 0.5, 0.75, 1].map(grade => (
            <line
              key={grade}
              x1="0"
              x2="100"
              y1={y(grade * ceiling)}
              y2={y(grade * ceiling)}
              stroke="var(--line)"
              vectorEffect="non-scaling-stroke"
            />
          ))}
          <path d={`${line} L${x(last.at_ms)} 100 L0 100Z`} fill="var(--plot-soft)" />
          <path
            d={line}
            fill="none"
            stroke="var(--plot)"
            strokeWidth="2"
            strokeLinejoin="round"
            vectorEffect="non-scaling-stroke"
          />
        </svg>
        <span
          className="tip"
          style={{ left: `${x(last.at_ms)}%`, top: `${y(last.bytes_per_s)}%` }}
          aria-hidden="true"
        />
        {[0.5, 1].map(grade => (
          <span
            key={grade}
            className="grade"
            style={{ top: `${y(grade * ceiling)}%` }}
            aria-hidden="true"
          >
            {f.speed(grade * ceiling).join(" ")}
          </span>
        ))}
      </div>
      <div className="axis mt-1" aria-hidden="true">
        <span className="begin" style={{ left: "0%" }}>
          {f.seconds(from)}
        </span>
        {x(last.at_ms) > 12 && x(last.at_ms) < 84 ? (
          <span style={{ left: `${x(last.at_ms)}%` }}>
            {t("restore.atNow", { time: f.seconds(last.at_ms) })}
          </span>
        ) : null}
        <span className="end" style={{ left: "100%" }}>
          {f.seconds(to)}
        </span>
      </div>
    </>
  );
}

/** 1, 2, 4, 5 or 8 times a power of ten: grades read well in halves. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  const factor = [1, 2, 4, 5, 8, 10].find(factor => factor * power >= value) ?? 10;
  return factor * power;
}
