import { Gpu } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { Estimate } from "../../bindings";
import { SelectField } from "../../design/controls";
import { Icon } from "../../design/icon";
import { type Draft, GPU_COUNTS, GPUS, withFilter } from "./draft";

interface GpuFieldProps {
  draft: Draft;
  estimate: Estimate | undefined;
  onChange: (draft: Draft) => void;
}

export function GpuField({ draft, estimate, onChange }: GpuFieldProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const gpu = draft.filter.gpu ?? null;
  const count = draft.filter.num_gpus ?? 1;
  const names = [...new Set([...GPUS, ...(gpu ? [gpu] : [])])];
  const counts = [...new Set([...GPU_COUNTS, count])].sort((a, b) => a - b);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <SelectField
        label={t("launch.gpu")}
        value={gpu}
        choices={[
          { value: null, label: t("launch.anyGpu") },
          ...names.map(name => ({ value: name, label: name })),
        ]}
        onChange={value => onChange(withFilter(draft, { gpu: value }))}
        className="min-w-[148px]"
      >
        <Icon of={Gpu} />
        {gpu ?? t("launch.anyGpu")}
      </SelectField>
      <SelectField
        label={t("launch.gpuCount")}
        value={count}
        choices={counts.map(number => ({ value: number, label: `× ${number}` }))}
        onChange={value => onChange(withFilter(draft, { num_gpus: value }))}
        className="min-w-[64px]"
      >
        {`× ${count}`}
      </SelectField>
      <span className="flex-1" />
      <span className="caption" role="status">
        {estimate
          ? `${t("launch.offersNow", { count: estimate.usable, offers: f.count(estimate.usable) })}, ${t(
              estimate.truncated ? "launch.seenMore" : "launch.seen",
              { count: estimate.found, found: f.count(estimate.found) },
            )}`
          : ""}
      </span>
    </div>
  );
}
