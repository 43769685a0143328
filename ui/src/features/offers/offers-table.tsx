// Offers in rows: a grid one walks with arrows and picks from with Space.

import { Ban, ChevronDown, ChevronUp, Server, ShieldCheck, Star } from "lucide-react";
import { type KeyboardEvent, memo, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { HostRecord, OfferRow } from "../../bindings";
import { Icon } from "../../design/icon";
import { CLOUD_NAMES, CloudBadge } from "../../design/parts";
import { type Column, isBlocked, isPreferred, type Order, worthOf } from "./rows";
import { useWindow } from "./use-window";

const ROW_PX = 28;
const DOTS = 8;
/** Figures read best from the highest down. */
const HIGHEST_FIRST: Column[] = [
  "value",
  "reliability",
  "down",
  "up",
  "disk",
  "cuda",
  "vram",
  "ports",
];

interface OffersTableProps {
  rows: OfferRow[];
  order: Order;
  onOrder: (order: Order) => void;
  picked: ReadonlySet<string>;
  onPick: (id: string, picked: boolean) => void;
}

interface Head {
  column: Column | null;
  name: string;
  number?: boolean;
  /** Folds away where there is little room: 1 first. */
  fold?: 1 | 2 | 3 | 4;
}

export function OffersTable({ rows, order, onOrder, picked, onPick }: OffersTableProps) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const window = useWindow(scroller, rows.length, ROW_PX);
  const [active, setActive] = useState(0);
  const wanted = useRef(false);
  const at = Math.min(active, Math.max(rows.length - 1, 0));
  const highest = Math.max(...rows.slice(0, 400).map(worthOf), 1);

  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    scroller.current?.querySelector<HTMLElement>(`[data-index="${at}"]`)?.focus();
  });

  const heads: Head[] = [
    { column: "gpu", name: t("offers.head.gpu") },
    { column: "count", name: "×", number: true, fold: 2 },
    { column: "vram", name: "GB", number: true, fold: 2 },
    { column: "price", name: t("offers.head.price"), number: true },
    { column: "value", name: t("offers.head.value"), number: true, fold: 3 },
    { column: "reliability", name: t("offers.head.reliability"), number: true, fold: 3 },
    { column: "down", name: t("offers.head.down"), number: true, fold: 4 },
    { column: "up", name: t("offers.head.up"), number: true, fold: 2 },
    { column: "disk", name: t("offers.head.disk"), number: true, fold: 1 },
    { column: "cuda", name: t("offers.head.cuda"), number: true, fold: 1 },
    { column: null, name: t("offers.head.host"), fold: 3 },
    { column: "place", name: t("offers.head.place"), fold: 4 },
    { column: "ports", name: t("offers.head.ports"), number: true, fold: 1 },
    { column: "traffic", name: t("offers.head.traffic"), number: true, fold: 1 },
    { column: "boots", name: t("offers.head.boots") },
  ];

  const move = (next: number) => {
    const to = Math.min(Math.max(next, 0), rows.length - 1);
    setActive(to);
    wanted.current = true;
    const element = scroller.current;
    if (!element) return;
    const top = to * ROW_PX;
    const room = element.clientHeight - ROW_PX;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + room - ROW_PX) element.scrollTop = top - room + ROW_PX;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(Math.floor((scroller.current?.clientHeight ?? 0) / ROW_PX) - 1, 1);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    };
    const step = steps[event.key];
    const row = rows[at];
    if (step !== undefined) move(step);
    else if (event.key === " " && row) onPick(row.offer.id, !picked.has(row.offer.id));
    else return;
    event.preventDefault();
  };
  const sort = (column: Column) =>
    onOrder(
      order.column === column
        ? { column, descending: !order.descending }
        : { column, descending: HIGHEST_FIRST.includes(column) },
    );

  return (
    <div ref={scroller} className="offers-scroll">
      <table
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: rows are picked here
        role="grid"
        className="table"
        aria-label={t("offers.title")}
        aria-multiselectable
        aria-rowcount={rows.length + 1}
        onKeyDown={onKeyDown}
      >
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">
              <span className="sr">{t("offers.head.picked")}</span>
            </th>
            {heads.map(head => (
              <th
                key={head.name}
                scope="col"
                className={`${head.number ? "n" : ""} ${head.fold ? `fold-${head.fold}` : ""}`}
                aria-sort={
                  head.column && order.column === head.column
                    ? order.descending
                      ? "descending"
                      : "ascending"
                    : undefined
                }
              >
                {head.column ? (
                  <button type="button" onClick={() => head.column && sort(head.column)}>
                    {head.name}
                    {order.column === head.column ? (
                      <Icon of={order.descending ? ChevronDown : ChevronUp} size={12} />
                    ) : null}
                  </button>
                ) : (
                  head.name
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap rows={window.from} />
          {rows.slice(window.from, window.to).map((row, offset) => {
            const index = window.from + offset;
            return (
              <Row
                key={row.offer.id}
                row={row}
                index={index}
                highest={highest}
                current={index === at}
                picked={picked.has(row.offer.id)}
                onPick={onPick}
                onActive={setActive}
              />
            );
          })}
          <Gap rows={rows.length - window.to} />
        </tbody>
      </table>
    </div>
  );
}

/** Rows that are not drawn. */
function Gap({ rows }: { rows: number }) {
  if (rows <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing of it takes the focus
    <tr aria-hidden="true" className="gap" style={{ height: rows * ROW_PX }}>
      <td colSpan={16} />
    </tr>
  );
}

/** Some clouds do not tell everything; nothing is made up for them. */
function told(value: number | null, format: (value: number) => string): string {
  return value === null ? "–" : format(value);
}

interface RowProps {
  row: OfferRow;
  index: number;
  highest: number;
  current: boolean;
  picked: boolean;
  onPick: (id: string, picked: boolean) => void;
  onActive: (index: number) => void;
}

const Row = memo(function Row(props: RowProps) {
  const { row, index, highest, current, picked, onPick, onActive } = props;
  const { t } = useTranslation();
  const f = useFormats();
  const { offer } = row;
  const value = worthOf(row);
  const blocked = isBlocked(row);
  return (
    <tr
      data-index={index}
      tabIndex={current ? 0 : -1}
      aria-rowindex={index + 2}
      aria-selected={picked}
      className={blocked ? "blocked" : undefined}
      onFocus={() => onActive(index)}
      onClick={() => {
        onActive(index);
        onPick(offer.id, !picked);
      }}
    >
      <td>
        <span className="drawn-check" data-on={picked ? "" : undefined} aria-hidden="true" />
      </td>
      <td className="gpu">
        <CloudBadge cloud={offer.cloud} />
        <span className="sr">{CLOUD_NAMES[offer.cloud]} </span>
        <span className="name">{offer.gpu}</span>
      </td>
      <td className="n fold-2 text-ink-2">{offer.num_gpus}</td>
      <td className="n fold-2 text-ink-2">{Math.round(offer.gpu_ram_mb / 1_024)}</td>
      <td className="n strong">{f.cell(offer.price)}</td>
      <td className="n fold-3">
        <span className="worth">
          {value > 0 ? f.count(value) : "–"}
          <i aria-hidden="true">
            <b style={{ width: `${Math.min(value / highest, 1) * 100}%` }} />
          </i>
        </span>
      </td>
      <td className="n fold-3">{told(offer.reliability, share => f.decimal(share * 100, 1))}</td>
      <td className="n fold-4">
        {told(offer.inet_down_mbps, f.count)}
        {row.too_slow ? <span className="sr"> {t("offers.tooSlow")}</span> : null}
      </td>
      <td className="n fold-2 text-ink-2">{told(offer.inet_up_mbps, f.count)}</td>
      <td className="n fold-1 text-ink-2">{told(offer.disk_bw_mb_s, f.count)}</td>
      <td className="n fold-1 text-ink-2">{told(offer.cuda_max, cuda => f.decimal(cuda, 1))}</td>
      <td className="fold-3">
        <span className="marks-of-host">
          {offer.verification === "verified" ? (
            <>
              <Icon of={ShieldCheck} size={14} />
              <span className="sr">{t("offers.verified")}</span>
            </>
          ) : null}
          {offer.datacenter ? (
            <>
              <Icon of={Server} size={14} />
              <span className="sr">{t("offers.datacenter")}</span>
            </>
          ) : null}
        </span>
      </td>
      <td className="place fold-4" title={offer.location}>
        {offer.location}
      </td>
      <td className="n fold-1 text-ink-2">{offer.direct_ports}</td>
      <td className="n fold-1 text-ink-2">{f.traffic(offer.down_usd_micros_per_gb)}</td>
      <td>
        {blocked ? (
          <span className="boots">
            <Icon of={Ban} size={14} />
            {t("offers.blocked")}
          </span>
        ) : (
          <Boots record={row.history} preferred={isPreferred(row)} />
        )}
      </td>
    </tr>
  );
});

/** Our own history of the host: median, won of rented, the last ones. */
function Boots({ record, preferred }: { record: HostRecord | null; preferred: boolean }) {
  const { t } = useTranslation();
  const f = useFormats();
  if (!record || record.lanes === 0) {
    return (
      <span className="boots text-ink-3">
        <span className="median">{t("race.newHost")}</span>
      </span>
    );
  }
  return (
    <span className="boots">
      <span className="median">
        {record.median_ready_ms === null ? "–" : f.seconds(record.median_ready_ms)}
      </span>
      <span className="won" title={t("offers.wonOf", { won: record.wins, of: record.lanes })}>
        {record.wins}/{record.lanes}
      </span>
      <span className="dots" aria-hidden="true">
        {record.recent.slice(-DOTS).map((inTime, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: dots have no identity
          <i key={index} className="dot" data-full={inTime || undefined} />
        ))}
      </span>
      {preferred ? (
        <>
          <Icon of={Star} size={12} className="text-accent" />
          <span className="sr">{t("hosts.preferred")}</span>
        </>
      ) : null}
    </span>
  );
}
