// The filters a recipe brings along; the Offers screen has the same.

import { useTranslation } from "react-i18next";
import type { OfferFilter } from "../../bindings";
import { CheckField } from "../../design/controls";
import { FilterBound } from "../offers/filter-bound";
import { CountriesField } from "../offers/filter-field";

const FIGURES = [
  "max_price",
  "min_gpu_ram_mb",
  "min_reliability",
  "min_inet_down_mbps",
  "min_inet_up_mbps",
  "max_down_usd_micros_per_gb",
  "min_disk_bw_mb_s",
  "min_cuda",
  "min_compute_cap",
  "min_cpu_cores",
  "min_cpu_ram_mb",
  "min_duration_s",
] as const;

interface BoundsProps {
  filter: OfferFilter;
  onFilter: (part: Partial<OfferFilter>) => void;
}

export function Bounds({ filter, onFilter }: BoundsProps) {
  const { t } = useTranslation();
  return (
    <div className="recipe-bounds">
      {FIGURES.map(figure => (
        <FilterBound key={figure} of={figure} filter={filter} onFilter={onFilter} />
      ))}
      <CountriesField
        label={t("offers.countries")}
        value={filter.countries ?? []}
        onChange={countries => onFilter({ countries })}
      />
      <div className="recipe-switches">
        <CheckField
          checked={filter.verified_only ?? false}
          onChange={verified_only => onFilter({ verified_only })}
        >
          {t("launch.verified")}
        </CheckField>
        <CheckField
          checked={filter.datacenter_only ?? false}
          onChange={datacenter_only => onFilter({ datacenter_only })}
        >
          {t("launch.datacenters")}
        </CheckField>
        <CheckField
          checked={filter.static_ip_only ?? false}
          onChange={static_ip_only => onFilter({ static_ip_only })}
        >
          {t("offers.staticIp")}
        </CheckField>
        <CheckField
          checked={filter.direct_only ?? false}
          onChange={direct_only => onFilter({ direct_only })}
        >
          {t("offers.direct")}
        </CheckField>
      </div>
    </div>
  );
}
