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
import { FilterBound } from "./filter-bound";
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
        <FilterBound of="num_gpus" filter={filter} onFilter={onFilter} />
        <FilterBound of="min_gpu_ram_mb" filter={filter} onFilter={onFilter} />
        <BoundField
          label={t("offers.value")}
          sign="≥"
          value={own.min_value}
          onChange={min_value => onOwn({ min_value })}
        />

        <h3>{t("offers.host")}</h3>
        <FilterBound of="min_reliability" filter={filter} onFilter={onFilter} />
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
        <FilterBound of="min_duration_s" filter={filter} onFilter={onFilter} />

        <h3>{t("offers.network")}</h3>
        <FilterBound of="min_inet_down_mbps" filter={filter} onFilter={onFilter} />
        <FilterBound of="min_inet_up_mbps" filter={filter} onFilter={onFilter} />
        <FilterBound of="max_down_usd_micros_per_gb" filter={filter} onFilter={onFilter} />
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
        <FilterBound of="min_disk_bw_mb_s" filter={filter} onFilter={onFilter} />
        <FilterBound of="disk_gb" filter={filter} onFilter={onFilter} />

        <h3>{t("offers.board")}</h3>
        <FilterBound of="min_cuda" filter={filter} onFilter={onFilter} />
        <FilterBound of="min_compute_cap" filter={filter} onFilter={onFilter} />
        <FilterBound of="min_cpu_cores" filter={filter} onFilter={onFilter} />
        <FilterBound of="min_cpu_ram_mb" filter={filter} onFilter={onFilter} />
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
