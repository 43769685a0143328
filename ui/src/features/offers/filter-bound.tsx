// The bounds an offer filter has, each a figure as people say it: GB where the
// engine counts MB, dollars where it counts micro-dollars.

import type { ParseKeys } from "i18next";
import { useTranslation } from "react-i18next";
import type { OfferFilter } from "../../bindings";
import { BoundField } from "./filter-field";

/** The filter's figures. */
type Figure = {
  [K in keyof OfferFilter]-?: NonNullable<OfferFilter[K]> extends number ? K : never;
}[keyof OfferFilter];

interface Bound {
  label: ParseKeys;
  sign?: "≤" | "≥";
  digits?: number;
  /** So many of the engine's are one of what is shown. */
  per?: number;
  /** The engine takes fractions. */
  exact?: true;
}

const BOUNDS: Record<Figure, Bound> = {
  max_price: { label: "recipes.fields.price", sign: "≤", digits: 3, per: 1e6 },
  num_gpus: { label: "offers.count" },
  min_gpu_ram_mb: { label: "offers.vram", sign: "≥", per: 1_024 },
  min_reliability: { label: "offers.reliability", sign: "≥", digits: 1, per: 0.01, exact: true },
  min_duration_s: { label: "offers.days", sign: "≥", digits: 1, per: 86_400 },
  min_inet_down_mbps: { label: "offers.down", sign: "≥" },
  min_inet_up_mbps: { label: "offers.up", sign: "≥" },
  max_down_usd_micros_per_gb: { label: "offers.traffic", sign: "≤", digits: 3, per: 1e6 },
  min_disk_bw_mb_s: { label: "offers.diskSpeed", sign: "≥" },
  disk_gb: { label: "offers.disk", sign: "≥" },
  min_cuda: { label: "offers.cuda", sign: "≥", digits: 1, exact: true },
  min_compute_cap: { label: "offers.capability", sign: "≥", digits: 1, per: 100 },
  min_cpu_cores: { label: "offers.cores", sign: "≥" },
  min_cpu_ram_mb: { label: "offers.ram", sign: "≥", per: 1_024 },
};

interface FilterBoundProps {
  of: Figure;
  filter: OfferFilter;
  onFilter: (part: Partial<OfferFilter>) => void;
}

export function FilterBound({ of, filter, onFilter }: FilterBoundProps) {
  const { t } = useTranslation();
  const { label, sign, digits = 0, per = 1, exact } = BOUNDS[of];
  const kept = filter[of];
  return (
    <BoundField
      label={t(label)}
      sign={sign}
      digits={digits}
      // Dividing by the inverse keeps 99.7 % a round figure.
      value={kept == null ? null : per < 1 ? kept * (1 / per) : kept / per}
      onChange={shown => {
        const figure = shown === null ? null : per < 1 ? shown / (1 / per) : shown * per;
        onFilter({ [of]: figure === null || exact ? figure : Math.round(figure) });
      }}
    />
  );
}
