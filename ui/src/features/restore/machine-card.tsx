// The machine of a run: what is known of it, from its offer, its first report
// and the cloud's list.

import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useMachines } from "../../app/queries";
import { useRun } from "../../app/run";
import { machineIdOf, winnerOf } from "../../app/spans";
import type { MachineView } from "../../bindings";
import { CLOUD_NAMES } from "../../design/parts";
import { ToolRows } from "./tool-rows";

/** The run's machine as the cloud lists it. */
export function useListedMachine(): MachineView | null {
  const { view } = useRun();
  const machines = useMachines();
  const id = machineIdOf(view);
  return machines.data?.find(machine => machine.machine === id) ?? null;
}

export function MachineCard() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const machine = useListedMachine();
  const lane = winnerOf(view);
  const brief = lane?.brief ?? machine;
  if (!brief) return null;
  const id = machineIdOf(view);
  const access = view.restore?.access ?? null;
  const price = machine?.price ?? lane?.brief.usd_micros_per_hour;
  const down = lane?.brief.inet_down_mbps;
  const gpu = view.report?.gpus?.[0];
  const address = machine?.addresses.direct ?? machine?.addresses.proxy ?? null;
  const rows: [string, React.ReactNode][] = [
    [
      t("machine.host"),
      <>
        {CLOUD_NAMES[brief.cloud]} {brief.host ? <span className="mono">{brief.host}</span> : null}
        {`, ${brief.location}`}
      </>,
    ],
    [
      t("machine.gpu"),
      [
        brief.num_gpus > 1 ? `${brief.num_gpus} × ${brief.gpu}` : brief.gpu,
        gpu ? f.bytes(Math.round(gpu.memory_mb / 1_024) * 1e9) : "",
        view.report?.cuda ? `CUDA ${view.report.cuda}` : "",
      ]
        .filter(Boolean)
        .join(", "),
    ],
  ];
  if (down) rows.push([t("machine.link"), t("machine.down", { line: f.line(down) })]);
  if (view.report?.disk_free_bytes) {
    rows.push([
      t("machine.disk"),
      t("machine.free", { bytes: f.bytes(view.report.disk_free_bytes) }),
    ]);
  }
  if (id) {
    rows.push([
      t("machine.id"),
      <span key="id" className="mono selectable">
        {id}
      </span>,
    ]);
  }
  if (address) {
    rows.push([
      t("machine.address"),
      <span key="address" className="mono selectable">{`${address.host}:${address.port}`}</span>,
    ]);
  }
  if (view.host_key) {
    rows.push([
      t("machine.hostKey"),
      <span
        key="key"
        className="mono"
        title={view.host_key}
      >{`${view.host_key.slice(0, 15)}…`}</span>,
    ]);
  }
  if (lane?.deadman === false) {
    rows.push([
      t("machine.deadman"),
      <span key="deadman" className="text-warn">
        {t("machine.unarmed")}
      </span>,
    ]);
  }
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("machine.title")}</h2>
        <span className="flex-1" />
        <span className="font-semibold text-12">{price === undefined ? "" : f.perHour(price)}</span>
      </div>
      <div className="card-body">
        <dl className="pairs">
          {rows.map(([name, value]) => (
            <div key={name} className="contents">
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
          <ToolRows />
        </dl>
        {access && access !== "own" ? <p className="caption mt-3">{t("machine.dataKey")}</p> : null}
      </div>
    </section>
  );
}
