// The three policies, each with a sentence and, where the estimate knows, with
// its own prediction and worst cost.

import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { Estimate, RacePolicy } from "../../bindings";
import { Axis } from "../../design/axis";
import { scaleFor } from "../../design/scale";
import type { Records } from "./record";
import { SpreadBar } from "./spread";

export const POLICIES: RacePolicy[] = ["strict", "keep-racing", "all-at-once"];

interface PolicyTableProps {
  value: RacePolicy;
  estimates: Record<RacePolicy, Estimate | undefined>;
  /** There are boots of our own to predict from. */
  history: boolean;
  /** What earlier runs of this recipe say. */
  records: Records;
  onChange: (policy: RacePolicy) => void;
}

export function PolicyTable({ value, estimates, history, records, onChange }: PolicyTableProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const spreads = POLICIES.map(policy => estimates[policy]?.shell ?? null);
  const scale = scaleFor(Math.max(...spreads.map(spread => spread?.p90_ms ?? 0), 30_000) * 1.02, 3);
  return (
    <section className="card policies" data-plain={history ? undefined : ""}>
      <div className="policies-head">
        <span />
        <h2 id="policies" className="text-ink">
          {t("launch.policy.title")}
        </h2>
        <div className="history-only plot">
          <Axis scale={scale} />
        </div>
        <span className="figure-n history-only">{t("app.marks.shell")}</span>
        <span className="figure-n history-only wide">{t("launch.policy.chance")}</span>
        <span className="figure-n history-only wide">{t("launch.policy.likely")}</span>
        <span className="figure-n">{t("launch.policy.atMost")}</span>
      </div>
      <RadioGroup
        aria-labelledby="policies"
        value={value}
        onValueChange={next => onChange(next as RacePolicy)}
      >
        {POLICIES.map(policy => {
          const estimate = estimates[policy];
          const record = records[policy];
          return (
            <Radio.Root
              key={policy}
              value={policy}
              className="policy w-full text-left"
              nativeButton
              render={<button type="button" />}
            >
              <span className="radio-dot" />
              <span className="flex min-w-0 flex-col">
                <b className="font-semibold">{t(`app.policy.${policy}`)}</b>
                <span className="text-12 text-ink-2">{t(`launch.policy.${policy}`)}</span>
              </span>
              <span className="history-only plot">
                <SpreadBar spread={estimate?.shell ?? null} scale={scale} />
              </span>
              <span className="figure-n history-only font-semibold">
                {estimate?.shell ? f.roughly(estimate.shell.median_ms) : "–"}
              </span>
              <span className="figure-n history-only wide">
                {record ? f.percent(record.chance) : "–"}
              </span>
              <span className="figure-n history-only wide text-ink-2">
                {record ? f.money(record.usual) : "–"}
              </span>
              <span className="figure-n">{estimate ? f.money(estimate.at_most) : "–"}</span>
            </Radio.Root>
          );
        })}
      </RadioGroup>
    </section>
  );
}
