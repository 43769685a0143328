// Figures as people read them, in the window's language. Units and digits are
// the same on every screen: "21.6 s", "$0.412", "7.12 GB", "251 MB/s".

import { useTranslation } from "react-i18next";
import type { Money, Rate } from "../bindings";

const NBSP = "\u00a0";

export interface Formats {
  /** `21.6 s`, from milliseconds. */
  seconds(ms: number): string;
  /** `21.6`, without the unit. */
  tenths(ms: number): string;
  /** `21 s`: predictions are not known to the tenth. */
  roughly(ms: number): string;
  /** `$0.012`, three digits under ten cents; never rounded down. */
  money(micros: Money): string;
  /** `["$0.50", "66"]`: cents, and what moves behind them. */
  moneyParts(micros: Money): [string, string];
  /** `$0.412`, always three digits. */
  price(micros: Rate): string;
  /** `$0.412`, and `0,412` where the head of the table names the currency. */
  cell(micros: Rate): string;
  /** `$0.412 /h`, three digits under a dollar. */
  perHour(micros: Rate): string;
  /** `7.12 GB`. */
  bytes(bytes: number): string;
  /** `["3.27", "GB"]`: in the unit that `total` is shown in. */
  bytesLike(bytes: number, total: number): [string, string];
  /** `["251", "MB/s"]`. */
  speed(bytesPerSecond: number): [string, string];
  /** `3.1 Gbit/s`. */
  line(mbps: number): string;
  count(n: number): string;
  /** `46 %`, from 0…1. */
  percent(share: number): string;
  /** `12:03:07`. */
  clock(at: Date): string;
  /** `09:31`. */
  minute(at: Date): string;
  /** `Fri 20 Nov`. */
  day(at: Date): string;
  /** `Friday 20 November`. */
  fullDay(at: Date): string;
  /** The same within a line. */
  dayInLine(at: Date): string;
  /** `20 Nov`. */
  date(at: Date): string;
  /** `November`. */
  month(at: Date): string;
  /** `$120`, without cents where there are none. */
  dollars(micros: Money): string;
  /** `1 h 12 min`, `12 min`, `40 s`. */
  span(ms: number): string;
  /** `0.60`, as people type it. */
  typed(value: number, most?: number): string;
  /** `0.004`: dollars a GB, where the head of the table names the unit. */
  traffic(micros: number): string;
  /** `12.4`, with so many decimals. */
  decimal(value: number, digits: number): string;
}

const UNITS: [number, string][] = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

/** A formatter takes a while to make, and a screen needs few: each when it is first used. */
function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const known = new Map<string, Formats>();

/** The formats of a language, made once. */
export function formats(locale: string): Formats {
  const found = known.get(locale) ?? makeFormats(locale);
  known.set(locale, found);
  return found;
}

function makeFormats(locale: string): Formats {
  const numbers = new Map<string, Intl.NumberFormat>();
  const number = (digits: number, rest: Intl.NumberFormatOptions = {}) => {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, ...rest };
    const key = JSON.stringify(options);
    const found = numbers.get(key) ?? new Intl.NumberFormat(locale, options);
    numbers.set(key, found);
    return found;
  };
  const whole = lazy(() => number(0));
  const tenth = lazy(() => number(1));
  const money = (digits: number) =>
    number(digits, { style: "currency", currency: "USD", roundingMode: "ceil" } as object);
  const cents = lazy(() => money(2));
  const mills = lazy(() => money(3));
  const thousandths = lazy(() => number(3));
  const three = lazy(() => new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 }));
  // Day before month, in every English too: "20 Nov".
  const dates = locale === "en" ? "en-GB" : locale;
  const clock = lazy(
    () =>
      new Intl.DateTimeFormat(locale, {
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
        hourCycle: "h23",
      }),
  );
  const minute = lazy(
    () =>
      new Intl.DateTimeFormat(locale, {
        hour: "2-digit",
        minute: "2-digit",
        hourCycle: "h23",
      }),
  );
  const day = lazy(
    () => new Intl.DateTimeFormat(dates, { weekday: "short", day: "numeric", month: "short" }),
  );
  const date = lazy(() => new Intl.DateTimeFormat(dates, { day: "numeric", month: "short" }));
  const fullDay = lazy(
    () =>
      new Intl.DateTimeFormat(dates, {
        weekday: "long",
        day: "numeric",
        month: "long",
      }),
  );
  const month = lazy(() => new Intl.DateTimeFormat(locale, { month: "long" }));
  const upper = (text: string) => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);

  const scaled = (value: number, scale: number) => {
    const shown = value / scale;
    return scale === 1 || shown >= 100
      ? whole().format(shown)
      : number(shown >= 10 ? 1 : 2).format(shown);
  };
  const unitOf = (bytes: number): [number, string] =>
    UNITS.find(([scale]) => bytes >= scale) ?? [1, "B"];

  return {
    tenths: ms => tenth().format(Math.max(ms, 0) / 1_000),
    seconds(ms) {
      if (ms < 600_000) return `${tenth().format(Math.max(ms, 0) / 1_000)}${NBSP}s`;
      const minutes = Math.floor(ms / 60_000);
      const rest = Math.floor((ms % 60_000) / 1_000);
      return `${whole().format(minutes)}${NBSP}min${NBSP}${whole().format(rest)}${NBSP}s`;
    },
    roughly: ms => `${whole().format(ms / 1_000)}${NBSP}s`,
    money: micros =>
      (micros && Math.abs(micros) < 100_000 ? mills() : cents()).format(micros / 1e6),
    moneyParts(micros) {
      const text = money(4).format(micros / 1e6);
      return [text.slice(0, -2), text.slice(-2)];
    },
    price: micros => mills().format(micros / 1e6),
    cell: micros => (locale.startsWith("en") ? mills() : thousandths()).format(micros / 1e6),
    perHour: micros =>
      `${(micros && micros < 1e6 ? mills() : cents()).format(micros / 1e6)}${NBSP}/h`,
    bytes(bytes) {
      const [scale, unit] = unitOf(bytes);
      return `${scaled(bytes, scale)}${NBSP}${unit}`;
    },
    bytesLike(bytes, total) {
      const [scale, unit] = unitOf(total);
      return [scaled(bytes, scale), unit];
    },
    speed(bytesPerSecond) {
      const mega = bytesPerSecond / 1e6;
      return [mega >= 10 ? whole().format(mega) : tenth().format(mega), "MB/s"];
    },
    line: mbps =>
      mbps >= 1_000
        ? `${tenth().format(mbps / 1_000)}${NBSP}Gbit/s`
        : `${three().format(mbps)}${NBSP}Mbit/s`,
    count: n => whole().format(n),
    percent: share => `${whole().format(Math.floor(share * 100))}${NBSP}%`,
    clock: at => clock().format(at),
    minute: at => minute().format(at),
    fullDay: at => upper(fullDay().format(at).replace(",", "")),
    dayInLine: at => fullDay().format(at).replace(",", ""),
    date: at => date().format(at).replace(".", ""),
    month: at => upper(month().format(at)),
    dollars: micros => (micros % 1e6 === 0 ? money(0) : cents()).format(micros / 1e6),
    span(ms) {
      const seconds = Math.max(Math.floor(ms / 1_000), 0);
      const minutes = Math.floor(seconds / 60);
      const hours = Math.floor(minutes / 60);
      if (minutes === 0) return `${whole().format(seconds)}${NBSP}s`;
      if (hours === 0) return `${whole().format(minutes)}${NBSP}min`;
      return `${whole().format(hours)}${NBSP}h${NBSP}${whole().format(minutes % 60)}${NBSP}min`;
    },
    typed(value, most = 3) {
      const least = Number.isInteger(value) && most < 2 ? 0 : Math.min(2, most);
      return number(most, { minimumFractionDigits: least, useGrouping: false }).format(value);
    },
    traffic: micros => thousandths().format(micros / 1e6),
    decimal: (value, digits) => number(digits).format(value),
    day(at) {
      const part = (type: Intl.DateTimeFormatPartTypes) =>
        day()
          .formatToParts(at)
          .find(found => found.type === type)
          ?.value.replace(".", "") ?? "";
      return `${part("weekday")} ${part("day")} ${part("month")}`;
    },
  };
}

/** The formats of the window's language. */
export function useFormats(): Formats {
  const { i18n } = useTranslation();
  const locale = i18n.resolvedLanguage ?? "en";
  return formats(locale);
}

/** `today 09:31`, `yesterday 22:08`, `Fri 20 Nov`. */
export function useWhen(): (at: string, now: number) => string {
  const { t } = useTranslation();
  const f = useFormats();
  return (at, now) => {
    const date = new Date(at);
    const midnight = new Date(now).setHours(0, 0, 0, 0);
    const time = f.minute(date);
    if (date.getTime() >= midnight) return t("app.today", { time });
    if (date.getTime() >= midnight - 86_400_000) return t("app.yesterday", { time });
    return f.day(date);
  };
}
