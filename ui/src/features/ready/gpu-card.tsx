// What the machine's GPUs do now.

import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useRun } from "../../app/run";
import { machineIdOf } from "../../app/spans";
import { Sparkline } from "../../design/sparkline";
import { standingOf } from "../machines/kept-card";
import { sumOf, useReadings } from "../machines/readings";
import { useListedMachine } from "../restore/machine-card";

export function GpuCard() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const id = machineIdOf(view) ?? "";
  const listed = useListedMachine();
  const { readings } = useReadings(id, listed !== null && standingOf(listed) === "ready");
  const now = readings.at(-1);
  const first = now?.gpus[0];
  if (!now || !first) return null;
  const sum = sumOf(now.gpus);
  const series = (pick: (sum: ReturnType<typeof sumOf>) => number | null) =>
    readings.flatMap(reading => pick(sumOf(reading.gpus)) ?? []);
  const gib = (mb: number) => f.decimal(mb / 1_024, 1);
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("machines.gpu")}</h2>
        <span className="caption">
          {now.gpus.length > 1 ? `${now.gpus.length} × ${first.name}` : first.name}
        </span>
        <span className="flex-1" />
        {sum.temperature === null ? null : (
          <span className="caption">
            {t("machines.heat", { degrees: f.count(sum.temperature) })}
          </span>
        )}
      </div>
      <dl className="gpu-figures">
        <div>
          <dt>{t("machines.use")}</dt>
          <dd>
            {sum.util === null ? "–" : f.count(sum.util)} <small>%</small>
          </dd>
          <Sparkline values={series(one => one.util)} top={100} />
        </div>
        <div>
          <dt>{t("machines.vram")}</dt>
          <dd>
            {sum.usedMb === null ? "–" : gib(sum.usedMb)}{" "}
            <small>
              {sum.totalMb === null
                ? ""
                : t("machines.ofGb", { all: f.count(Math.round(sum.totalMb / 1_024)) })}
            </small>
          </dd>
          <Sparkline values={series(one => one.usedMb)} top={sum.totalMb ?? 0} />
        </div>
        <div>
          <dt>{t("machines.power")}</dt>
          <dd>
            {sum.powerW === null ? "–" : f.count(sum.powerW)}{" "}
            <small>
              {sum.limitW === null ? "" : t("machines.ofWatt", { all: f.count(sum.limitW) })}
            </small>
          </dd>
          <Sparkline values={series(one => one.powerW)} top={sum.limitW ?? 0} />
        </div>
      </dl>
    </section>
  );
}
