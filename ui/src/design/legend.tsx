import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Step } from "../bindings";

/** One sample of the time bar with its word. */
export function LegendStep({ step, tone = "past" }: { step: Step; tone?: "past" | "live" }) {
  const { t } = useTranslation();
  return (
    <LegendItem
      sample={
        <div className={`timebar ${tone}`}>
          <div className={`seg ${step}`} />
        </div>
      }
    >
      {t(`app.steps.${step}`)}
    </LegendItem>
  );
}

export function LegendItem({ sample, children }: { sample: ReactNode; children: ReactNode }) {
  return (
    <span className="legend">
      <span aria-hidden="true">{sample}</span>
      {children}
    </span>
  );
}
