// Every filter there is. Bounds go to the server; what only we know is
// filtered here.

import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { CloudId, OfferFilter, OwnFilter, Rate } from "../../bindings";
import { SelectField } from "../../design/controls";
import { Icon } from "../../design/icon";
import { CLOUD_NAMES } from "../../design/parts";
import { GPUS } from "../launch/draft";
import { PriceField } from "../launch/price-field";
import { BoundField, CountriesField, SwitchBound } from "./filter-field";
import { countSet } from "./rows";

interface FilterPanelProps {
  filter: OfferFilter;
  own: OwnFilter;
  prices: Rate[];
  clouds: CloudId[];
  onFilter: (part: Partial<OfferFilter>) => void;
  onOwn: (part: Partial<OwnFilter>) => void;
  onClear: () => void;
  /** In a drawer: the way out. */
  onClose: (() => void) | undefined;
}

export function FilterPanel(props: FilterPanelProps) {
  const { filter, own, prices, clouds, onFilter, onOwn, onClear, onClose } = props;
  const { t } = useTranslation();
  const set = countSet(filter, own);
  const gpus = [...new Set([...GPUS, ...(filter.gpu ? [filter.gpu] : [])])];
  const gb = (mb: number | null | undefined) => (mb == null ? null : Math.round(mb / 1_024));
  const mb = (gb: number | null) => (gb === null ? null : gb * 1_024);
  return (
    <aside className="filters" aria-label={t("offers.filters")}>
      <div className="filters-head">
        <h2>{t("offers.filters")}</h2>
        {set ? <span className="tag accent">{t("offers.set", { count: set })}</span> : null}
        <span className="flex-1" />
        {set ? (
          <button type="button" className="btn ghost small" onClick={onClear}>
            {t("offers.clear")}
          </button>
        ) : null}
        {onClose ? (
          <button
            type="button"
            className="btn ghost small icon-only"
            aria-label={t("app.close")}
            onClick={onClose}
          >
            <Icon of={X} />
          </button>
        ) : null}
      </div>
      <div className="filters-body">
        <div className="filters-top">
          <SelectField
            label={t("offers.gpu")}
            value={filter.gpu ?? null}
            choices={[
              { value: null, label: t("launch.anyGpu") },
              ...gpus.map(name => ({ value: name, label: name })),
            ]}
            onChange={gpu => onFilter({ gpu })}
            className="small w-full"
          >
            {filter.gpu ?? t("launch.anyGpu")}
          </SelectField>
          {clouds.length > 1 ? (
            <SelectField
              label={t("offers.cloud")}
              value={filter.clouds?.[0] ?? null}
              choices={[
                { value: null, label: t("offers.everyCloud") },
                ...clouds.map(cloud => ({ value: cloud, label: CLOUD_NAMES[cloud] })),
              ]}
              onChange={cloud => onFilter({ clouds: cloud ? [cloud] : [] })}
              className="small w-full"
            >
              {filter.clouds?.[0] ? CLOUD_NAMES[filter.clouds[0]] : t("offers.everyCloud")}
            </SelectField>
          ) : null}
        </div>
        <div className="filters-price">
          <PriceField
            cap={filter.max_price ?? null}
            prices={prices}
            onChange={max_price => onFilter({ max_price })}
            narrow
          />
        </div>
        <BoundField
          label={t("offers.count")}
          value={filter.num_gpus}
          onChange={num_gpus => onFilter({ num_gpus })}
        />
        <BoundField
          label={t("offers.vram")}
          sign="≥"
          value={gb(filter.min_gpu_ram_mb)}
          onChange={value => onFilter({ min_gpu_ram_mb: mb(value) })}
        />
        <BoundField
          label={t("offers.value")}
          sign="≥"
          value={own.min_value}
          onChange={min_value => onOwn({ min_value })}
        />

        <h3>{t("offers.host")}</h3>
        <BoundField
          label={t("offers.reliability")}
          sign="≥"
          digits={1}
          value={filter.min_reliability == null ? null : filter.min_reliability * 100}
          onChange={value => onFilter({ min_reliability: value === null ? null : value / 100 })}
        />
        <BoundField
          label={t("offers.boots")}
          sign="≤"
          digits={1}
          value={own.max_ready_ms == null ? null : own.max_ready_ms / 1_000}
          onChange={value => onOwn({ max_ready_ms: value === null ? null : value * 1_000 })}
        />
        <CountriesField
          label={t("offers.countries")}
          value={filter.countries ?? []}
          onChange={countries => onFilter({ countries })}
        />
        <SwitchBound
          label={t("offers.verified")}
          checked={filter.verified_only ?? false}
          onChange={verified_only => onFilter({ verified_only })}
        />
        <SwitchBound
          label={t("offers.datacenter")}
          checked={filter.datacenter_only ?? false}
          onChange={datacenter_only => onFilter({ datacenter_only })}
        />
        <SwitchBound
          label={t("offers.staticIp")}
          checked={filter.static_ip_only ?? false}
          onChange={static_ip_only => onFilter({ static_ip_only })}
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

        <h3>{t("offers.network")}</h3>
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
            filter.max_down_usd_micros_per_gb == null
              ? null
              : filter.max_down_usd_micros_per_gb / 1e6
          }
          onChange={usd =>
            onFilter({ max_down_usd_micros_per_gb: usd === null ? null : Math.round(usd * 1e6) })
          }
        />
        <BoundField
          label={t("offers.ports")}
          sign="≥"
          value={own.min_direct_ports}
          onChange={min_direct_ports => onOwn({ min_direct_ports })}
        />
        <SwitchBound
          label={t("offers.direct")}
          checked={filter.direct_only ?? false}
          onChange={direct_only => onFilter({ direct_only })}
        />
        <BoundField
          label={t("offers.diskSpeed")}
          sign="≥"
          value={filter.min_disk_bw_mb_s}
          onChange={min_disk_bw_mb_s => onFilter({ min_disk_bw_mb_s })}
        />
        <BoundField
          label={t("offers.disk")}
          sign="≥"
          value={filter.disk_gb}
          onChange={value => onFilter({ disk_gb: value === null ? null : Math.round(value) })}
        />

        <h3>{t("offers.board")}</h3>
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
          label={t("offers.pcie")}
          sign="≥"
          digits={1}
          value={own.min_pcie_bw_gb_s}
          onChange={min_pcie_bw_gb_s => onOwn({ min_pcie_bw_gb_s })}
        />
      </div>
    </aside>
  );
}
