// The filters a recipe brings along; the Offers screen has the same.

import { useTranslation } from "react-i18next";
import type { OfferFilter } from "../../bindings";
import { CheckField } from "../../design/controls";
import { BoundField, CountriesField } from "../offers/filter-field";

interface BoundsProps {
  filter: OfferFilter;
  onFilter: (part: Partial<OfferFilter>) => void;
}

export function Bounds({ filter, onFilter }: BoundsProps) {
  const { t } = useTranslation();
  const gb = (mb: number | null | undefined) => (mb == null ? null : Math.round(mb / 1_024));
  const mb = (value: number | null) => (value === null ? null : value * 1_024);
  return (
    <div className="recipe-bounds">
      <BoundField
        label={t("recipes.fields.price")}
        sign="≤"
        digits={3}
        value={filter.max_price == null ? null : filter.max_price / 1e6}
        onChange={usd => onFilter({ max_price: usd === null ? null : Math.round(usd * 1e6) })}
      />
      <BoundField
        label={t("offers.vram")}
        sign="≥"
        value={gb(filter.min_gpu_ram_mb)}
        onChange={value => onFilter({ min_gpu_ram_mb: mb(value) })}
      />
      <BoundField
        label={t("offers.reliability")}
        sign="≥"
        digits={1}
        value={filter.min_reliability == null ? null : filter.min_reliability * 100}
        onChange={value => onFilter({ min_reliability: value === null ? null : value / 100 })}
      />
      <BoundField
        label={t("offers.down")}
        sign="≥"
        value={filter.min_inet_down_mbps}
        onChange={min_inet_down_mbps => onFilter({ min_inet_down_mbps })}
      />
      <BoundField
        label={t("offers.up")}
        sign="≥"
        value={filter.min_inet_up_mbps}
        onChange={min_inet_up_mbps => onFilter({ min_inet_up_mbps })}
      />
      <BoundField
        label={t("offers.traffic")}
        sign="≤"
        digits={3}
        value={
          filter.max_down_usd_micros_per_gb == null ? null : filter.max_down_usd_micros_per_gb / 1e6
        }
        onChange={usd =>
          onFilter({ max_down_usd_micros_per_gb: usd === null ? null : Math.round(usd * 1e6) })
        }
      />
      <BoundField
        label={t("offers.diskSpeed")}
        sign="≥"
        value={filter.min_disk_bw_mb_s}
        onChange={min_disk_bw_mb_s => onFilter({ min_disk_bw_mb_s })}
      />
      <BoundField
        label={t("offers.cuda")}
        sign="≥"
        digits={1}
        value={filter.min_cuda}
        onChange={min_cuda => onFilter({ min_cuda })}
      />
      <BoundField
        label={t("offers.capability")}
        sign="≥"
        digits={1}
        value={filter.min_compute_cap == null ? null : filter.min_compute_cap / 100}
        onChange={value =>
          onFilter({ min_compute_cap: value === null ? null : Math.round(value * 100) })
        }
      />
      <BoundField
        label={t("offers.cores")}
        sign="≥"
        value={filter.min_cpu_cores}
        onChange={min_cpu_cores => onFilter({ min_cpu_cores })}
      />
      <BoundField
        label={t("offers.ram")}
        sign="≥"
        value={gb(filter.min_cpu_ram_mb)}
        onChange={value => onFilter({ min_cpu_ram_mb: mb(value) })}
      />
      <BoundField
        label={t("offers.days")}
        sign="≥"
        digits={1}
        value={filter.min_duration_s == null ? null : filter.min_duration_s / 86_400}
        onChange={days =>
          onFilter({ min_duration_s: days === null ? null : Math.round(days * 86_400) })
        }
      />
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
